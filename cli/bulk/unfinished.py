"""What has not all arrived: who starts the same command again goes on with the same submission, and within a large file."""

import hashlib
import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from cli.bulk.local_state import LocalState, state_folder

FILE_NAME = "submissions.db"
SCHEMA = """
CREATE TABLE IF NOT EXISTS unfinished (
    command TEXT PRIMARY KEY, submission_id INTEGER NOT NULL, opened_at REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS upload (
    file TEXT PRIMARY KEY, upload_id TEXT NOT NULL, begun_at REAL NOT NULL
) WITHOUT ROWID;
"""
# Longer than any file takes; the portal forgets an upload a day after its last byte.
MAX_UPLOAD_AGE_S = 30 * 86_400.0


class UnfinishedSubmissions(LocalState):
    """The submissions that one user has begun and not ended."""

    def __init__(self, file: Path | None = None) -> None:
        super().__init__(file or state_folder() / FILE_NAME, SCHEMA)

    def find(self, command: str) -> int | None:
        """Return the submission that a command has begun and not ended."""
        query = "SELECT submission_id FROM unfinished WHERE command = ?"
        found = self._connection.execute(query, (command,)).fetchone()
        return None if found is None else int(found[0])

    def remember(self, command: str, submission_id: int) -> None:
        """Note which submission a command has begun."""
        self._connection.execute("INSERT OR REPLACE INTO unfinished VALUES (?, ?, ?)", (command, submission_id, time.time()))

    def forget(self, command: str) -> None:
        """Note that all that a command had to hand in has arrived, or was refused."""
        self._connection.execute("DELETE FROM unfinished WHERE command = ?", (command,))


class UnfinishedUploads(LocalState):
    """The large files that one user has sent in part, and the uploads of the portal that have those parts.

    Opened by whoever sends a file, for as long as that takes.
    """

    def __init__(self, file: Path | None = None) -> None:
        super().__init__(file or state_folder() / FILE_NAME, SCHEMA)
        self._connection.execute("DELETE FROM upload WHERE begun_at < ?", (time.time() - MAX_UPLOAD_AGE_S,))

    def find(self, file: str) -> str | None:
        """Return the upload that has a part of a file."""
        found = self._connection.execute("SELECT upload_id FROM upload WHERE file = ?", (file,)).fetchone()
        return None if found is None else str(found[0])

    def remember(self, file: str, upload_id: str) -> None:
        """Note which upload a file was begun with."""
        self._connection.execute("INSERT OR REPLACE INTO upload VALUES (?, ?, ?)", (file, upload_id, time.time()))

    def forget(self, file: str) -> None:
        """Note that all of a file has arrived, or that nobody can go on with it."""
        self._connection.execute("DELETE FROM upload WHERE file = ?", (file,))


def upload_key(server: str, submission_id: int, name: str, sha256: str) -> str:
    """Return the name of a file on its way: to which portal, into which submission, what it is called and what it holds."""
    return hashlib.sha256(json.dumps([server, submission_id, name, sha256]).encode()).hexdigest()


def command_key(server: str, paths: Sequence[Path], options: Mapping[str, object]) -> str:
    """Return the name of a command: which portal, which files and folders, which options."""
    places = sorted(os.fsencode(path.absolute()).hex() for path in paths)
    return hashlib.sha256(json.dumps([server, places, dict(options)], sort_keys=True).encode()).hexdigest()
