"""What every blob store promises, of a folder and of a bucket on a real S3 server."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.errors import InputError, NotFoundError
from shared.s3_store import PART_BYTES, S3BlobStore
from shared.storage import BlobStore, FolderBlobStore, put_bytes
from tests.s3_server import BUCKET, S3Server


@dataclass
class AnyStore:
    """One of the stores, empty, and what lies in it by any other way of looking."""

    store: BlobStore
    names: Callable[[], list[str]]


@pytest.fixture(params=["folder", "s3"])
def any_store(request: pytest.FixtureRequest, tmp_path: Path) -> AnyStore:
    if request.param == "folder":
        root = tmp_path / "blobs"
        return AnyStore(FolderBlobStore(root), lambda: [path.name for path in root.rglob("*") if path.is_file()])
    server: S3Server = request.getfixturevalue("s3_server")
    prefix = tmp_path.name
    store = S3BlobStore(server.access, BUCKET, prefix)
    return AnyStore(store, lambda: [key.rpartition("/")[2] for key in server.keys(f"{prefix}/")])


def read(store: BlobStore, sha256: str) -> bytes:
    with store.open(sha256) as file:
        return file.read()


def sha256_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def broken_stream() -> Iterator[bytes]:
    yield b"a part" * 10_000
    raise ConnectionResetError("the line is cut")


@given(st.lists(st.binary(max_size=100), max_size=8))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
def test_a_blob_is_named_by_its_bytes_however_they_arrive_and_read_back_the_same(
    any_store: AnyStore, chunks: list[bytes]
) -> None:
    content = b"".join(chunks)
    blob = any_store.store.put(chunks)
    assert (blob.sha256, blob.n_bytes) == (sha256_of(content), len(content))
    assert read(any_store.store, blob.sha256) == content
    with any_store.store.local_path(blob.sha256) as path:
        assert path.read_bytes() == content


@pytest.mark.parametrize("n_bytes", [PART_BYTES, PART_BYTES + 1, 2 * PART_BYTES + 12_345])
def test_a_blob_larger_than_one_part_reads_back_the_same_also_when_it_is_stored_twice(
    any_store: AnyStore, n_bytes: int
) -> None:
    content = bytes(range(251)) * (n_bytes // 251 + 1)
    chunks = [content[i : min(i + 1_000_003, n_bytes)] for i in range(0, n_bytes, 1_000_003)]
    blobs = {any_store.store.put(chunks) for _ in range(2)}
    assert [blob.n_bytes for blob in blobs] == [n_bytes]
    (name,) = any_store.names()
    assert sha256_of(read(any_store.store, name)) == name
    with any_store.store.local_path(name) as path:
        assert sha256_of(path.read_bytes()) == name


def test_the_same_bytes_are_stored_once(any_store: AnyStore) -> None:
    first, again = put_bytes(any_store.store, b"content"), put_bytes(any_store.store, b"content")
    assert any_store.names() == [first] == [again]


def test_a_file_of_the_largest_size_is_stored_and_one_byte_more_leaves_nothing(any_store: AnyStore) -> None:
    with pytest.raises(InputError) as caught:
        any_store.store.put([b"x" * 6, b"x" * 5], max_bytes=10)
    assert caught.value.code == "file_too_large"
    assert any_store.names() == []
    assert any_store.store.put([b"x" * 5, b"x" * 5], max_bytes=10).n_bytes == 10


def test_a_stream_that_is_too_large_is_not_read_to_its_end(any_store: AnyStore) -> None:
    endless = iter(lambda: b"x" * 100, None)
    with pytest.raises(InputError):
        any_store.store.put(endless, max_bytes=1000)


def test_a_stream_that_breaks_off_leaves_nothing(any_store: AnyStore) -> None:
    with pytest.raises(ConnectionResetError):
        any_store.store.put(broken_stream())
    assert any_store.names() == []


def test_an_unknown_blob_is_not_found(any_store: AnyStore) -> None:
    unknown = sha256_of(b"never stored")
    assert not any_store.store.exists(unknown)
    with pytest.raises(NotFoundError):
        any_store.store.open(unknown)
    with pytest.raises(NotFoundError), any_store.store.local_path(unknown):
        pass
    for change in (any_store.store.set_aside, any_store.store.bring_back):
        with pytest.raises(NotFoundError):
            change(unknown)


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "a" * 63, "A" * 64, "a" * 63 + "/", "g" * 64])
def test_a_name_that_is_no_hash_is_not_found_and_never_a_path(any_store: AnyStore, name: str) -> None:
    put_bytes(any_store.store, b"content")
    store = any_store.store
    for use in (store.open, store.exists, store.set_aside, store.bring_back, store.discard):
        with pytest.raises(NotFoundError):
            use(name)


def test_a_blob_is_not_visible_before_it_is_complete(any_store: AnyStore) -> None:
    sha256 = sha256_of(b"first second")
    seen: list[bool] = []

    def watched() -> Iterator[bytes]:
        yield b"first "
        seen.append(any_store.store.exists(sha256))
        yield b"second"
        seen.append(any_store.store.exists(sha256))

    assert any_store.store.put(watched()).sha256 == sha256
    assert seen == [False, False]
    assert any_store.store.exists(sha256)


@pytest.mark.parametrize("n_bytes", [100, PART_BYTES + 1])
def test_four_that_store_the_same_content_at_the_same_time_all_succeed(any_store: AnyStore, n_bytes: int) -> None:
    together = threading.Barrier(4, timeout=20)
    outcomes = []

    def chunks() -> Iterator[bytes]:
        together.wait()
        yield b"x" * n_bytes
        together.wait()

    def store() -> None:
        outcomes.append(any_store.store.put(chunks()).sha256)

    threads = [threading.Thread(target=store) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert outcomes == [sha256_of(b"x" * n_bytes)] * 4
    assert any_store.names() == outcomes[:1]
    assert read(any_store.store, outcomes[0]) == b"x" * n_bytes


def test_a_listing_names_every_blob_with_its_size_and_age(any_store: AnyStore) -> None:
    assert list(any_store.store.blobs()) == []
    contents = [b"a" * n for n in range(5)]
    names = {put_bytes(any_store.store, content): len(content) for content in contents}
    listed = list(any_store.store.blobs())
    assert {blob.sha256: blob.n_bytes for blob in listed} == names
    assert [blob.sha256 for blob in listed] == sorted(names)
    assert all(abs(datetime.now(UTC) - blob.changed_at) < timedelta(minutes=1) for blob in listed)


def test_a_blob_that_is_set_aside_is_read_but_neither_there_nor_listed(any_store: AnyStore) -> None:
    store = any_store.store
    sha256 = put_bytes(store, b"content")
    store.set_aside(sha256)
    assert (store.exists(sha256), list(store.blobs()), [blob.sha256 for blob in store.blobs_set_aside()]) == (
        False,
        [],
        [sha256],
    )
    assert read(store, sha256) == b"content"
    with store.local_path(sha256) as path:
        assert path.read_bytes() == b"content"


def test_a_blob_that_is_brought_back_is_where_it_was(any_store: AnyStore) -> None:
    store = any_store.store
    sha256 = put_bytes(store, b"content")
    store.set_aside(sha256)
    store.bring_back(sha256)
    assert (store.exists(sha256), list(store.blobs_set_aside()), read(store, sha256)) == (True, [], b"content")


def test_bytes_that_are_stored_anew_outlive_the_copy_that_was_set_aside(any_store: AnyStore) -> None:
    store = any_store.store
    sha256 = put_bytes(store, b"content")
    for end in (store.bring_back, store.discard):
        store.set_aside(sha256)
        assert put_bytes(store, b"content") == sha256
        end(sha256)
        assert (store.exists(sha256), list(store.blobs_set_aside()), read(store, sha256)) == (True, [], b"content")


def test_a_blob_that_is_discarded_is_gone_and_to_discard_it_again_changes_nothing(any_store: AnyStore) -> None:
    store = any_store.store
    sha256 = put_bytes(store, b"content")
    store.set_aside(sha256)
    for _ in range(2):
        store.discard(sha256)
        assert any_store.names() == []
    with pytest.raises(NotFoundError):
        store.open(sha256)


def test_to_discard_takes_nothing_but_what_is_set_aside(any_store: AnyStore) -> None:
    sha256 = put_bytes(any_store.store, b"content")
    any_store.store.discard(sha256)
    assert read(any_store.store, sha256) == b"content"
