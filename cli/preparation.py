"""What a database needs before anything works with it: this release's schema and its models."""

from pathlib import Path

from sqlalchemy.engine import make_url

from cli.console import messages
from shared.database import Database
from shared.errors import OperatorError
from shared.schema import require_current, upgrade
from shared.settings import Settings
from shared.stores import blob_store
from worker.shipped import register_shipped


def prepare_database(settings: Settings) -> None:
    """Bring schema and registered models up to this release; a model that is refused is named, and the others are there."""
    database = Database(settings.effective_database_url)
    try:
        upgrade(database)
        refused = register_shipped(database, blob_store(settings))
    finally:
        database.dispose()
    for error in refused:
        messages.print(f"Warning: a model of this release is left out. {error.message}")


def existing_database(settings: Settings) -> Database | None:
    """Return the configured database if there is one; to look for it never makes it.

    Raises
    ------
    OperatorError
        ``schema_outdated`` where it is another release's.
    """
    url = make_url(settings.effective_database_url)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        return None
    database = Database(settings.effective_database_url)
    require_current(database)
    return database


def required_database(settings: Settings) -> Database:
    """Return the configured database; raises OperatorError ``no_database`` where there is none."""
    database = existing_database(settings)
    if database is None:
        path = make_url(settings.effective_database_url).database
        raise OperatorError(f"{path} does not exist yet; `saemi up` or `saemi admin db upgrade` makes it.", code="no_database")
    return database
