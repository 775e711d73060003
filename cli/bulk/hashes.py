"""The SHA-256 of local files, computed once: a file whose place, size and time of change are the same is not read again."""

import hashlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from cli.bulk.local_state import LocalState, cache_folder

SCHEMA = """CREATE TABLE IF NOT EXISTS hash (
    path BLOB PRIMARY KEY, n_bytes INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, sha256 TEXT NOT NULL
) WITHOUT ROWID"""
PARALLEL_READS = 4
ROWS_AT_ONCE = 256
# Times of change are as coarse as two seconds (FAT): a file that was changed just now can change again without a trace.
SETTLED_NS = 3 * 10**9


@dataclass(frozen=True, slots=True)
class HashedFile:
    """A local file, its name in the submission, and its content when it was read."""

    path: Path
    name: str
    n_bytes: int
    mtime_ns: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """A file that was not handed in, and why."""

    path: Path
    reason: str


class HashCache(LocalState):
    """The hashes that are known; used by one thread."""

    def __init__(self, file: Path | None = None, clock_ns: Callable[[], int] = time.time_ns) -> None:
        super().__init__(file or cache_folder() / "hashes.db", SCHEMA)
        self._clock_ns = clock_ns
        self._unwritten: list[tuple[bytes, int, int, str]] = []
        self.n_read = 0

    def hash_files(self, files: Sequence[tuple[Path, str]]) -> Iterator[HashedFile | Refusal]:
        """Yield each file with its hash, in the order given; files that cannot be read are refused."""
        with ThreadPoolExecutor(PARALLEL_READS) as pool:
            looked_up = [(path, name, self._known(path)) for path, name in files]
            read = {path: pool.submit(_read, path) for path, _, known in looked_up if known is None}
            try:
                for path, name, known in looked_up:
                    try:
                        n_bytes, mtime_ns, sha256 = known or self._remember(path, read[path].result())
                    except OSError as error:
                        yield Refusal(path, error.strerror or str(error))
                    else:
                        yield HashedFile(path, name, n_bytes, mtime_ns, sha256)
            finally:
                pool.shutdown(wait=True, cancel_futures=True)
                if self._unwritten:
                    self._write()

    def _known(self, path: Path) -> tuple[int, int, str] | None:
        try:
            status = path.stat()
        except OSError:  # reading it says why
            return None
        key = (_key(path), status.st_size, status.st_mtime_ns)
        query = "SELECT n_bytes, mtime_ns, sha256 FROM hash WHERE path = ? AND n_bytes = ? AND mtime_ns = ?"
        found: tuple[int, int, str] | None = self._connection.execute(query, key).fetchone()
        return found

    def _remember(self, path: Path, read: tuple[int, int, str]) -> tuple[int, int, str]:
        self.n_read += 1
        if self._clock_ns() - read[1] > SETTLED_NS:
            self._unwritten.append((_key(path), *read))
        if len(self._unwritten) >= ROWS_AT_ONCE:
            self._write()
        return read

    def _write(self) -> None:
        """Write what was found in one transaction: the disk takes longer for one than to read a small image."""
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany("INSERT OR REPLACE INTO hash VALUES (?, ?, ?, ?)", self._unwritten)
        self._connection.execute("COMMIT")
        self._unwritten.clear()


def _read(path: Path) -> tuple[int, int, str]:
    with path.open("rb") as file:
        before = os.fstat(file.fileno())
        digest = hashlib.file_digest(file, "sha256")
        return before.st_size, before.st_mtime_ns, digest.hexdigest()


def _key(path: Path) -> bytes:
    return os.fsencode(path.absolute())
