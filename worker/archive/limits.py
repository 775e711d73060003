"""What an archive may cost, and the errors of those that cost more or are damaged."""

import gzip
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from shared.errors import InputError

# Of archives so small that their ratio says nothing.
SMALL_BYTES = 64 * 2**20
# Mean length of an entry of a ZIP's directory: longer ones would be no names of micrographs.
MEAN_ENTRY_BYTES = 512
# What libraries of the standard raise over bytes that are no archive. A disk that fails raises OSError and is none of them.
DAMAGED = (
    zipfile.BadZipFile,
    tarfile.TarError,
    lzma.LZMAError,
    zlib.error,
    gzip.BadGzipFile,
    struct.error,
    EOFError,
    ValueError,
    OverflowError,
    IndexError,
    NotImplementedError,
    RuntimeError,
)


class ArchiveError(InputError):
    """The archive as a whole cannot be unpacked, or not to its end; a plain InputError is about one member."""


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """What an archive may hold.

    Attributes
    ----------
    n_members
        Entries, folders and what is refused included.
    member_bytes, total_bytes
        Of one file, and of all together, unpacked.
    ratio
        Times that all together may be as large as the archive: 1 GB of zeros is a ZIP of 1 MB.
    """

    n_members: int = 20_000
    member_bytes: int = 4 * 2**30
    total_bytes: int = 64 * 2**30
    ratio: int = 200


class Budget:
    """The bytes that may still come out of an archive."""

    def __init__(self, limits: ArchiveLimits, archive_bytes: int) -> None:
        self.limits = limits
        self._allowed = min(limits.total_bytes, max(SMALL_BYTES, limits.ratio * archive_bytes))
        self._left = self._allowed
        self._n_members = 0

    def spend(self, n_bytes: int) -> None:
        """Count bytes that came out; raises ArchiveError ``archive_too_large`` where they are too many."""
        self._left -= n_bytes
        if self._left < 0:
            limit = f"{self._allowed:,} bytes, the limit for one of its size"
            raise ArchiveError(f"The archive unpacks to more than {limit}: nothing of it was taken.", code="archive_too_large")

    def count_member(self) -> None:
        """Count a member; raises ArchiveError ``too_many_members`` where there are too many."""
        self._n_members += 1
        if self._n_members > self.limits.n_members:
            raise too_many_members(self.limits)

    def refuse_size(self, n_bytes: int) -> InputError | None:
        """Return the error of a member that is too large; None where it is not."""
        if n_bytes <= self.limits.member_bytes:
            return None
        message = f"The file is larger than {self.limits.member_bytes:,} bytes, the limit here."
        return InputError(message, code="file_too_large")


class BoundedReads:
    """A file of which nobody reads more than a limit at once: the directory of a ZIP is read whole, whatever size it claims."""

    def __init__(self, file: BinaryIO, limits: ArchiveLimits) -> None:
        self._file = file
        self._limits = limits
        self._max_bytes = limits.n_members * MEAN_ENTRY_BYTES + 2**17

    def read(self, n_bytes: int = -1) -> bytes:
        """Read, or raise ArchiveError ``too_many_members``."""
        content = self._file.read(self._max_bytes + 1 if n_bytes < 0 else min(n_bytes, self._max_bytes + 1))
        if len(content) > self._max_bytes:
            raise too_many_members(self._limits)
        return content

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move; a place before the beginning is a ValueError, as other nonsense."""
        if whence == 0 and offset < 0:
            raise ValueError("a place before the beginning of the file")
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return where the next byte is read."""
        return self._file.tell()

    def seekable(self) -> bool:
        """Tell that any place can be read."""
        return True


def too_many_members(limits: ArchiveLimits) -> ArchiveError:
    """Return the error of an archive with too many members."""
    message = f"The archive holds more than {limits.n_members:,} files, the limit here: nothing of it was taken."
    return ArchiveError(message, code="too_many_members")


@contextmanager
def damaged_archive(kind: str) -> Iterator[None]:
    """Name bytes that are no archive, or end too soon."""
    try:
        yield
    except DAMAGED as error:
        message = f"The file is no {kind} archive, or it is damaged: {error}. What could be read of it was taken."
        raise ArchiveError(message, code="archive_damaged") from error


@contextmanager
def damaged_member() -> Iterator[None]:
    """Name a member that does not unpack."""
    try:
        yield
    except DAMAGED as error:
        raise InputError(f"The file is damaged within the archive: {error}.", code="member_damaged") from error
