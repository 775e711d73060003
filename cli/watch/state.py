"""What a watch remembers: how long each new file has been unchanged, what was handed in, and into which submission.

One SQLite file for each watch, held by the running one alone.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cli.bulk.hashes import HashedFile
from cli.bulk.local_state import LocalState
from cli.watch.folder import SeenFile

SCHEMA = """
CREATE TABLE IF NOT EXISTS unchanged (
    place BLOB PRIMARY KEY, n_bytes INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, since_s REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS handed_in (
    place BLOB NOT NULL, sha256 TEXT NOT NULL, n_bytes INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
    submission_id INTEGER NOT NULL, refused TEXT, PRIMARY KEY (place, sha256)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS ix_handed_in_sha256 ON handed_in (sha256);
CREATE TABLE IF NOT EXISTS submission (
    batch TEXT NOT NULL, options TEXT NOT NULL, submission_id INTEGER NOT NULL, PRIMARY KEY (batch, options)
) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class HandedIn:
    """A file that went to the portal: where it lay, and in which submission it is."""

    place: bytes
    submission_id: int


class WatchState(LocalState):
    """The memory of one watch."""

    def __init__(self, file: Path) -> None:
        # The lock outlives the transaction: another watch of the folder would hand in what this one does.
        schema = f"PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE; {SCHEMA} COMMIT;"
        super().__init__(file, schema, wait_s=0)
        rows = self._connection.execute("SELECT place, n_bytes, mtime_ns FROM handed_in")
        self._done: dict[bytes, set[tuple[int, int]]] = {}
        for place, n_bytes, mtime_ns in rows:
            self._done.setdefault(place, set()).add((n_bytes, mtime_ns))

    def is_done(self, file: SeenFile) -> bool:
        """Tell whether a file, as it is now, was handed in or refused."""
        return (file.n_bytes, file.mtime_ns) in self._done.get(file.place, ())

    def note_look(self, pending: Sequence[SeenFile], now_s: float) -> dict[bytes, float]:
        """Note how pending files look now; returns for how long each has looked like that, s, where it did before."""
        rows = self._connection.execute("SELECT place, n_bytes, mtime_ns, since_s FROM unchanged")
        before = {place: (n_bytes, mtime_ns, since_s) for place, n_bytes, mtime_ns, since_s in rows}
        same: dict[bytes, float] = {}
        now = []
        for file in pending:
            known = before.get(file.place)
            if known is not None and known[:2] == (file.n_bytes, file.mtime_ns):
                # A clock that was set back must not make a file wait for the time to come again.
                since_s = min(known[2], now_s)
                same[file.place] = now_s - since_s
            else:
                since_s = now_s
            now.append((file.place, file.n_bytes, file.mtime_ns, since_s))
        self._replace_unchanged(now)
        return same

    def record(self, file: HashedFile, place: bytes, submission_id: int, refused: str | None = None) -> None:
        """Note that the portal has a file, or why it was refused: it is not handed in again."""
        row = (place, file.sha256, file.n_bytes, file.mtime_ns, submission_id, refused)
        self._connection.execute("INSERT OR REPLACE INTO handed_in VALUES (?, ?, ?, ?, ?, ?)", row)
        self._done.setdefault(place, set()).add((file.n_bytes, file.mtime_ns))

    def same_content(self, sha256: str) -> list[HandedIn]:
        """Return what was handed in with some content."""
        query = "SELECT place, submission_id FROM handed_in WHERE sha256 = ? AND refused IS NULL ORDER BY place"
        return [HandedIn(*row) for row in self._connection.execute(query, (sha256,))]

    def submission_of(self, place: bytes) -> int | None:
        """Return the submission that the file of a place is in, the newest where there are several."""
        query = "SELECT max(submission_id) FROM handed_in WHERE place = ? AND refused IS NULL"
        found: int | None = self._connection.execute(query, (place,)).fetchone()[0]
        return found

    def n_contents(self, place: bytes) -> int:
        """Count the contents that were handed in from a place."""
        query = "SELECT count(*) FROM handed_in WHERE place = ? AND refused IS NULL"
        return int(self._connection.execute(query, (place,)).fetchone()[0])

    def submission(self, batch: str, options: str) -> int | None:
        """Return the submission that was opened for a batch with some options."""
        query = "SELECT submission_id FROM submission WHERE batch = ? AND options = ?"
        found = self._connection.execute(query, (batch, options)).fetchone()
        return None if found is None else int(found[0])

    def remember_submission(self, batch: str, options: str, submission_id: int) -> None:
        """Note which submission was opened for a batch."""
        self._connection.execute("INSERT OR REPLACE INTO submission VALUES (?, ?, ?)", (batch, options, submission_id))

    def _replace_unchanged(self, rows: Iterable[tuple[bytes, int, int, float]]) -> None:
        self._connection.execute("BEGIN")
        self._connection.execute("DELETE FROM unchanged")
        self._connection.executemany("INSERT INTO unchanged VALUES (?, ?, ?, ?)", rows)
        self._connection.execute("COMMIT")
