"""Files that arrive in pieces, by the tus protocol 1.0 with its extensions creation, termination, checksum and expiration.

The protocol: https://tus.io/protocols/resumable-upload.
"""

import base64
import re
from email.utils import format_datetime
from http import HTTPStatus

from flask import Response, request, url_for
from flask_openapi3 import RawModel

from shared import resumable
from shared.errors import InputError
from web import resumable_uploads
from web.api.blueprint import answer, api_blueprint
from web.receiving import CutBody, upload_slot
from web.resumable_uploads import MAX_CHECKED_BYTES, Checksum
from web.schemas import AddedFile, ErrorAnswer
from web.services import services
from web.upload_schemas import SHA256, ChunkHeader, CreationHeader, TusHeader, Upload, UploadPath

VERSION = "1.0.0"
EXTENSIONS = "creation,termination,checksum,expiration"
# The protocol wants sha1 of every server.
CHECKSUM_ALGORITHMS = ("sha1", "sha256")
CHUNK_TYPE = "application/offset+octet-stream"

api = api_blueprint("uploads", "Large files in pieces, by the tus protocol 1.0: an upload goes on where it broke off.")


class ChunkBody(RawModel):
    """A body that is a piece of a file."""

    mimetypes = [CHUNK_TYPE]  # noqa: RUF012 - the library declares it so


@api.before_request
def require_version() -> None:
    """Refuse who speaks another version; reading the state as JSON needs none."""
    if request.method in ("POST", "HEAD", "PATCH", "DELETE") and request.headers.get("Tus-Resumable") != VERSION:
        raise InputError(f"The portal speaks version {VERSION} of the tus protocol (Tus-Resumable).", code="tus_version")


@api.after_request
def add_protocol_headers(response: Response) -> Response:
    """Say what is spoken here, and keep caches out."""
    response.headers["Tus-Resumable"] = VERSION
    response.headers["Cache-Control"] = "no-store"
    if request.method == "OPTIONS" or response.status_code == HTTPStatus.PRECONDITION_FAILED:
        response.headers["Tus-Version"] = VERSION
        response.headers["Tus-Extension"] = EXTENSIONS
        response.headers["Tus-Max-Size"] = str(services().settings.max_upload_bytes)
        response.headers["Tus-Checksum-Algorithm"] = ",".join(CHECKSUM_ALGORITHMS)
    return response


@api.post("/uploads", responses={201: Upload, 412: ErrorAnswer, 413: ErrorAnswer, 507: ErrorAnswer})
def begin_upload(header: CreationHeader) -> Response:
    """Open an upload into a submission; its address is in `Location`."""
    metadata = _metadata(header.upload_metadata)
    begun = resumable_uploads.begin(
        services(),
        _submission_id(metadata.get("submission_id", "")),
        metadata.get("filename", ""),
        header.upload_length,
        _stated_digest(metadata.get("sha256")),
    )
    response = _with_state(answer(begun, 201), begun)
    response.headers["Location"] = url_for(".show_upload", id=begun.id)
    return response


@api.get("/uploads/<id>", responses={200: Upload, 410: ErrorAnswer, 412: ErrorAnswer})
def show_upload(path: UploadPath) -> Response:
    """Show how much of an upload is here; HEAD answers the same in headers."""
    with services().database.reading() as session:
        found = Upload.of(resumable.upload(session, path.id))
    return _with_state(answer(found), found)


@api.get("/uploads/<id>/file", responses={200: AddedFile, 409: ErrorAnswer, 410: ErrorAnswer})
def show_added_file(path: UploadPath) -> Response:
    """Show the job or side-car that came of an upload when all of it was here."""
    return answer(resumable_uploads.added_file(services(), path.id))


@api.patch(
    "/uploads/<id>",
    responses={204: None, **dict.fromkeys((400, 409, 410, 412, 413, 415, 460, 507), ErrorAnswer)},
)
def add_chunk(path: UploadPath, header: ChunkHeader, raw: ChunkBody) -> Response:
    """Send the next bytes of a file, any number; the last ones are answered when the file is hashed, stored and has its job.

    What came before a connection broke counts. Of two requests at the same place one wins, and the other one is answered 409.
    """
    if raw.mimetype != CHUNK_TYPE:
        raise InputError(f"A piece of a file is sent as {CHUNK_TYPE}.", code="unsupported_media_type")
    checksum = None if header.upload_checksum is None else _checksum(header.upload_checksum)
    with services().database.reading() as session:
        row = resumable.upload(session, path.id)
        resumable.require_offset(row, header.upload_offset)
        found = Upload.of(row)
    n_missing = found.n_bytes - found.n_received
    if (raw.content_length or 0) > (min(n_missing, MAX_CHECKED_BYTES) if checksum else n_missing):
        raise InputError("The piece is longer than what is missing, or than 32 MiB with a checksum.", code="upload_too_long")
    with upload_slot():
        found = resumable_uploads.receive(services(), found, CutBody(n_missing), checksum)
    return _with_state(Response(status=204), found)


@api.delete("/uploads/<id>", responses={204: None, 412: ErrorAnswer})
def end_upload(path: UploadPath, header: TusHeader) -> Response:  # noqa: ARG001 - for the description
    """Give an upload up; what came of it is removed. A file that is complete stays in its submission."""
    resumable_uploads.end(services(), path.id)
    return Response(status=204)


def _with_state(response: Response, upload: Upload) -> Response:
    response.headers["Upload-Offset"] = str(upload.n_received)
    response.headers["Upload-Length"] = str(upload.n_bytes)
    response.headers["Upload-Expires"] = format_datetime(upload.expires_at, usegmt=True)
    return response


def _metadata(text: str) -> dict[str, str]:
    """Read pairs of a key and a value in base64; raises InputError ``invalid_metadata``."""
    try:
        pairs = [pair.strip().partition(" ") for pair in text.split(",") if pair.strip()]
        return {key: base64.b64decode(value, validate=True).decode() for key, _, value in pairs}
    except ValueError as error:  # neither base64 nor UTF-8
        raise InputError("Upload-Metadata has keys with values in base64 of UTF-8.", code="invalid_metadata") from error


def _submission_id(text: str) -> int:
    if not re.fullmatch(r"[1-9]\d{0,17}", text, re.ASCII):
        raise InputError("Upload-Metadata names no submission_id, a number.", code="invalid_metadata")
    return int(text)


def _stated_digest(text: str | None) -> str | None:
    if text is not None and not re.fullmatch(SHA256, text):
        raise InputError("The sha256 of Upload-Metadata is 64 hexadecimal digits in small letters.", code="invalid_metadata")
    return text


def _checksum(text: str) -> Checksum:
    algorithm, _, digest = text.partition(" ")
    if algorithm not in CHECKSUM_ALGORITHMS:
        raise InputError(f"The portal compares {' and '.join(CHECKSUM_ALGORITHMS)} only.", code="unsupported_checksum")
    try:
        return Checksum(algorithm, base64.b64decode(digest, validate=True))
    except ValueError as error:  # no base64
        raise InputError("A checksum is a digest in base64.", code="unsupported_checksum") from error
