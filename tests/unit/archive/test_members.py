"""Reading archives member by member: honest ones whole, hostile ones up to a limit of bytes, members and memory."""

import io
import lzma
import stat
import struct
import tarfile
import tracemalloc
import zipfile
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import InputError
from tests.unit.archive.made import archive_bytes, encrypted_zip, special_tar, special_zip, tar_bytes, zip_bytes
from worker.archive.limits import SMALL_BYTES, ArchiveError, ArchiveLimits, Budget
from worker.archive.member import Member
from worker.archive.members import members

NAMES = ["lot.zip", "lot.tar", "lot.tar.gz", "lot.tgz", "lot.tar.xz"]
ENTRIES = {"a.tif": b"first" * 1000, "day 1/日本語.tif": b"second", "day 1/empty.tif": b""}
MEMORY_BYTES = 64 * 2**20


def unpack(
    name: str, content: bytes, limits: ArchiveLimits | None = None, found: dict[str, bytes | str] | None = None
) -> dict[str, bytes | str]:
    """Names with bytes, or with the code of what was refused."""
    found = {} if found is None else found
    budget = Budget(limits or ArchiveLimits(), len(content))
    for member in members(io.BytesIO(content), name, budget):
        found[member.name] = outcome(member)
    return found


def count_bytes(name: str, content: bytes) -> int:
    """Unpack as a worker does, chunk by chunk."""
    unpacked = members(io.BytesIO(content), name, Budget(ArchiveLimits(), len(content)))
    return sum(len(chunk) for member in unpacked for chunk in member.chunks())


def outcome(member: Member) -> bytes | str:
    if member.refusal is not None:
        return member.refusal.code
    try:
        return b"".join(member.chunks())
    except ArchiveError:
        raise
    except InputError as error:
        return error.code


def problem_of(name: str, content: bytes, limits: ArchiveLimits | None = None) -> str:
    with pytest.raises(ArchiveError) as caught:
        unpack(name, content, limits)
    return caught.value.code


@pytest.mark.parametrize("name", NAMES)
def test_an_honest_archive_gives_its_files(name: str) -> None:
    assert unpack(name, archive_bytes(name, ENTRIES)) == ENTRIES


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_each_form_of_tar_is_read_with_long_names(form: int) -> None:
    long = "/".join(["folder" * 5] * 3) + "/a.tif"
    assert unpack("lot.tar", tar_bytes({long: b"a", "b.tif": b"b"}, form=form)) == {long: b"a", "b.tif": b"b"}


def test_several_xz_streams_one_after_the_other_are_one_archive() -> None:
    content = tar_bytes(ENTRIES)
    assert unpack("lot.tar.xz", lzma.compress(content[:700]) + lzma.compress(content[700:])) == ENTRIES


def test_folders_are_no_members_and_a_stored_zip_is_read() -> None:
    assert unpack("lot.zip", zip_bytes([("day 1/", b""), ("day 1/a.tif", b"a")], zipfile.ZIP_STORED)) == {"day 1/a.tif": b"a"}


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK])
def test_links_and_devices_in_a_zip_are_refused(kind: int) -> None:
    assert unpack("lot.zip", special_zip("a.tif", kind | 0o777)) == {"a.tif": "unsafe_member"}


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_in_a_tar_are_refused_and_the_others_go_on(kind: bytes) -> None:
    assert unpack("lot.tar", special_tar("a.tif", kind)) == {"a.tif": "unsafe_member", "good.tif": b"good"}


def test_an_encrypted_member_and_one_of_another_method_are_refused() -> None:
    assert unpack("lot.zip", encrypted_zip("a.tif")) == {"a.tif": "member_encrypted"}
    for method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        assert unpack("lot.zip", zip_bytes({"a.tif": b"a" * 100}, method)) == {"a.tif": "member_unsupported"}


def test_a_nul_in_a_name_is_seen() -> None:
    content = zip_bytes({"a.tifX.png": b"a"}).replace(b"a.tifX.png", b"a.tif\0.png")
    assert list(unpack("lot.zip", content)) == ["a.tif\0.png"]


def test_a_damaged_member_of_a_zip_is_named_and_the_others_go_on() -> None:
    content = zip_bytes({"a.tif": b"a" * 100, "b.tif": b"b" * 100}, zipfile.ZIP_STORED).replace(b"b" * 100, b"x" * 100)
    assert unpack("lot.zip", content) == {"a.tif": b"a" * 100, "b.tif": "member_damaged"}


@pytest.mark.parametrize("name", NAMES)
def test_what_is_no_archive_is_damaged(name: str) -> None:
    for content in (b"", b"no archive" * 200, b"\x89PNG\r\n\x1a\n"):
        assert problem_of(name, content) == "archive_damaged"


@pytest.mark.parametrize("name", NAMES[1:])
def test_a_tar_that_is_cut_off_gives_what_came_before(name: str) -> None:
    rng_like = bytes(range(256)) * 400
    content = archive_bytes(name, {f"{number}.tif": bytes([number]) + rng_like for number in range(5)})
    found: dict[str, bytes | str] = {}
    with pytest.raises(ArchiveError) as caught:
        unpack(name, content[: len(content) // 2], found=found)
    assert next(iter(found)) == "0.tif"
    assert caught.value.code == "archive_damaged"
    assert all(value in (bytes([int(key[0])]) + rng_like, "member_damaged") for key, value in found.items())


def test_a_damaged_header_in_the_middle_of_a_tar_is_no_silent_end() -> None:
    content = bytearray(tar_bytes({"a.tif": b"a", "b.tif": b"b"}, form=tarfile.USTAR_FORMAT))
    content[1024] ^= 1
    assert problem_of("lot.tar", bytes(content)) == "archive_damaged"


@pytest.mark.parametrize("name", ["bomb.zip", "bomb.tar.gz", "bomb.tar.xz"])
def test_a_bomb_is_stopped_by_what_came_out_and_in_bounded_memory(name: str) -> None:
    content = archive_bytes(name, {f"{number}.tif": bytes(SMALL_BYTES // 4) for number in range(8)})
    assert len(content) * 200 < SMALL_BYTES
    tracemalloc.start()
    try:
        with pytest.raises(ArchiveError) as caught:
            count_bytes(name, content)
        assert tracemalloc.get_traced_memory()[1] < MEMORY_BYTES
    finally:
        tracemalloc.stop()
    assert caught.value.code == "archive_too_large"


def test_members_that_are_skipped_count_as_well() -> None:
    content = archive_bytes("bomb.tar.gz", {"a.tif": bytes(2 * SMALL_BYTES), "b.tif": b"b"})
    with pytest.raises(ArchiveError) as caught:
        list(members(io.BytesIO(content), "bomb.tar.gz", Budget(ArchiveLimits(), len(content))))
    assert caught.value.code == "archive_too_large"


@pytest.mark.parametrize("name", ["lot.zip", "lot.tar"])
def test_too_many_members_and_too_large_ones_are_refused(name: str) -> None:
    content = archive_bytes(name, {f"{number}.tif": b"12345" for number in range(11)})
    assert problem_of(name, content, ArchiveLimits(n_members=10)) == "too_many_members"
    assert set(unpack(name, content, ArchiveLimits(member_bytes=4)).values()) == {"file_too_large"}
    assert set(unpack(name, content, ArchiveLimits(n_members=11, member_bytes=5)).values()) == {b"12345"}


def test_a_directory_of_a_zip_that_claims_any_size_is_not_read() -> None:
    filler = b"PK\x01\x02" + bytes(2**24)
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 65535, 65535, len(filler), 0, 0)
    assert problem_of("lot.zip", filler + end, ArchiveLimits(n_members=10)) == "too_many_members"


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK])
def test_a_name_in_a_tar_that_claims_to_be_huge_is_not_read_into_memory(kind: bytes) -> None:
    header = tarfile.TarInfo("x")
    header.type, header.size = kind, SMALL_BYTES
    content = header.tobuf(tarfile.GNU_FORMAT) + bytes(SMALL_BYTES // 2)
    tracemalloc.start()
    try:
        assert problem_of("lot.tar", content) == "archive_damaged"
        # The content is there before; what is read beside it is a header's worth.
        assert tracemalloc.get_traced_memory()[1] < SMALL_BYTES // 4
    finally:
        tracemalloc.stop()


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(NAMES), st.data())
def test_bytes_that_are_altered_anywhere_never_end_in_another_error(name: str, data: st.DataObject) -> None:
    content = bytearray(archive_bytes(name, ENTRIES))
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content)))
    with suppress(ArchiveError):
        unpack(name, bytes(content[:cut]))
