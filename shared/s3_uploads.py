"""Files that browsers store on the S3 server themselves, past the portal, and that become blobs afterwards."""

import io
import re
import uuid
from dataclasses import dataclass

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from shared.errors import InputError, NotFoundError, OperatorError
from shared.s3_client import ObjectContent, S3Access, error_code, s3_client, s3_errors
from shared.s3_store import CHUNK_BYTES, INCOMING, NOT_THERE, blob_key
from shared.storage import BlobInfo, hashed

# Long enough for some gigabytes on a slow line.
UPLOAD_URL_LIFE_S = 6 * 3600
NAME = re.compile(r"[0-9a-f]{32}")
ALTERED = ("PreconditionFailed", "412")


@dataclass(frozen=True, slots=True)
class SignedUpload:
    """Name of an upload, and the address that takes its bytes by PUT."""

    name: str
    url: str


class S3Uploads:
    """Uploads by signed addresses, beside an `S3BlobStore` of the same bucket and prefix.

    What nobody takes in is removed by the store's `discard_incomplete`.
    """

    def __init__(self, access: S3Access, bucket: str, prefix: str = "") -> None:
        if not access.public_url:
            raise OperatorError("Browsers do not reach the file store: SAEMI_S3_PUBLIC_URL is empty.", code="no_public_store")
        self._client = s3_client(access, access.endpoint_url)
        self._public_client = s3_client(access, access.public_url)
        self._bucket = bucket
        self._root = f"{prefix}/" if prefix else ""

    def begin(self, n_bytes: int) -> SignedUpload:
        """Return an address that takes so many bytes and no other number, for some hours."""
        name = uuid.uuid4().hex
        parameters = {"Bucket": self._bucket, "Key": self._key(name), "ContentLength": n_bytes}
        url = self._public_client.generate_presigned_url("put_object", Params=parameters, ExpiresIn=UPLOAD_URL_LIFE_S)
        return SignedUpload(name, url)

    def take_in(self, name: str, max_bytes: int | None = None) -> BlobInfo:
        """Hash what a browser stored, and make it a blob.

        The server copies, and only the very object that was hashed: whoever has the address could write to it once more.

        Raises
        ------
        NotFoundError
            Where nothing was stored, or it is taken in already.
        InputError
            ``file_too_large``, ``upload_altered``.
        """
        key = self._key(name)
        with s3_errors():
            try:
                found = self._client.get_object(Bucket=self._bucket, Key=key)
                with io.BufferedReader(ObjectContent(found["Body"]), CHUNK_BYTES) as content:
                    blob = hashed(iter(lambda: content.read(CHUNK_BYTES), b""), max_bytes)
                self._copy(key, blob_key(self._root, blob.sha256), found["ETag"])
            except ClientError as error:
                raise _named(error, name) from error
            self._client.delete_object(Bucket=self._bucket, Key=key)
        return blob

    def _copy(self, source: str, target: str, etag: str) -> None:
        self._client.copy(
            {"Bucket": self._bucket, "Key": source},
            self._bucket,
            target,
            ExtraArgs={"CopySourceIfMatch": etag},
            Config=TransferConfig(use_threads=False),
        )

    def _key(self, name: str) -> str:
        if not NAME.fullmatch(name):
            raise _missing(name)
        return f"{self._root}{INCOMING}{name}"


def _missing(name: str) -> NotFoundError:
    return NotFoundError(f"There is no upload {name!r}.", code="upload_not_found")


def _named(error: ClientError, name: str) -> Exception:
    if error_code(error) in NOT_THERE:
        return _missing(name)
    if error_code(error) in ALTERED:
        return InputError("The file was written again while it was read: hand it in once more.", code="upload_altered")
    return error
