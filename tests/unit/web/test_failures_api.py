"""What the API says when broker, database or disk fail, and of addresses and methods that it does not have."""

import time
from pathlib import Path

import psycopg
import pytest

from shared.schema import upgrade
from tests.conftest import fresh_postgres
from tests.databases import make_tables
from tests.models import register_models
from tests.stack import free_port
from tests.unit.web.opened_portal import API, BROKER_TIMEOUT_S, Portal, error_of, open_portal


def test_a_broker_that_is_away_delays_no_request_and_fails_none(portal: Portal) -> None:
    submission = portal.open_submission()
    started = time.monotonic()
    assert portal.put(submission).status_code == 201
    assert time.monotonic() - started < 3 * BROKER_TIMEOUT_S
    assert portal.json(f"/submissions/{submission}")["counts"]["queued"] == 1


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
def test_a_database_that_is_away_is_said_with_a_time_to_try_again(tmp_path: Path, method: str) -> None:
    for portal in open_portal(tmp_path, f"postgresql://nobody@127.0.0.1:{free_port()}/saemi"):
        path = {"GET": "/analyses", "POST": "/submissions", "PUT": "/submissions/1/files?name=a.tif"}[method]
        answer = portal.http.open(API + path, method=method, json={"project": "gold"} if method == "POST" else None)
        error = error_of(answer, 503)
        assert (error["code"], len(error["reference"])) == ("database_unavailable", 8)
        assert portal.http.get("/readyz").status_code == 503


def test_a_database_that_goes_away_between_two_requests_is_said(postgres_url: str, tmp_path: Path) -> None:
    with fresh_postgres(postgres_url) as database:
        make_tables(database)
        register_models(database)
        name, url = database.engine.url.database, database.engine.url.render_as_string(hide_password=False)
        for portal in open_portal(tmp_path, url):
            portal.open_submission()
            database.dispose()
            with psycopg.connect(postgres_url, autocommit=True) as server:
                server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
                error_of(portal.get("/submissions"), 503)
                server.execute(f'CREATE DATABASE "{name}"')
            upgrade(database)
            assert portal.json("/submissions")["items"] == [], "it goes on once the database is back"


def test_a_full_disk_is_said_and_nothing_is_lost(tmp_path: Path, portal: Portal) -> None:
    submission = portal.open_submission()
    portal.store._min_free_bytes = 2**62
    answer = portal.put(submission)
    assert error_of(answer, 507)["code"] == "storage_full"
    assert answer.headers["Retry-After"]
    assert portal.json("/jobs")["items"] == []


def test_a_bug_is_said_with_a_reference_and_no_traceback(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash() -> None:
        raise RuntimeError("secret")

    portal.app.config["PROPAGATE_EXCEPTIONS"] = False
    monkeypatch.setitem(portal.app.view_functions, "api_analyses.list_quantities", crash)
    answer = portal.get("/quantities")
    error = error_of(answer, 500)
    assert (error["code"], len(error["reference"])) == ("internal_error", 8)
    assert "secret" not in answer.text


MISSING = [
    "/unknown", "/submissions/x", "/submissions/-1", "/analyses/1/particles/x",
    "/submissions/99", "/submissions/99/summary.csv", "/jobs/99", "/analyses/99", "/analyses/99/particles",
    "/analyses/99/particles/1", "/analyses/99/distribution", "/analyses/99/particles.csv", "/analyses/99/files/overlay.png",
    f"/analyses/{2**63 - 1}",
]  # fmt: skip


def test_what_does_not_exist_is_not_found_in_the_one_shape(either_portal: Portal) -> None:
    for path in MISSING:
        error_of(either_portal.get(path), 404)


def test_an_address_outside_the_api_answers_people_with_a_page(portal: Portal) -> None:
    answer = portal.http.get("/nowhere")
    assert (answer.status_code, answer.mimetype) == (404, "text/html")


def test_a_method_that_is_not_allowed_is_said_with_those_that_are(portal: Portal) -> None:
    answer = portal.http.delete(f"{API}/submissions")
    error_of(answer, 405)
    assert {"GET", "POST"} <= set(answer.headers["Allow"].split(", "))


def test_no_answer_lets_a_browser_guess_its_type_or_run_scripts_of_others(portal: Portal) -> None:
    for path in (f"{API}/submissions", f"{API}/unknown", "/healthz"):
        headers = portal.http.get(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'self'" in headers["Content-Security-Policy"]
