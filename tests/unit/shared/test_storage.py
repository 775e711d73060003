"""What every blob store promises. Another store joins by a function in `STORES`; what only folders do stands at the end."""

import hashlib
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.errors import InputError, NotFoundError, OperatorError
from shared.storage import BlobStore, FolderBlobStore, put_bytes

STORES: dict[str, Callable[[Path], BlobStore]] = {"folder": FolderBlobStore}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Where a store keeps what it holds."""
    return tmp_path / "blobs"


@pytest.fixture(params=list(STORES))
def any_store(request: pytest.FixtureRequest, root: Path) -> BlobStore:
    """One of the stores, empty."""
    return STORES[request.param](root)


def files_of(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


def read(store: BlobStore, sha256: str) -> bytes:
    with store.open(sha256) as file:
        return file.read()


def sha256_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def broken_stream() -> Iterator[bytes]:
    yield b"a part"
    raise ConnectionResetError("the line is cut")


@given(st.lists(st.binary(max_size=100), max_size=8))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
def test_a_blob_is_named_by_its_bytes_however_they_arrive_and_read_back_the_same(
    any_store: BlobStore, chunks: list[bytes]
) -> None:
    content = b"".join(chunks)
    blob = any_store.put(chunks)
    assert (blob.sha256, blob.n_bytes) == (sha256_of(content), len(content))
    assert read(any_store, blob.sha256) == content
    with any_store.local_path(blob.sha256) as path:
        assert path.read_bytes() == content


def test_the_same_bytes_are_stored_once(any_store: BlobStore, root: Path) -> None:
    first = any_store.put([b"twice"])
    before = files_of(root)
    assert any_store.put([b"tw", b"ice"]) == first
    assert files_of(root) == before
    assert len(before) == 1


def test_a_file_of_the_largest_size_is_stored_and_one_byte_more_leaves_nothing(any_store: BlobStore, root: Path) -> None:
    with pytest.raises(InputError) as caught:
        any_store.put([b"12345", b"6789x"], max_bytes=9)
    assert caught.value.code == "file_too_large"
    assert files_of(root) == []
    assert any_store.put([b"12345", b"6789"], max_bytes=9).n_bytes == 9


def test_a_stream_that_is_too_large_is_not_read_to_its_end(any_store: BlobStore) -> None:
    taken = []
    endless = (taken.append(number) or bytes(1000) for number in range(10_000))
    with pytest.raises(InputError):
        any_store.put(endless, max_bytes=5000)
    assert len(taken) == 6


def test_a_stream_that_breaks_off_leaves_nothing(any_store: BlobStore, root: Path) -> None:
    with pytest.raises(ConnectionResetError):
        any_store.put(broken_stream())
    assert files_of(root) == []


def test_an_unknown_blob_is_not_found(any_store: BlobStore) -> None:
    unknown = sha256_of(b"never stored")
    assert not any_store.exists(unknown)
    with pytest.raises(NotFoundError) as caught:
        any_store.open(unknown)
    assert caught.value.code == "blob_not_found"
    with pytest.raises(NotFoundError), any_store.local_path(unknown):
        pytest.fail("there is nothing to look at")


@pytest.mark.parametrize(
    "name", ["", "..", "../../etc/passwd", "a" * 63, "A" * 64, "g" * 64, "/" * 64, "0" * 64 + "\n", "é" * 64]
)
def test_a_name_that_is_no_hash_is_not_found_and_never_a_path(any_store: BlobStore, name: str) -> None:
    put_bytes(any_store, b"content")
    for look in (any_store.open, any_store.exists):
        with pytest.raises(NotFoundError):
            look(name)


def test_a_blob_is_not_visible_before_it_is_complete(any_store: BlobStore) -> None:
    sha256 = sha256_of(b"first second")
    seen: list[bool] = []

    def watched() -> Iterator[bytes]:
        yield b"first "
        seen.append(any_store.exists(sha256))
        yield b"second"
        seen.append(any_store.exists(sha256))

    assert any_store.put(watched()).sha256 == sha256
    assert seen == [False, False]
    assert any_store.exists(sha256)


def test_two_that_store_the_same_content_at_the_same_time_both_succeed(any_store: BlobStore, root: Path) -> None:
    together = threading.Barrier(2, timeout=20)
    outcomes = []

    def chunks() -> Iterator[bytes]:
        yield b"the same "
        together.wait()
        yield b"content"
        together.wait()

    def store() -> None:
        outcomes.append(any_store.put(chunks()).sha256)

    threads = [threading.Thread(target=store) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert outcomes == [sha256_of(b"the same content")] * 2
    assert len(files_of(root)) == 1
    assert read(any_store, outcomes[0]) == b"the same content"


# What only a folder does.


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("a tiny disk cannot be mounted here; the test of SAEMI_MIN_FREE_BYTES covers a full disk")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def test_a_full_disk_is_named_and_leaves_nothing(tiny_disk: Path) -> None:
    store = FolderBlobStore(tiny_disk)
    kept = put_bytes(store, b"kept")
    with pytest.raises(OperatorError) as caught:
        store.put(bytes(100_000) for _ in range(30))
    assert caught.value.code == "storage_full"
    assert [path.name for path in files_of(tiny_disk)] == [kept]
    assert put_bytes(store, b"small") == sha256_of(b"small")


def test_a_disk_that_only_reads_is_named(tiny_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", tiny_disk], check=True)
    with pytest.raises(OperatorError) as caught:
        put_bytes(FolderBlobStore(tiny_disk), b"content")
    assert caught.value.code == "storage_unwritable"


def test_a_disk_with_too_little_room_takes_nothing(root: Path) -> None:
    with pytest.raises(OperatorError) as caught:
        put_bytes(FolderBlobStore(root, min_free_bytes=2**62), b"content")
    assert caught.value.code == "storage_full"
    assert files_of(root) == []


def test_a_file_in_the_place_of_the_folder_is_named(root: Path) -> None:
    root.write_text("no folder")
    with pytest.raises(OperatorError) as caught:
        put_bytes(FolderBlobStore(root), b"content")
    assert caught.value.code == "storage_unwritable"


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere; the disk that only reads covers this")
def test_a_folder_without_permission_is_named(root: Path) -> None:
    root.mkdir(mode=0o500)
    with pytest.raises(OperatorError) as caught:
        put_bytes(FolderBlobStore(root), b"content")
    assert caught.value.code == "storage_unwritable"


def test_what_a_killed_upload_left_is_removed_and_what_is_complete_stays(root: Path) -> None:
    store = FolderBlobStore(root)
    kept = put_bytes(store, b"complete")
    (root / "incoming" / "cut-off").write_bytes(b"half of ")
    store.discard_incomplete()
    assert [path.name for path in files_of(root)] == [kept]


def test_there_is_nothing_to_discard_in_a_store_that_was_never_used(root: Path) -> None:
    FolderBlobStore(root).discard_incomplete()
    assert not root.exists()
