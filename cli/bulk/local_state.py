"""What the command line remembers between two runs: small SQLite files in the user's own folders."""

import sqlite3
from pathlib import Path
from types import TracebackType
from typing import Self

import platformdirs

from shared.errors import OperatorError

APPLICATION = "saemi"
BUSY_TIMEOUT_S = 10.0


def cache_folder() -> Path:
    """Return the folder of what can be found out anew."""
    return platformdirs.user_cache_path(APPLICATION, appauthor=False)


def state_folder() -> Path:
    """Return the folder of what would be lost."""
    return platformdirs.user_state_path(APPLICATION, appauthor=False)


class LocalState:
    """A file of state that is open for as long as a block lasts; raises what `_open` raises."""

    def __init__(self, file: Path, schema: str, wait_s: float = BUSY_TIMEOUT_S) -> None:
        self._connection = _open(file, schema, wait_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self._connection.close()


def _open(file: Path, schema: str, wait_s: float) -> sqlite3.Connection:
    """Open a file of state, made where there is none; each statement is a transaction of its own.

    Another process that uses the file is waited for up to ``wait_s``.

    Raises
    ------
    OperatorError
        ``state_in_use`` where another process holds the file, ``state_unusable`` where the folder cannot be written or the
        file is something else.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(file, timeout=wait_s, isolation_level=None)
        connection.executescript(schema)
    except (OSError, sqlite3.Error) as error:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY:
            raise OperatorError(f"Another process works with {file}.", code="state_in_use") from error
        reason = error.strerror if isinstance(error, OSError) else str(error)
        message = f"{file}, where SAEMI remembers what was handed in, cannot be used: {reason}."
        raise OperatorError(message, code="state_unusable") from error
    return connection
