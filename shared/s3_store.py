"""Blobs as objects of a bucket of an S3-compatible server, visible only when complete.

What is to be stored waits in a file without a name until its hash is known: nothing of it is on the server before all of it has
arrived, and an upload that breaks off leaves nothing. S3 shows an object when its last part is in, never before.
"""

import hashlib
import io
import shutil
import tempfile
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO, cast

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from shared.errors import OperatorError, SaemiError
from shared.s3_client import READ_TIMEOUT_S, ObjectContent, S3Access, error_code, s3_client, s3_errors
from shared.storage import BlobInfo, Download, StoredBlob, disk_errors, missing_blob, require_hash, write_hashed

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef, ObjectTypeDef

# One part of each upload is in memory at a time: thirty of them make a quarter of a gigabyte.
PART_BYTES = 8 * 2**20
# What S3 allows of one object.
MAX_PARTS = 10_000
# What waits in memory for its hash; more waits on the disk.
SPOOL_BYTES = 2**20
CHUNK_BYTES = 2**20
# Long enough to click on a page that was open for a while.
DOWNLOAD_URL_LIFE_S = 3600
# Where browsers store what is not hashed yet.
INCOMING = "incoming/"
COPYING = TransferConfig(use_threads=False)
NOT_THERE = ("NoSuchKey", "404")
EMPTY_SHA256 = hashlib.sha256().hexdigest()
# The object exists already: whoever stored it stored the same bytes.
THERE_ALREADY = "PreconditionFailed"
# A server that knows no conditions, or another one that writes the same bytes now. To write them twice does no harm.
WITHOUT_CONDITION = ("NotImplemented", "ConditionalRequestConflict")


class S3BlobStore:
    """Blobs as objects under ``PREFIX/blobs``; those that are set aside under ``PREFIX/set-aside``."""

    def __init__(self, access: S3Access, bucket: str, prefix: str = "", read_timeout_s: float = READ_TIMEOUT_S) -> None:
        self._opened_with = (access, bucket, prefix, read_timeout_s)
        self._client = s3_client(access, access.endpoint_url, read_timeout_s)
        self._public_client = s3_client(access, access.public_url) if access.public_url else None
        self._bucket = bucket
        self._root = f"{prefix}/" if prefix else ""

    def __reduce__(self) -> tuple[Any, ...]:
        """Let another process of this machine open the same store; a client itself cannot be sent."""
        return _reopened, self._opened_with

    def put(self, chunks: Iterable[bytes], max_bytes: int | None = None) -> BlobInfo:
        """Store a stream, hashing on the way; raises InputError past ``max_bytes`` and leaves nothing behind."""
        with tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES) as spool:
            content = cast("IO[bytes]", spool)
            with disk_errors():
                blob = write_hashed(cast("BinaryIO", spool), chunks, max_bytes)
            with s3_errors():
                self._publish(content, blob)
        return blob

    def open(self, sha256: str) -> BinaryIO:
        """Open a blob for reading from its beginning to its end."""
        key, aside = self._key(sha256), self._aside_key(sha256)
        with s3_errors():
            # Looked for in its place again, because it may be brought back between two looks.
            for place in (key, aside, key):
                try:
                    body = self._client.get_object(Bucket=self._bucket, Key=place)["Body"]
                except ClientError as error:
                    if error_code(error) not in NOT_THERE:
                        raise
                else:
                    return cast("BinaryIO", io.BufferedReader(ObjectContent(body), CHUNK_BYTES))
        raise missing_blob(sha256)

    @contextmanager
    def local_path(self, sha256: str) -> Iterator[Path]:
        """Give a copy on this machine's disk that goes with the context."""
        with tempfile.NamedTemporaryFile(prefix="saemi-blob-") as copy:
            with disk_errors(), self.open(sha256) as blob:
                shutil.copyfileobj(blob, copy, CHUNK_BYTES)
                copy.flush()
            yield Path(copy.name)

    def exists(self, sha256: str) -> bool:
        """Tell whether the blob is there; one that is set aside is not, so that who stores its bytes stores them anew."""
        n_bytes = self._size(self._key(sha256))
        # Where there is an object without content, an upload broke off before its first byte.
        return n_bytes is not None and (n_bytes > 0 or sha256 == EMPTY_SHA256)

    def download_url(self, sha256: str, download: Download) -> str | None:
        """Return an address that lets whoever has it read this blob for an hour; None where no browser reaches the server."""
        # One that is set aside is read through the portal, which finds it.
        if self._public_client is None or not self.exists(sha256):
            return None
        answer = {"ResponseContentType": download.mimetype, "ResponseContentDisposition": download.content_disposition}
        parameters = {"Bucket": self._bucket, "Key": self._key(sha256), **answer}
        return self._public_client.generate_presigned_url("get_object", Params=parameters, ExpiresIn=DOWNLOAD_URL_LIFE_S)

    def blobs(self) -> Iterator[StoredBlob]:
        """List all blobs but those that are set aside, in the order of their hashes, which is that of the server."""
        return self._listed("blobs/")

    def blobs_set_aside(self) -> Iterator[StoredBlob]:
        """List the blobs that are set aside."""
        return self._listed("set-aside/")

    def set_aside(self, sha256: str) -> None:
        """Take a blob out of sight of `exists` and `put`; it stays readable."""
        self._move(self._key(sha256), self._aside_key(sha256), sha256)

    def bring_back(self, sha256: str) -> None:
        """Put a blob that is set aside back in its place; the same bytes may be there anew, and are written over."""
        self._move(self._aside_key(sha256), self._key(sha256), sha256)

    def discard(self, sha256: str) -> None:
        """Remove a blob that is set aside for ever."""
        with s3_errors():
            self._client.delete_object(Bucket=self._bucket, Key=self._aside_key(sha256))

    def discard_incomplete(self, before: datetime) -> None:
        """Remove what uploads left that broke off with their process and were last written before a time."""
        with s3_errors():
            for page in self._client.get_paginator("list_multipart_uploads").paginate(Bucket=self._bucket, Prefix=self._root):
                for upload in page.get("Uploads", []):
                    if upload["Initiated"] < before:
                        self._abort(upload["Key"], upload["UploadId"])
            for found in self._objects(INCOMING):
                if found["LastModified"] < before:
                    self._client.delete_object(Bucket=self._bucket, Key=found["Key"])

    def _key(self, sha256: str) -> str:
        return blob_key(self._root, sha256)

    def _aside_key(self, sha256: str) -> str:
        require_hash(sha256)
        return f"{self._root}set-aside/{sha256}"

    def _size(self, key: str) -> int | None:
        """Return the bytes of an object, None where there is none."""
        with s3_errors():
            try:
                return self._client.head_object(Bucket=self._bucket, Key=key)["ContentLength"]
            except ClientError as error:
                if error_code(error) not in NOT_THERE:
                    raise
                self._require_bucket()
                return None

    def _require_bucket(self) -> None:
        """Tell a missing bucket from a missing object, which an answer without a body does not."""
        try:
            self._client.head_bucket(Bucket=self._bucket)
        except ClientError as error:
            if error_code(error) not in NOT_THERE:
                raise
            message = f"The bucket {self._bucket} of the file store does not exist (SAEMI_BLOB_URL)."
            raise OperatorError(message, code="storage_missing") from error

    def _publish(self, content: IO[bytes], blob: BlobInfo) -> None:
        """Give complete content its name, unless it is there; what has its name and another size is none of it."""
        key = self._key(blob.sha256)
        upload: Callable[..., None] = self._put_whole
        if blob.n_bytes > PART_BYTES:
            if self._size(key) == blob.n_bytes:
                return
            upload = self._put_in_parts
        try:
            upload(key, content, blob, IfNoneMatch="*")
        except ClientError as error:
            is_there = error_code(error) == THERE_ALREADY
            if not is_there and error_code(error) not in WITHOUT_CONDITION:
                raise
            if not (is_there and self._size(key) == blob.n_bytes):
                upload(key, content, blob)

    def _put_whole(self, key: str, content: IO[bytes], blob: BlobInfo, **condition: Any) -> None:
        content.seek(0)
        # Without it SeaweedFS keeps an empty object of an upload that breaks off before its first byte, and the next attempt
        # finds the blob there already.
        checksum = b64encode(bytes.fromhex(blob.sha256)).decode()
        self._client.put_object(
            Bucket=self._bucket, Key=key, Body=content, ContentLength=blob.n_bytes, ChecksumSHA256=checksum, **condition
        )

    def _put_in_parts(self, key: str, content: IO[bytes], blob: BlobInfo, **condition: Any) -> None:
        content.seek(0)
        part_bytes = max(PART_BYTES, -(-blob.n_bytes // MAX_PARTS))
        upload_id = self._client.create_multipart_upload(Bucket=self._bucket, Key=key)["UploadId"]
        try:
            parts = list(self._sent_parts(key, upload_id, iter(lambda: content.read(part_bytes), b"")))
            self._client.complete_multipart_upload(
                Bucket=self._bucket, Key=key, UploadId=upload_id, MultipartUpload={"Parts": parts}, **condition
            )
        except BaseException:
            # Where even that fails, housekeeping removes the parts a day later.
            with suppress(SaemiError), s3_errors():
                self._abort(key, upload_id)
            raise

    def _sent_parts(self, key: str, upload_id: str, parts: Iterable[bytes]) -> Iterator["CompletedPartTypeDef"]:
        for number, part in enumerate(parts, 1):
            # The one checksum of a part that every server knows; the hash of the whole does not tell of its parts.
            checksum = b64encode(hashlib.md5(part, usedforsecurity=False).digest()).decode()
            sent = self._client.upload_part(
                Bucket=self._bucket, Key=key, UploadId=upload_id, PartNumber=number, Body=part, ContentMD5=checksum
            )
            yield {"PartNumber": number, "ETag": sent["ETag"]}

    def _abort(self, key: str, upload_id: str) -> None:
        try:
            self._client.abort_multipart_upload(Bucket=self._bucket, Key=key, UploadId=upload_id)
        except ClientError as error:
            if error_code(error) != "NoSuchUpload":  # ended meanwhile
                raise

    def _listed(self, folder: str) -> Iterator[StoredBlob]:
        with s3_errors():
            for found in self._objects(folder):
                sha256 = found["Key"].rpartition("/")[2]
                yield StoredBlob(sha256, found["Size"], found["LastModified"].astimezone(UTC))

    def _objects(self, folder: str) -> Iterator["ObjectTypeDef"]:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._root + folder)
        for page in pages:
            yield from page.get("Contents", [])

    def _move(self, source: str, target: str, sha256: str) -> None:
        with s3_errors():
            try:
                # In parts where it is larger than one request copies.
                self._client.copy({"Bucket": self._bucket, "Key": source}, self._bucket, target, Config=COPYING)
            except ClientError as error:
                if error_code(error) not in NOT_THERE:
                    raise
                self._require_bucket()
                raise missing_blob(sha256) from error
            self._client.delete_object(Bucket=self._bucket, Key=source)


def blob_key(root: str, sha256: str) -> str:
    """Return the key of a blob."""
    require_hash(sha256)
    return f"{root}blobs/{sha256[:2]}/{sha256[2:4]}/{sha256}"


@lru_cache(maxsize=4)
def _reopened(access: S3Access, bucket: str, prefix: str, read_timeout_s: float) -> S3BlobStore:
    """Open a store that was sent here; once, because to make a client takes longer than to store an image's files."""
    return S3BlobStore(access, bucket, prefix, read_timeout_s)
