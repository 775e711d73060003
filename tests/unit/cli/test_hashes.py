"""The hashes of local files: computed once, and again when a file has changed."""

import hashlib
import os
import sqlite3
from pathlib import Path

import pytest

from cli.bulk.hashes import SETTLED_NS, HashCache, HashedFile, Refusal
from shared.errors import OperatorError

LATER_NS = 4 * SETTLED_NS


def hash_all(cache: HashCache, *paths: Path) -> list[HashedFile | Refusal]:
    return list(cache.hash_files([(path, path.name) for path in paths]))


def written(path: Path, content: bytes, mtime_ns: int = 0) -> Path:
    path.write_bytes(content)
    os.utime(path, ns=(mtime_ns, mtime_ns))
    return path


def open_cache(tmp_path: Path) -> HashCache:
    return HashCache(tmp_path / "cache" / "hashes.db", clock_ns=lambda: LATER_NS)


def test_a_file_is_hashed_once_also_by_another_run(tmp_path: Path) -> None:
    files = [written(tmp_path / f"{n}.tif", bytes([n])) for n in range(20)]
    with open_cache(tmp_path) as cache:
        first = hash_all(cache, *files)
        assert cache.n_read == 20
    with open_cache(tmp_path) as cache:
        assert hash_all(cache, *files) == first
        assert cache.n_read == 0
    assert [file.sha256 for file in first if isinstance(file, HashedFile)] == [
        hashlib.sha256(bytes([n])).hexdigest() for n in range(20)
    ]


@pytest.mark.parametrize("change", [(b"other", 0), (b"same length", 1)])
def test_a_file_of_another_size_or_time_is_hashed_anew(tmp_path: Path, change: tuple[bytes, int]) -> None:
    file = written(tmp_path / "a.tif", b"some length")
    with open_cache(tmp_path) as cache:
        hash_all(cache, file)
        (again,) = hash_all(cache, written(file, *change))
    assert isinstance(again, HashedFile)
    assert again.sha256 == hashlib.sha256(change[0]).hexdigest()


def test_a_file_that_changed_just_now_may_change_again_within_the_same_tick_and_is_not_remembered(tmp_path: Path) -> None:
    file = written(tmp_path / "a.tif", b"first", mtime_ns=LATER_NS)
    with open_cache(tmp_path) as cache:
        hash_all(cache, file)
        (again,) = hash_all(cache, written(file, b"later", mtime_ns=LATER_NS))
    assert isinstance(again, HashedFile)
    assert again.sha256 == hashlib.sha256(b"later").hexdigest()


def test_a_file_that_is_gone_is_refused_and_the_others_are_hashed(tmp_path: Path) -> None:
    file = written(tmp_path / "a.tif", b"a")
    with open_cache(tmp_path) as cache:
        gone, there = hash_all(cache, tmp_path / "gone.tif", file)
    assert isinstance(gone, Refusal)
    assert "No such file" in gone.reason
    assert isinstance(there, HashedFile)


def test_a_name_that_is_no_text_is_remembered(tmp_path: Path) -> None:
    file = written(Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.tif")), b"a")
    for n_read in (1, 0):
        with open_cache(tmp_path) as cache:
            (hashed,) = hash_all(cache, file)
            assert isinstance(hashed, HashedFile)
            assert cache.n_read == n_read


def test_a_file_that_is_no_cache_is_named(tmp_path: Path) -> None:
    file = written(tmp_path / "hashes.db", b"no database at all, and long enough to be one" * 100)
    with pytest.raises(OperatorError, match=r"hashes\.db.*cannot be used") as caught:
        HashCache(file)
    assert caught.value.code == "state_unusable"
    assert isinstance(caught.value.__cause__, sqlite3.DatabaseError)
