"""Databases with all tables, copied from one that the migrations have made: to make each by all migrations takes a second."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

import psycopg

from shared.database import Database
from shared.schema import upgrade

TEMPLATE = "template_with_tables"


def make_tables(database: Database) -> None:
    """Make all tables in an empty database, as `schema.upgrade` does."""
    database.dispose()  # it is replaced as a whole
    if database.dialect == "sqlite":
        target = Path(str(database.engine.url.database))
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(_sqlite_template(), target)
        return
    url = database.engine.url
    # A server may have just the one database that is replaced here.
    server = url.set(drivername="postgresql", database="template1").render_as_string(hide_password=False)
    with psycopg.connect(server, autocommit=True) as admin:
        if admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", (TEMPLATE,)).fetchone() is None:
            admin.execute(f'CREATE DATABASE "{TEMPLATE}"')
            _migrate(url.set(database=TEMPLATE).render_as_string(hide_password=False))
        admin.execute(f'DROP DATABASE "{url.database}"')
        admin.execute(f'CREATE DATABASE "{url.database}" TEMPLATE "{TEMPLATE}"')


@cache
def _sqlite_template() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="saemi-tests-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / "with_tables.db"
    _migrate(f"sqlite:///{path}")
    return path


def _migrate(url: str) -> None:
    """Bring a new database to the newest revision, and leave nothing open."""
    database = Database(url)
    upgrade(database)
    database.dispose()
