"""What only the blob store in a folder does; what every store promises is tested with a real S3 server beside it."""

import hashlib
import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shared.errors import OperatorError
from shared.storage import FolderBlobStore, put_bytes


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Where a store keeps what it holds."""
    return tmp_path / "blobs"


def files_of(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


def sha256_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


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


def test_what_a_killed_upload_left_is_removed_and_what_is_complete_or_under_way_stays(root: Path) -> None:
    store = FolderBlobStore(root)
    kept = put_bytes(store, b"complete")
    cut_off, under_way = root / "incoming" / "cut-off", root / "incoming" / "under-way"
    for path in (cut_off, under_way):
        path.write_bytes(b"half of ")
    an_hour_ago = datetime.now(UTC) - timedelta(hours=1)
    os.utime(cut_off, (an_hour_ago.timestamp(),) * 2)
    store.discard_incomplete(before=an_hour_ago + timedelta(minutes=1))
    assert sorted(path.name for path in files_of(root)) == sorted([kept, "under-way"])


def test_there_is_nothing_to_discard_in_a_store_that_was_never_used(root: Path) -> None:
    FolderBlobStore(root).discard_incomplete(before=datetime.now(UTC))
    assert not root.exists()


def test_to_set_a_blob_aside_renews_its_age_so_that_its_day_begins_then(root: Path) -> None:
    store = FolderBlobStore(root)
    sha256 = put_bytes(store, b"old")
    path = root / sha256[:2] / sha256[2:4] / sha256
    os.utime(path, (0, 0))
    store.set_aside(sha256)
    (aside,) = store.blobs_set_aside()
    assert datetime.now(UTC) - aside.changed_at < timedelta(minutes=1)
