"""What every spool of uploads promises. Another spool joins by a function in `SPOOLS`; what only folders do comes last."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shared.errors import OperatorError, TransientError
from shared.spool import BlobSpool, ChunkSpool, FolderSpool
from shared.storage import FolderBlobStore

SPOOLS: dict[str, Callable[[Path], ChunkSpool]] = {
    "folder": FolderSpool,
    "blobs": lambda root: BlobSpool(FolderBlobStore(root)),
}
UPLOAD, OTHER = "a" * 32, "b" * 32


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Where a spool keeps what it holds."""
    return tmp_path / "spool"


@pytest.fixture(params=list(SPOOLS))
def spool(request: pytest.FixtureRequest, root: Path) -> ChunkSpool:
    """One of the spools, empty."""
    return SPOOLS[request.param](root)


def broken_stream() -> Iterator[bytes]:
    yield b"a part"
    raise ConnectionResetError("the line is cut")


def test_chunks_come_back_in_the_order_that_is_asked_for(spool: ChunkSpool) -> None:
    keys = [spool.write(UPLOAD, pieces).key for pieces in ([b"on", b"e "], [b"two "], [b"three"])]
    assert b"".join(spool.read(UPLOAD, keys)) == b"one two three"
    assert b"".join(spool.read(UPLOAD, [keys[2], keys[0]])) == b"threeone "
    assert list(spool.read(UPLOAD, [])) == []


def test_a_chunk_knows_its_size_and_may_be_empty(spool: ChunkSpool) -> None:
    assert spool.write(UPLOAD, [b"123", b"45"]).n_bytes == 5
    empty = spool.write(UPLOAD, [])
    assert empty.n_bytes == 0
    assert b"".join(spool.read(UPLOAD, [empty.key])) == b""


def test_two_that_write_the_same_place_never_touch_each_others_bytes(spool: ChunkSpool) -> None:
    slow = spool.write(UPLOAD, interrupted := iter([b"slow", b"er"]))
    fast = spool.write(UPLOAD, [b"fast"])
    assert next(interrupted, None) is None
    spool.discard_chunk(UPLOAD, slow.key)
    assert b"".join(spool.read(UPLOAD, [fast.key])) == b"fast"


def test_a_chunk_that_is_not_there_says_that_the_upload_ended_meanwhile(spool: ChunkSpool) -> None:
    key = spool.write(UPLOAD, [b"here"]).key
    with pytest.raises(TransientError) as caught:
        list(spool.read(UPLOAD, [key, "0" * 64]))
    assert caught.value.code == "upload_busy"


def test_a_chunk_that_breaks_off_leaves_nothing(spool: ChunkSpool, root: Path) -> None:
    with pytest.raises(ConnectionResetError):
        spool.write(UPLOAD, broken_stream())
    assert [path for path in root.rglob("*") if path.is_file()] == []


def test_what_is_discarded_takes_nothing_of_other_uploads_along(spool: ChunkSpool) -> None:
    kept = spool.write(OTHER, [b"kept"])
    spool.write(UPLOAD, [b"one"])
    for _ in range(2):
        spool.discard(UPLOAD)
    spool.discard_chunk(UPLOAD, kept.key)
    assert b"".join(spool.read(OTHER, [kept.key])) == b"kept"


def test_a_spool_that_was_never_used_holds_nothing(spool: ChunkSpool) -> None:
    assert list(spool.upload_ids()) == []


# What only a folder does.


def test_what_is_discarded_is_gone_and_the_rest_stays(root: Path) -> None:
    spool = FolderSpool(root)
    kept = spool.write(OTHER, [b"kept"])
    spool.write(UPLOAD, [b"one"])
    spool.write(UPLOAD, [b"two"])
    assert sorted(spool.upload_ids()) == [UPLOAD, OTHER]
    spool.discard(UPLOAD)
    spool.discard(UPLOAD)
    spool.discard_chunk(UPLOAD, kept.key)
    assert list(spool.upload_ids()) == [OTHER]
    assert b"".join(spool.read(OTHER, [kept.key])) == b"kept"


def test_a_chunk_of_an_upload_that_ends_meanwhile_says_so_and_leaves_nothing(root: Path) -> None:
    spool = FolderSpool(root)

    def ended_meanwhile() -> Iterator[bytes]:
        yield b"a part"
        spool.discard(UPLOAD)

    with pytest.raises(TransientError) as caught:
        spool.write(UPLOAD, ended_meanwhile())
    assert caught.value.code == "upload_busy"
    assert list(spool.upload_ids()) == []


def test_a_disk_with_too_little_room_takes_nothing(root: Path) -> None:
    with pytest.raises(OperatorError) as caught:
        FolderSpool(root, min_free_bytes=2**62).write(UPLOAD, [b"content"])
    assert caught.value.code == "storage_full"


def test_a_full_disk_is_named_and_the_piece_that_did_not_fit_is_removed(tmp_path: Path) -> None:
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", tmp_path], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("a tiny disk cannot be mounted here; the test with too little room covers a full disk")
    try:
        spool = FolderSpool(tmp_path)
        kept = spool.write(UPLOAD, [b"kept"])
        with pytest.raises(OperatorError) as caught:
            spool.write(UPLOAD, (bytes(100_000) for _ in range(30)))
        assert caught.value.code == "storage_full"
        assert [path.name for path in (tmp_path / UPLOAD).iterdir()] == [kept.key]
    finally:
        subprocess.run(["umount", "-l", tmp_path], check=True)
