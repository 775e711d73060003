"""The members of a TAR archive, plain or compressed, in one pass."""

import gzip
import lzma
import tarfile
from collections.abc import Iterator
from typing import IO, BinaryIO, Protocol, Self, cast

from shared.errors import InputError
from worker.archive.limits import ArchiveError, Budget, damaged_archive, damaged_member
from worker.archive.member import CHUNK_BYTES, Member, refused

# Names, and what else stands before a member; a library reads all of it into memory, however long it claims to be.
HEADER_BYTES = 2**20
# The presets of xz need up to 65 MiB to unpack; a file can ask for 4 GiB.
XZ_MEMORY_BYTES = 128 * 2**20


class Readable(Protocol):
    """Bytes that come one after the other."""

    def read(self, n_bytes: int, /) -> bytes:
        """Return up to so many bytes; nothing at the end."""


class MeteredStream:
    """A stream that counts what is read, and refuses what was not allowed."""

    def __init__(self, stream: Readable, budget: Budget) -> None:
        self._stream = stream
        self._budget = budget
        self._left = 0

    def allow(self, n_bytes: int) -> None:
        """Let so many bytes be read from now on."""
        self._left = n_bytes

    def read(self, n_bytes: int) -> bytes:
        """Read, or raise ArchiveError."""
        content = self._stream.read(n_bytes)
        self._budget.spend(len(content))
        self._left -= len(content)
        if self._left < 0:
            raise ArchiveError("The names in the archive are longer than any file's.", code="archive_damaged")
        return content


class XzStream:
    """What is compressed by xz, unpacked with a limit of memory."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._decompressor = _xz_decompressor()
        self._rest = b""

    def read(self, n_bytes: int) -> bytes:
        """Read up to so many bytes; nothing at the end."""
        while True:
            if self._decompressor.eof:
                self._rest = self._decompressor.unused_data or self._file.read(CHUNK_BYTES)
                if not self._rest.strip(b"\0"):
                    return b""
                self._decompressor = _xz_decompressor()  # several streams one after the other are one file
            elif self._decompressor.needs_input and not self._rest:
                self._rest = self._file.read(CHUNK_BYTES)
                if not self._rest:
                    raise EOFError("it ends too soon")
            content = self._decompressor.decompress(self._rest, n_bytes)
            self._rest = b""
            if content:
                return content


class Header(tarfile.TarInfo):
    """A header that says when it is damaged: the library takes one in the middle of an archive for the archive's end."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """Read a header."""
        try:
            return super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            if buf.strip(b"\0"):
                raise ArchiveError(
                    "The file is no TAR archive, or it is damaged. What could be read of it was taken.", code="archive_damaged"
                ) from error
            raise


def tar_members(file: BinaryIO, name: str, budget: Budget) -> Iterator[Member | None]:
    """Yield the members of a TAR archive, None for a folder."""
    stream = MeteredStream(_unpacked(file, name), budget)
    stream.allow(HEADER_BYTES)
    with damaged_archive("TAR"), _opened(stream) as archive:
        while (info := archive.next()) is not None:
            stream.allow(info.size + HEADER_BYTES)
            yield None if info.isdir() else _member(archive, info, budget)


def _opened(stream: MeteredStream) -> tarfile.TarFile:
    file = cast("IO[bytes]", stream)
    return tarfile.open(fileobj=file, mode="r|", tarinfo=Header, encoding="utf-8", errors="replace")


def _unpacked(file: BinaryIO, name: str) -> Readable:
    ending = name.lower()
    if ending.endswith((".gz", ".tgz")):
        return gzip.GzipFile(fileobj=file)
    return XzStream(file) if ending.endswith("xz") else file


def _xz_decompressor() -> lzma.LZMADecompressor:
    return lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=XZ_MEMORY_BYTES)


def _member(archive: tarfile.TarFile, info: tarfile.TarInfo, budget: Budget) -> Member:
    def chunks() -> Iterator[bytes]:
        with damaged_member():
            stream = archive.extractfile(info)
            while stream is not None and (chunk := stream.read(CHUNK_BYTES)):
                yield chunk

    return Member(info.name, _refusal(info) or budget.refuse_size(info.size), chunks)


def _refusal(info: tarfile.TarInfo) -> InputError | None:
    if info.issym() or info.islnk():
        return refused("a link")
    if not info.isreg():
        return refused("a device or the like")
    if info.issparse():
        return refused("a file with holes", "member_unsupported")
    return None
