"""The schema's version: brought up to date by Alembic, checked by every process before it works."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

import migrations
from shared.database import Database, named_errors
from shared.errors import OperatorError

RELEASE_OUTDATED = "release_outdated"


def upgrade(database: Database, revision: str = "head") -> None:
    """Bring the schema up to a revision, the newest by default."""
    _run(database, command.upgrade, revision)


def downgrade(database: Database, revision: str) -> None:
    """Take the schema back to a revision; ``base`` removes all of it."""
    _run(database, command.downgrade, revision)


def current_revision(database: Database) -> str | None:
    """Return the revision the database stands at, None for an empty one."""
    with named_errors(), database.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


@cache
def newest_revision() -> str | None:
    """Return the revision this release works with."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def known_revisions() -> set[str]:
    """Return all revisions that this release has a way from."""
    return {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}


def require_current(database: Database) -> None:
    """Raise OperatorError unless the schema is the one that this release works with."""
    current, newest = current_revision(database), newest_revision()
    if current != newest:
        raise OperatorError(
            f"The database schema is at revision {current or 'none'}, this release needs {newest}: "
            "run `saemi admin db upgrade`.",
            code="schema_outdated",
        )


def require_own_schema(session: Session) -> None:
    """Raise OperatorError where the schema was brought on while this process runs: a newer release must do the work."""
    current, known = session.scalar(text("SELECT version_num FROM alembic_version")), newest_revision()
    if current != known:
        message = f"The database is at revision {current}, this process knows {known}: restart it with the new release."
        raise OperatorError(message, code=RELEASE_OUTDATED)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent).replace("%", "%%"))
    return config


def _run(database: Database, action: object, revision: str) -> None:
    config = _config()
    with named_errors(), database.engine.connect() as connection, _tables_may_be_copied(connection), connection.begin():
        config.attributes["connection"] = connection
        action(config, revision)  # type: ignore[operator]


@contextmanager
def _tables_may_be_copied(connection: Connection) -> Iterator[None]:
    """Let SQLite change a table the only way it can, by a copy: dropping the first one must not take the rows that refer to it.

    SQLite heeds the switch between transactions only, so it is thrown on the driver's connection, below those of SQLAlchemy.
    """
    if connection.dialect.name != "sqlite":
        yield
        return
    driver: Any = connection.connection.driver_connection
    driver.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
    finally:
        driver.execute("PRAGMA foreign_keys=ON")
