"""Submissions whose files have not all arrived: who starts the same command again goes on with the same submission."""

import hashlib
import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from cli.bulk.local_state import open_state, state_folder

SCHEMA = """CREATE TABLE IF NOT EXISTS unfinished (
    command TEXT PRIMARY KEY, submission_id INTEGER NOT NULL, opened_at REAL NOT NULL
) WITHOUT ROWID"""


class UnfinishedSubmissions:
    """The submissions that one user has begun and not ended."""

    def __init__(self, file: Path | None = None) -> None:
        self._connection = open_state(file or state_folder() / "submissions.db", SCHEMA)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self._connection.close()

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


def command_key(server: str, paths: Sequence[Path], options: Mapping[str, object]) -> str:
    """Return the name of a command: which portal, which files and folders, which options."""
    places = sorted(os.fsencode(path.absolute()).hex() for path in paths)
    return hashlib.sha256(json.dumps([server, places, dict(options)], sort_keys=True).encode()).hexdigest()
