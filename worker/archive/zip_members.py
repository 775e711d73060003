"""The members of a ZIP archive."""

import stat
import zipfile
from collections.abc import Iterator
from typing import IO, BinaryIO, cast

from shared.errors import InputError
from worker.archive.limits import BoundedReads, Budget, damaged_archive, damaged_member
from worker.archive.member import CHUNK_BYTES, Member, refused

# APPNOTE.TXT 4.4.4: bit 0 encrypted, bit 6 strong encryption, bit 13 the directory is encrypted.
ENCRYPTED = 0x1 | 0x40 | 0x2000
# The reader of the others takes what comes out of one piece, however much it is.
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def zip_members(file: BinaryIO, budget: Budget) -> Iterator[Member | None]:
    """Yield the members of a ZIP archive, None for a folder."""
    with damaged_archive("ZIP"):
        archive = zipfile.ZipFile(cast("IO[bytes]", BoundedReads(file, budget.limits)))
    with archive:
        for info in archive.infolist():
            yield None if info.is_dir() else _member(archive, info, budget)


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, budget: Budget) -> Member:
    def chunks() -> Iterator[bytes]:
        with damaged_member(), archive.open(info) as stream:
            while chunk := stream.read(CHUNK_BYTES):
                budget.spend(len(chunk))
                yield chunk

    # The other name is cut at a NUL already.
    return Member(info.orig_filename, _refusal(info) or budget.refuse_size(info.file_size), chunks)


def _refusal(info: zipfile.ZipInfo) -> InputError | None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if stat.S_ISLNK(kind):
        return refused("a link")
    if kind not in (0, stat.S_IFREG):
        return refused("a device or the like")
    if info.flag_bits & ENCRYPTED:
        return InputError("The file is encrypted: hand in an archive without a password.", code="member_encrypted")
    if info.compress_type not in METHODS:
        method = zipfile.compressor_names.get(info.compress_type, info.compress_type)  # type: ignore[attr-defined]
        return InputError(f"The file is compressed by {method}: use Deflate, as usual.", code="member_unsupported")
    return None
