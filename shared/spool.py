"""Where the pieces of an upload wait until the file is complete.

A spool holds bytes only: which of them belong to the file, and in which order, is what the database says (`shared.resumable`).
"""

import errno
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from shared.errors import NotFoundError, TransientError
from shared.storage import BlobStore, disk_errors, sync_folder

READ_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class Chunk:
    """A stored piece of an upload."""

    key: str
    n_bytes: int


class ChunkSpool(Protocol):
    """What every spool can do; it raises OperatorError where it is full, and TransientError where an upload ends meanwhile.

    Every chunk is stored under a key of its own, so that two who write at the same time never touch each other's bytes.
    """

    def write(self, upload_id: str, pieces: Iterable[bytes]) -> Chunk:
        """Store a chunk, safe from a power cut when this returns; what is written of one that breaks off is removed."""

    def read(self, upload_id: str, keys: Sequence[str]) -> Iterator[bytes]:
        """Yield the bytes of chunks, one after the other; raises TransientError where one was removed meanwhile."""

    def discard_chunk(self, upload_id: str, key: str) -> None:
        """Remove a chunk that does not count."""

    def discard(self, upload_id: str) -> None:
        """Remove all chunks of an upload; one without any is no error."""

    def upload_ids(self) -> Iterator[str]:
        """List the uploads that have something here."""


class FolderSpool:
    """Chunks as files of a folder that all web processes see, one folder for each upload."""

    def __init__(self, root: Path, min_free_bytes: int = 0) -> None:
        self._root = root
        self._min_free_bytes = min_free_bytes

    def write(self, upload_id: str, pieces: Iterable[bytes]) -> Chunk:
        """Store a chunk, safe from a power cut when this returns; what is written of one that breaks off is removed."""
        folder = self._root / upload_id
        path = folder / uuid.uuid4().hex
        with disk_errors():
            folder.mkdir(parents=True, exist_ok=True)
            if shutil.disk_usage(folder).free < self._min_free_bytes:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            try:
                n_bytes = _write(path, pieces)
            except FileNotFoundError as error:
                raise _ended_meanwhile() from error
            except BaseException:
                path.unlink(missing_ok=True)
                raise
        return Chunk(path.name, n_bytes)

    def read(self, upload_id: str, keys: Sequence[str]) -> Iterator[bytes]:
        """Yield the bytes of chunks, one after the other; raises TransientError where one was removed meanwhile."""
        for key in keys:
            try:
                file = (self._root / upload_id / key).open("rb")
            except FileNotFoundError as error:
                # Two requests that bring the last bytes both read all of them, and the first one is done.
                raise _ended_meanwhile() from error
            with file:
                while piece := file.read(READ_BYTES):
                    yield piece

    def discard_chunk(self, upload_id: str, key: str) -> None:
        """Remove a chunk that does not count."""
        (self._root / upload_id / key).unlink(missing_ok=True)

    def discard(self, upload_id: str) -> None:
        """Remove all chunks of an upload; one without any is no error."""
        folder = self._root / upload_id
        # One by one, because others may remove chunks of theirs at the same moment.
        for path in folder.glob("*"):
            path.unlink(missing_ok=True)
        try:
            folder.rmdir()
        except OSError as error:
            # A chunk that somebody writes at this moment is removed by whoever finds that it does not count.
            if error.errno not in (errno.ENOENT, errno.ENOTEMPTY):
                raise

    def upload_ids(self) -> Iterator[str]:
        """List the uploads that have something here."""
        return (path.name for path in self._root.glob("*"))


class BlobSpool:
    """Chunks as blobs of the store, for portals on several machines that share nothing else.

    Nothing is removed here: a chunk may be the same bytes as a file that somebody hands in. What no row names goes with the
    other blobs of that kind, within two days, and is readable until then; an upload expires before.
    """

    def __init__(self, store: BlobStore) -> None:
        self._store = store

    def write(self, upload_id: str, pieces: Iterable[bytes]) -> Chunk:  # noqa: ARG002 - of the protocol
        """Store a chunk; one that breaks off leaves nothing."""
        blob = self._store.put(pieces)
        return Chunk(blob.sha256, blob.n_bytes)

    def read(self, upload_id: str, keys: Sequence[str]) -> Iterator[bytes]:  # noqa: ARG002 - of the protocol
        """Yield the bytes of chunks, one after the other; raises TransientError where one was removed meanwhile."""
        for key in keys:
            try:
                file = self._store.open(key)
            except NotFoundError as error:
                raise _ended_meanwhile() from error
            with file:
                while piece := file.read(READ_BYTES):
                    yield piece

    def discard_chunk(self, upload_id: str, key: str) -> None:
        """Leave a chunk that does not count to the housekeeping of blobs."""

    def discard(self, upload_id: str) -> None:
        """Leave the chunks of an upload to the housekeeping of blobs."""

    def upload_ids(self) -> Iterator[str]:
        """Name no uploads: blobs do not say what they are for."""
        return iter(())


def _write(path: Path, pieces: Iterable[bytes]) -> int:
    n_bytes = 0
    with path.open("xb") as file:
        for piece in pieces:
            file.write(piece)
            n_bytes += len(piece)
        file.flush()
        os.fsync(file.fileno())
    sync_folder(path.parent)
    return n_bytes


def _ended_meanwhile() -> TransientError:
    # Whoever asks again is told how it ended.
    return TransientError("Another request ends this upload.", code="upload_busy")
