"""A PostgreSQL server that goes away and comes back, and connections that run out: named, and over when the trouble is."""

import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from shared.database import CONNECT_TIMEOUT_S, FEW_CONNECTIONS, SILENCE_S, Database
from shared.errors import TransientError
from tests.databases import make_tables
from tests.models import register_models
from tests.postgres_server import PostgresServer, running_postgres
from tests.unit.web.opened_portal import API, Portal, error_of, open_portal
from web.app import STATEMENT_TIMEOUT_S

LONGEST_ANSWER_S = 5.0
LONGEST_FREEZE_S = 16.0
ADDRESSES = ("/submissions", "/jobs", "/analyses", "/models", "/decisions")
PAGES = ("/", "/submissions", "/analyses", "/models", "/readyz")


@pytest.fixture(scope="module")
def own_server() -> Iterator[PostgresServer]:
    """A server that the tests of this module may stop."""
    with tempfile.TemporaryDirectory(prefix="saemi-") as folder, running_postgres(Path(folder, "postgres")) as server:
        yield server


@pytest.fixture
def portal(own_server: PostgresServer, tmp_path: Path) -> Iterator[Portal]:
    """A portal on that server."""
    database = Database(own_server.url)
    make_tables(database)
    register_models(database)
    database.dispose()
    yield from open_portal(tmp_path, own_server.url)


def test_while_the_database_is_down_the_portal_says_when_to_come_again_and_then_goes_on(
    portal: Portal, own_server: PostgresServer
) -> None:
    submission = portal.open_submission()
    assert portal.put(submission, b"before", "before.tif").status_code == 201
    shown = [address for address in ADDRESSES if portal.get(address).status_code == 200]
    pages = [page for page in PAGES if portal.http.get(page, buffered=True).status_code == 200]
    assert len(shown) >= 3
    assert len(pages) >= 3
    own_server.stop_at_once()
    try:
        started = time.monotonic()
        for address in shown:
            assert error_of(portal.get(address), 503)["code"] == "database_unavailable"
        assert error_of(portal.put(submission, b"during", "during.tif"), 503)["code"] == "database_unavailable"
        asked = portal.http.post(f"{API}/submissions", json={"project": "gold"}, buffered=True)
        assert error_of(asked, 503)["code"] == "database_unavailable"
        for page in (page for page in pages if page != "/"):
            answer = portal.http.get(page, buffered=True)
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5"), page
            assert "Traceback" not in answer.text
        assert time.monotonic() - started < LONGEST_ANSWER_S
    finally:
        own_server.start()
    # The first request finds dead connections, and the person who asked does not notice.
    assert all(portal.get(address).status_code == 200 for address in shown)
    assert portal.put(submission, b"during", "during.tif").status_code == 201
    assert portal.json(f"/submissions/{submission}")["project"] == "gold"


def test_while_the_database_is_frozen_the_portal_says_so_in_time_and_then_goes_on(
    portal: Portal, own_server: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert STATEMENT_TIMEOUT_S + SILENCE_S + CONNECT_TIMEOUT_S <= LONGEST_FREEZE_S
    monkeypatch.setattr("web.app.STATEMENT_TIMEOUT_S", 0.5)
    monkeypatch.setattr("shared.database.CONNECT_TIMEOUT_S", 2)  # the least that there is
    with contextmanager(open_portal)(tmp_path / "impatient", own_server.url) as impatient:
        submission = impatient.open_submission()
        with own_server.frozen():
            started = time.monotonic()
            answer = impatient.get(f"/submissions/{submission}")
            assert error_of(answer, 503)["code"] == "database_unavailable"
            assert answer.headers["Retry-After"] == "5"
            assert time.monotonic() - started < 0.5 + SILENCE_S + 2 + LONGEST_ANSWER_S
        assert impatient.get(f"/submissions/{submission}").status_code == 200


def test_a_server_that_falls_silent_under_a_statement_is_given_up(own_server: PostgresServer) -> None:
    database = Database(own_server.url, statement_timeout_s=0.5)

    def ask() -> None:
        with database.writing() as session:
            session.execute(text("SELECT 1"))
            with own_server.frozen():
                session.execute(text("SELECT 1"))

    started = time.monotonic()
    with pytest.raises(TransientError) as caught:
        ask()
    assert caught.value.code == "database_unavailable"
    assert time.monotonic() - started < 0.5 + SILENCE_S + LONGEST_ANSWER_S
    database.check()
    database.dispose()


def test_a_transaction_that_the_server_ended_is_transient_and_nothing_of_it_stays(own_server: PostgresServer) -> None:
    database = Database(own_server.url)
    with database.writing() as session:
        session.execute(text("CREATE TABLE IF NOT EXISTS written (number INTEGER)"))
        session.execute(text("TRUNCATE written"))

    def write() -> None:
        with database.writing() as session:
            session.execute(text("INSERT INTO written VALUES (1)"))
            own_server.stop_at_once()
            session.execute(text("INSERT INTO written VALUES (2)"))

    try:
        with pytest.raises(TransientError):
            write()
    finally:
        own_server.start()
    with database.reading() as session:
        assert session.scalar(text("SELECT count(*) FROM written")) == 0
    database.dispose()


def test_who_finds_all_connections_in_use_waits_and_is_then_told_to_come_again(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.database.POOL_TIMEOUT_S", 0.2)
    database = Database(postgres_url, pool_size=1)
    with database.reading() as held:
        held.execute(text("SELECT 1"))
        with pytest.raises(TransientError) as caught:
            database.check()
    assert caught.value.code == "database_unavailable"
    database.check()
    database.dispose()


def test_a_process_opens_no_more_connections_than_it_may(postgres_url: str) -> None:
    database = Database(postgres_url + "&application_name=counted" if "?" in postgres_url else postgres_url)
    together = threading.Barrier(FEW_CONNECTIONS, timeout=20)

    def hold() -> None:
        with database.reading() as session:
            session.execute(text("SELECT 1"))
            together.wait()

    threads = [threading.Thread(target=hold) for _ in range(3 * FEW_CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert database.engine.pool.checkedin() == FEW_CONNECTIONS  # type: ignore[attr-defined]
    database.dispose()


def test_a_statement_that_takes_too_long_is_given_up(postgres_url: str) -> None:
    database = Database(postgres_url, statement_timeout_s=0.2)
    with pytest.raises(TransientError), database.reading() as session:
        session.execute(text("SELECT pg_sleep(30)"))
    database.dispose()


def test_what_the_address_says_of_timeouts_wins(postgres_url: str) -> None:
    separator = "&" if "?" in postgres_url else "?"
    database = Database(f"{postgres_url}{separator}options=-c%20lock_timeout%3D7s")
    with database.reading() as session:
        assert session.scalar(text("SHOW lock_timeout")) == "7s"
    database.dispose()
    database = Database(postgres_url)
    with database.reading() as session:
        assert session.scalar(text("SHOW lock_timeout")) == "20s"
    database.dispose()
