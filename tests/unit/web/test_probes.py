"""Whether the portal lives and can work, what it measures of itself, and ids that follow a request."""

import json
import logging
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from shared import jobs
from shared.log import configure_logging
from shared.schema import downgrade
from tests.stack import free_port
from tests.unit.web.opened_portal import API, Portal, open_portal

Samples = dict[tuple[str, tuple[str, ...]], float]


def samples(text: str) -> Samples:
    """What is given under /metrics: values by name and labels."""
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def measured(portal: Portal) -> Samples:
    answer = portal.http.get("/metrics")
    assert answer.status_code == 200
    return samples(answer.text)


def test_a_portal_lives_without_a_database_and_is_not_ready(tmp_path: Path) -> None:
    for portal in open_portal(tmp_path, f"postgresql://nobody@127.0.0.1:{free_port()}/saemi"):
        assert portal.http.get("/healthz").status_code == 200
        assert portal.http.get("/readyz").status_code == 503
        assert measured(portal)["saemi_database_up", ()] == 0


def test_a_portal_before_another_schema_lives_and_is_not_ready(portal: Portal) -> None:
    assert portal.http.get("/readyz").get_json() == {"status": "ready"}
    downgrade(portal.database, "0001")
    assert portal.http.get("/readyz").status_code == 503
    assert portal.http.get("/healthz").status_code == 200


def test_the_metrics_tell_how_the_queue_stands_by_the_rows(either_portal: Portal) -> None:
    quick = either_portal.open_submission(priority="interactive")
    paused = either_portal.open_submission(priority="bulk")
    job = either_portal.put(quick, b"1", "1.tif").get_json()["id"]
    for name in ("2.tif", "3.tif"):
        either_portal.put(quick, name.encode(), name)
        either_portal.put(paused, name.encode(), name)
    either_portal.http.post(f"{API}/submissions/{paused}/pause")
    with either_portal.database.writing() as session:
        (held,) = jobs.claim(session, [job], lease_s=60, max_attempts=3)
        jobs.fail(session, held, "no_image", "It is none.")
    found = measured(either_portal)
    assert found["saemi_database_up", ()] == 1
    assert found["saemi_jobs", ("queued",)] == 4
    assert found["saemi_jobs", ("failed",)] == 1
    assert found["saemi_failed_jobs", ("no_image",)] == 1
    assert found["saemi_queue_jobs", ("interactive",)] == 2
    assert found["saemi_queue_jobs", ("bulk",)] == 0
    assert found["saemi_paused_jobs", ("bulk",)] == 2
    assert 0 <= found["saemi_queue_oldest_seconds", ("interactive",)] < 60
    assert found["saemi_open_submissions", ()] == 2
    assert found["saemi_workers", ()] == 0
    assert found["saemi_uploads_under_way", ()] == 0
    assert found["saemi_request_duration_seconds_count", ("api_submissions.add_file", "PUT", "201")] == 5


def test_a_request_has_an_id_that_is_taken_over_and_returned(portal: Portal) -> None:
    given = portal.http.get("/healthz", headers={"X-Request-ID": "proxy-7.a_b"})
    assert given.headers["X-Request-ID"] == "proxy-7.a_b"
    made = [portal.http.get("/healthz").headers["X-Request-ID"] for _ in range(2)]
    assert len(set(made)) == 2
    for wicked in ("a b", "x" * 65, "<script>", "é"):
        assert portal.http.get("/healthz", headers={"X-Request-ID": wicked}).headers["X-Request-ID"] != wicked


def test_the_log_leads_from_a_request_to_its_submission(portal: Portal, capsys: pytest.CaptureFixture[str]) -> None:
    before = list(logging.root.handlers)
    configure_logging("json", "web")
    try:
        portal.http.post(f"{API}/submissions", json={"project": "gold"}, headers={"X-Request-ID": "the-one"})
        portal.http.get("/healthz")
    finally:
        logging.root.handlers = before
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    (opened,) = [line for line in lines if line["event"] == "submission_opened"]
    assert (opened["request_id"], opened["submission_id"]) == ("the-one", 1)
    (ended,) = [line for line in lines if line["event"] == "request_done"]
    assert (ended["request_id"], ended["status"]) == ("the-one", 201)
