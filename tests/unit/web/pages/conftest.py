"""The application over a database of its own, and a client of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from shared.database import Database
from shared.settings import Settings
from tests.databases import make_tables
from tests.models import register_models
from web.app import create_app
from web.services import EXTENSION


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    app = create_app(Settings(data_dir=tmp_path, broker_url="redis://127.0.0.1:1/0"))
    database: Database = app.extensions[EXTENSION].database
    make_tables(database)
    register_models(database)
    yield app
    database.dispose()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def portal_database(app: Flask) -> Database:
    found: Database = app.extensions[EXTENSION].database
    return found
