"""What the API takes and gives about files that are known already, and about files that arrive in pieces."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.upload_rows import UploadRow
from web.paging import LARGEST_ID

MAX_KNOWN_FILES = 5_000
SHA256 = "[0-9a-f]{64}"


class KnownFile(BaseModel):
    """A file by its name and content."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(description="Name of the file, with its folders where they matter.")
    sha256: str = Field(pattern=f"^{SHA256}$", description="SHA-256 of its bytes, hexadecimal in small letters.")
    n_bytes: int = Field(ge=0, le=LARGEST_ID)


class KnownFilesRequest(BaseModel):
    """Files that may be here already."""

    model_config = ConfigDict(extra="forbid")

    files: list[KnownFile] = Field(max_length=MAX_KNOWN_FILES)


class RefusedFile(BaseModel):
    """A file that could not be added, and why."""

    position: int = Field(description="Place in the request, from 0.")
    name: str
    code: str
    message: str


class KnownFilesAnswer(BaseModel):
    """What became of the files."""

    n_added: int = Field(description="Files that are new in the submission; the others of those that are here it had already.")
    missing: list[str] = Field(description="Names, cleaned as the portal shows them, of files whose bytes are to be uploaded.")
    missing_positions: list[int] = Field(description="The same files by their place in the request, from 0.")
    refused: list[RefusedFile]


class UploadPath(BaseModel):
    """The name of an upload in its address."""

    id: str = Field(pattern="^[0-9a-f]{32}$")


class TusHeader(BaseModel):
    """The header that every request of the tus protocol has."""

    tus_resumable: str = Field(alias="Tus-Resumable", description="`1.0.0`")


class CreationHeader(TusHeader):
    """Headers that open an upload."""

    upload_length: int = Field(alias="Upload-Length", ge=0, le=LARGEST_ID, description="Size of the file.")
    upload_metadata: str = Field(
        alias="Upload-Metadata",
        description="`submission_id` and `filename`, each with its value in base64, separated by commas; `sha256` of the file "
        "where it is known, which is compared at the end.",
    )


class ChunkHeader(TusHeader):
    """Headers of a piece of a file."""

    upload_offset: int = Field(alias="Upload-Offset", ge=0, le=LARGEST_ID, description="Bytes of the file before this piece.")
    upload_checksum: str | None = Field(
        None,
        alias="Upload-Checksum",
        description="`sha1` or `sha256` and the digest of the body in base64; the body is 32 MiB at most then.",
    )


class Upload(BaseModel):
    """A file that arrives in pieces."""

    model_config = ConfigDict(from_attributes=True)

    kind: Literal["upload"] = "upload"
    id: str
    submission_id: int
    name: str
    n_bytes: int
    n_received: int = Field(description="Bytes that are here for good.")
    sha256: str | None = Field(description="Of the whole file, when all of it is here.")
    created_at: datetime
    expires_at: datetime = Field(description="When the upload is removed unless more comes.")
    completed_at: datetime | None

    @classmethod
    def of(cls, row: UploadRow) -> "Upload":
        """Describe a row."""
        return cls.model_validate(row)


class DirectUploadRequest(BaseModel):
    """A file that is to go to the file store itself."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, description="Name of the file, with its folders where they matter.")
    n_bytes: int = Field(ge=0, le=LARGEST_ID)
    sha256: str | None = Field(
        None, pattern=f"^{SHA256}$", description="SHA-256 of its bytes where it is known; compared with what arrived."
    )


class DirectUpload(BaseModel):
    """Where a file is sent, past the portal."""

    id: str = Field(description="Name of the upload, under which its end is told.")
    url: str = Field(description="Takes the bytes by one PUT, exactly as many as were announced.")
    url_expires_at: datetime
