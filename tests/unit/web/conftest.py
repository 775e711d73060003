"""Portals for the tests of the API."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.database import Database
from tests.databases import make_tables
from tests.models import register_models
from tests.unit.web.opened_portal import Portal, open_portal


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[Portal]:
    """A portal on SQLite whose broker is away."""
    url = f"sqlite:///{tmp_path / 'saemi.db'}"
    database = Database(url)
    make_tables(database)
    register_models(database)
    database.dispose()
    yield from open_portal(tmp_path, url)


@pytest.fixture
def either_portal(database: Database, tmp_path: Path) -> Iterator[Portal]:
    """A portal on SQLite, and one on PostgreSQL."""
    register_models(database)
    yield from open_portal(tmp_path, database.engine.url.render_as_string(hide_password=False))
