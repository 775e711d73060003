"""Files that browsers store on the S3 server themselves, past the portal, and that become blobs afterwards."""

import io
import re

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from shared.errors import InputError, NotFoundError, OperatorError
from shared.s3_client import ObjectContent, S3Access, error_code, s3_client, s3_errors
from shared.s3_cors import let_pages_send, require_pages_may_send
from shared.s3_store import CHUNK_BYTES, INCOMING, NOT_THERE, blob_key
from shared.storage import BlobInfo, hashed

NAME = re.compile(r"[0-9a-f]{32}")
ALTERED = ("PreconditionFailed", "412")


class S3Uploads:
    """Uploads by signed addresses, beside an `S3BlobStore` of the same bucket and prefix.

    What nobody discards is removed by the store's `discard_incomplete`.
    """

    # What S3 takes by one request.
    MAX_BYTES = 5 * 10**9
    # How long an address holds: enough for some gigabytes on a slow line.
    ADDRESS_LIFE_S = 6 * 3600

    def __init__(self, access: S3Access, bucket: str, prefix: str = "") -> None:
        if not access.public_url:
            raise OperatorError("Browsers do not reach the file store: SAEMI_S3_PUBLIC_URL is empty.", code="no_public_store")
        self._client = s3_client(access, access.endpoint_url)
        self._public_client = s3_client(access, access.public_url)
        self._bucket = bucket
        self._root = f"{prefix}/" if prefix else ""

    def let_pages_send(self, origin: str) -> None:
        """Let pages of an origin store files here; other rules of the bucket stay."""
        let_pages_send(self._client, self._bucket, origin)

    def require_pages_may_send(self, origin: str) -> None:
        """Raise OperatorError ``pages_may_not_send`` where the server would keep a browser from storing files here."""
        require_pages_may_send(self.address("0" * 32, 0), origin)

    def address(self, name: str, n_bytes: int) -> str:
        """Return where the bytes of an upload are PUT: so many and no other number, for some hours.

        A name is 32 hexadecimal digits that nobody can guess.
        """
        parameters = {"Bucket": self._bucket, "Key": self._key(name), "ContentLength": n_bytes}
        return self._public_client.generate_presigned_url("put_object", Params=parameters, ExpiresIn=self.ADDRESS_LIFE_S)

    def take_in(self, name: str, max_bytes: int | None = None) -> BlobInfo:
        """Hash what a browser stored, and make it a blob.

        The server copies, and only the very object that was hashed: whoever has the address could write to it once more.
        What was stored stays until it is discarded, so that who is cut off here can begin again.

        Raises
        ------
        NotFoundError
            Where nothing was stored, or it was discarded.
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
        return blob

    def discard(self, name: str) -> None:
        """Remove what a browser stored."""
        with s3_errors():
            self._client.delete_object(Bucket=self._bucket, Key=self._key(name))

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
