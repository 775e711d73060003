"""Blobs under the SHA-256 of their bytes: written once, never changed, the same bytes never twice."""

import errno
import hashlib
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from shared.errors import InputError, NotFoundError, OperatorError


@dataclass(frozen=True, slots=True)
class BlobInfo:
    """Name and size of a stored blob."""

    sha256: str
    n_bytes: int


class BlobStore(Protocol):
    """What every store can do. A store raises NotFoundError for an unknown blob and OperatorError when it is full."""

    def put(self, chunks: Iterable[bytes], max_bytes: int | None = None) -> BlobInfo:
        """Store a stream, hashing on the way; raises InputError past ``max_bytes`` and leaves nothing behind."""

    def open(self, sha256: str) -> BinaryIO:
        """Open a blob for reading."""

    def local_path(self, sha256: str) -> AbstractContextManager[Path]:
        """Give a path of this machine that holds the blob while the context lasts."""

    def exists(self, sha256: str) -> bool:
        """Tell whether the blob is there."""


class FolderBlobStore:
    """Blobs as files of one local folder, visible only when complete and on the disk."""

    def __init__(self, root: Path, min_free_bytes: int = 0) -> None:
        self._root = root
        self._incoming = root / "incoming"
        self._min_free_bytes = min_free_bytes

    def put(self, chunks: Iterable[bytes], max_bytes: int | None = None) -> BlobInfo:
        """Store a stream, hashing on the way; raises InputError past ``max_bytes`` and leaves nothing behind."""
        with disk_errors():
            self._incoming.mkdir(parents=True, exist_ok=True)
            if shutil.disk_usage(self._root).free < self._min_free_bytes:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            temporary = self._incoming / uuid.uuid4().hex
            try:
                blob = _write_hashed(temporary, chunks, max_bytes)
                self._publish(temporary, self._path(blob.sha256))
            finally:
                temporary.unlink(missing_ok=True)
        return blob

    def open(self, sha256: str) -> BinaryIO:
        """Open a blob for reading."""
        try:
            return self._path(sha256).open("rb")
        except FileNotFoundError as error:
            raise _missing(sha256) from error

    @contextmanager
    def local_path(self, sha256: str) -> Iterator[Path]:
        """Give the blob's own file; it must not be changed."""
        if not self.exists(sha256):
            raise _missing(sha256)
        yield self._path(sha256)

    def exists(self, sha256: str) -> bool:
        """Tell whether the blob is there."""
        return self._path(sha256).is_file()

    def discard_incomplete(self) -> None:
        """Remove what uploads left that were cut off with their process; nobody may be writing meanwhile."""
        for path in self._incoming.glob("*"):
            path.unlink(missing_ok=True)

    def _path(self, sha256: str) -> Path:
        if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
            raise _missing(sha256)
        return self._root / sha256[:2] / sha256[2:4] / sha256

    def _publish(self, temporary: Path, target: Path) -> None:
        """Give a complete file its name. The rename is atomic; the folder is synchronised so that it outlives a power cut."""
        if target.exists():
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary.rename(target)
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def put_bytes(store: BlobStore, content: bytes) -> str:
    """Store bytes that are in memory; returns their SHA-256."""
    return store.put([content]).sha256


def file_too_large(max_bytes: int) -> InputError:
    """Return the error of a file that passes the limit."""
    return InputError(f"The file is larger than {max_bytes:,} bytes, the limit here.", code="file_too_large")


def _write_hashed(path: Path, chunks: Iterable[bytes], max_bytes: int | None) -> BlobInfo:
    digest, n_bytes = hashlib.sha256(), 0
    with path.open("xb") as file:
        for chunk in chunks:
            n_bytes += len(chunk)
            if max_bytes is not None and n_bytes > max_bytes:
                raise file_too_large(max_bytes)
            digest.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    return BlobInfo(digest.hexdigest(), n_bytes)


def _missing(sha256: str) -> NotFoundError:
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
