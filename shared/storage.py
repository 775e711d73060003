"""Blobs under the SHA-256 of their bytes: written once, never changed, the same bytes never twice."""

import errno
import hashlib
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Protocol

from shared.errors import InputError, NotFoundError, OperatorError


@dataclass(frozen=True, slots=True)
class BlobInfo:
    """Name and size of a stored blob."""

    sha256: str
    n_bytes: int


@dataclass(frozen=True, slots=True)
class StoredBlob(BlobInfo):
    """A blob as a listing shows it; ``changed_at`` is when it was written or, of one that is set aside, when that was done."""

    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Download:
    """How a browser is to take a blob: the headers ``Content-Type`` and ``Content-Disposition`` of the answer."""

    mimetype: str
    content_disposition: str


class BlobStore(Protocol):
    """What every store can do.

    A store raises NotFoundError for an unknown blob, OperatorError when it is full or refuses us, and TransientError when it
    is away. A blob that no row names is first set aside, where it can still be read, and discarded later: `shared.housekeeping`
    says why in two steps.
    """

    def put(self, chunks: Iterable[bytes], max_bytes: int | None = None) -> BlobInfo:
        """Store a stream, hashing on the way; raises InputError past ``max_bytes`` and leaves nothing behind."""

    def open(self, sha256: str) -> BinaryIO:
        """Open a blob for reading."""

    def local_path(self, sha256: str) -> AbstractContextManager[Path]:
        """Give a path of this machine that holds the blob while the context lasts."""

    def exists(self, sha256: str) -> bool:
        """Tell whether the blob is there; one that is set aside is not, so that who stores its bytes stores them anew."""

    def download_url(self, sha256: str, download: Download) -> str | None:
        """Return the address at which a browser gets the blob from the store itself; None where it cannot reach the store."""

    def blobs(self) -> Iterator[StoredBlob]:
        """List all blobs but those that are set aside, in the order of their hashes."""

    def blobs_set_aside(self) -> Iterator[StoredBlob]:
        """List the blobs that are set aside."""

    def set_aside(self, sha256: str) -> None:
        """Take a blob out of sight of `exists` and `put`; it stays readable."""

    def bring_back(self, sha256: str) -> None:
        """Put a blob that is set aside back in its place, or drop it where its bytes were stored anew."""

    def discard(self, sha256: str) -> None:
        """Remove a blob that is set aside for ever."""

    def discard_incomplete(self, before: datetime) -> None:
        """Remove what uploads left that broke off with their process and were last written before a time."""


class FolderBlobStore:
    """Blobs as files of one local folder, visible only when complete and on the disk."""

    def __init__(self, root: Path, min_free_bytes: int = 0) -> None:
        self._root = root
        self._incoming = root / "incoming"
        self._aside = root / "set-aside"
        self._min_free_bytes = min_free_bytes

    def put(self, chunks: Iterable[bytes], max_bytes: int | None = None) -> BlobInfo:
        """Store a stream, hashing on the way; raises InputError past ``max_bytes`` and leaves nothing behind."""
        with disk_errors():
            self._incoming.mkdir(parents=True, exist_ok=True)
            if shutil.disk_usage(self._root).free < self._min_free_bytes:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            temporary = self._incoming / uuid.uuid4().hex
            try:
                with temporary.open("xb") as file:
                    blob = write_hashed(file, chunks, max_bytes)
                    file.flush()
                    os.fsync(file.fileno())
                self._publish(temporary, self._path(blob.sha256))
            finally:
                temporary.unlink(missing_ok=True)
        return blob

    def open(self, sha256: str) -> BinaryIO:
        """Open a blob for reading."""
        return self._readable(sha256).open("rb")

    @contextmanager
    def local_path(self, sha256: str) -> Iterator[Path]:
        """Give the blob's own file; it must not be changed."""
        yield self._readable(sha256)

    def exists(self, sha256: str) -> bool:
        """Tell whether the blob is there."""
        return self._path(sha256).is_file()

    def download_url(self, sha256: str, download: Download) -> str | None:  # noqa: ARG002 - of the protocol
        """Return None: a browser gets the files of a folder through the portal."""
        return None

    def blobs(self) -> Iterator[StoredBlob]:
        """List all blobs but those that are set aside, in the order of their hashes."""
        for folder in sorted(self._root.glob("[0-9a-f][0-9a-f]")):
            for inner in sorted(folder.glob("[0-9a-f][0-9a-f]")):
                yield from _listed(sorted(inner.iterdir()))

    def blobs_set_aside(self) -> Iterator[StoredBlob]:
        """List the blobs that are set aside."""
        return _listed(self._aside.glob("*"))

    def set_aside(self, sha256: str) -> None:
        """Take a blob out of sight of `exists` and `put`; it stays readable."""
        path = self._path(sha256)
        with disk_errors(), _named_missing(sha256):
            self._aside.mkdir(exist_ok=True)
            # Before the rename: cut off between the two, the blob merely looks new.
            os.utime(path)
            path.rename(self._aside / sha256)

    def bring_back(self, sha256: str) -> None:
        """Put a blob that is set aside back in its place, or drop it where its bytes were stored anew."""
        target = self._path(sha256)
        with disk_errors(), _named_missing(sha256):
            self._publish(self._aside / sha256, target)
            (self._aside / sha256).unlink(missing_ok=True)

    def discard(self, sha256: str) -> None:
        """Remove a blob that is set aside for ever."""
        self._path(sha256)
        with disk_errors():
            (self._aside / sha256).unlink(missing_ok=True)

    def discard_incomplete(self, before: datetime) -> None:
        """Remove what uploads left that broke off with their process and were last written before a time."""
        for path in self._incoming.glob("*"):
            with suppress(FileNotFoundError):  # an upload that ended meanwhile
                if path.stat().st_mtime < before.timestamp():
                    path.unlink()

    def _path(self, sha256: str) -> Path:
        require_hash(sha256)
        return self._root / sha256[:2] / sha256[2:4] / sha256

    def _readable(self, sha256: str) -> Path:
        path = self._path(sha256)
        # Looked for in its place again, because it may be brought back between two looks.
        for place in (path, self._aside / sha256, path):
            if place.is_file():
                return place
        raise missing_blob(sha256)

    def _publish(self, temporary: Path, target: Path) -> None:
        """Give a complete file its name. The rename is atomic; the folder is synchronised so that it outlives a power cut."""
        if target.exists():
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary.rename(target)
        sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """Bring the names of a folder's files to the disk, so that they outlive a power cut."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def put_bytes(store: BlobStore, content: bytes) -> str:
    """Store bytes that are in memory; returns their SHA-256."""
    return store.put([content]).sha256


def file_too_large(max_bytes: int) -> InputError:
    """Return the error of a file that passes the limit."""
    return InputError(f"The file is larger than {max_bytes:,} bytes, the limit here.", code="file_too_large")


def write_hashed(file: BinaryIO, chunks: Iterable[bytes], max_bytes: int | None) -> BlobInfo:
    """Write a stream to a file, hashing on the way; raises InputError past ``max_bytes``."""

    def written() -> Iterator[bytes]:
        for chunk in chunks:
            yield chunk
            file.write(chunk)

    return hashed(written(), max_bytes)


def hashed(chunks: Iterable[bytes], max_bytes: int | None) -> BlobInfo:
    """Return hash and size of a stream; raises InputError past ``max_bytes``, without reading on."""
    digest, n_bytes = hashlib.sha256(), 0
    for chunk in chunks:
        n_bytes += len(chunk)
        if max_bytes is not None and n_bytes > max_bytes:
            raise file_too_large(max_bytes)
        digest.update(chunk)
    return BlobInfo(digest.hexdigest(), n_bytes)


def require_hash(sha256: str) -> None:
    """Raise NotFoundError unless a name is a SHA-256 in lower case: nothing else may become part of a path."""
    if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
        raise missing_blob(sha256)


def missing_blob(sha256: str) -> NotFoundError:
    """Return the error of a blob that is not there."""
    return NotFoundError(f"The store has lost the file {sha256}: hand the micrograph in again.", code="blob_not_found")


@contextmanager
def disk_errors() -> Iterator[None]:
    """Name what only the person who runs the installation can mend."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise OperatorError("The disk of the file store is full.", code="storage_full") from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.EEXIST, errno.ENOTDIR, errno.EIO):
            reason = os.strerror(error.errno)
            raise OperatorError(f"The file store cannot be written: {reason}.", code="storage_unwritable") from error
        raise


def _listed(paths: Iterable[Path]) -> Iterator[StoredBlob]:
    for path in paths:
        with suppress(FileNotFoundError):  # removed while the folder was read
            status = path.stat()
            yield StoredBlob(path.name, status.st_size, datetime.fromtimestamp(status.st_mtime, UTC))


@contextmanager
def _named_missing(sha256: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise missing_blob(sha256) from error
