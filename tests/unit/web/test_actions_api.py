"""Pausing, cancelling and retrying over the API: what changes, that twice is once, and what is refused."""

import csv
import io
from typing import Any

import pytest
from werkzeug.test import TestResponse

from shared import jobs
from tests.unit.web.opened_portal import API, Portal, error_of


def post(portal: Portal, path: str, body: object = None, **query: object) -> TestResponse:
    return portal.http.post(API + path, query_string=query or None, json=body)


def done(answer: TestResponse) -> Any:
    assert answer.status_code == 200, answer.text
    return answer.get_json()


def counts(portal: Portal, submission: int) -> dict[str, int]:
    found = portal.json(f"/submissions/{submission}")["counts"]
    return {state: n for state, n in found.items() if n and state not in ("total", "unfinished")}


def handed_in(portal: Portal, *names: str, **body: object) -> tuple[int, list[int]]:
    submission = portal.open_submission(**body)
    return submission, [portal.put(submission, name.encode(), name).get_json()["id"] for name in names]


def fail(portal: Portal, job: int, code: str = "image_truncated", message: str = "The file ends too early.") -> None:
    with portal.database.writing() as session:
        (held,) = jobs.claim(session, [job], lease_s=60, max_attempts=3)
        jobs.fail(session, held, code, message)


def test_a_submission_says_for_whom_it_is_and_how_urgent(either_portal: Portal) -> None:
    submission = either_portal.open_submission(person="Ada", group="Catalysis", priority="interactive")
    shown = either_portal.json(f"/submissions/{submission}")
    assert (shown["person"], shown["group"], shown["priority"]) == ("Ada", "Catalysis", "interactive")
    assert (shown["paused_at"], shown["paused_by"]) == (None, None)
    without = either_portal.json(f"/submissions/{either_portal.open_submission()}")
    assert (without["person"], without["group"], without["priority"]) == (None, "gold", "normal"), "a project is a group"
    error_of(post(either_portal, "/submissions", {"project": "x", "priority": "now"}), 422)


def test_pausing_and_resuming_twice_is_the_same_as_once(either_portal: Portal) -> None:
    submission, _ = handed_in(either_portal, "a.tif")
    done(post(either_portal, f"/submissions/{submission}/pause", person="Ada"))
    first = either_portal.json(f"/submissions/{submission}")
    done(post(either_portal, f"/submissions/{submission}/pause", person="Bob"))
    assert either_portal.json(f"/submissions/{submission}") == first
    assert first["paused_by"] == "Ada"
    for _ in range(2):
        assert done(post(either_portal, f"/submissions/{submission}/resume"))["n_jobs"] == 0
    assert either_portal.json(f"/submissions/{submission}")["paused_at"] is None


def test_a_cancelled_submission_keeps_what_is_done_and_can_be_taken_up_again(either_portal: Portal) -> None:
    submission, (first, *_) = handed_in(either_portal, "a.tif", "b.tif", "c.tif")
    fail(either_portal, first)
    assert done(post(either_portal, f"/submissions/{submission}/cancel"))["n_jobs"] == 2
    assert done(post(either_portal, f"/submissions/{submission}/cancel"))["n_jobs"] == 0
    assert counts(either_portal, submission) == {"failed": 1, "cancelled": 2}
    assert done(post(either_portal, f"/submissions/{submission}/retry"))["n_jobs"] == 1, "the failed ones alone"
    assert done(post(either_portal, f"/submissions/{submission}/retry"))["n_jobs"] == 0
    assert done(post(either_portal, f"/submissions/{submission}/retry", state="cancelled"))["n_jobs"] == 2
    assert counts(either_portal, submission) == {"queued": 3}


def test_a_worker_whose_job_is_cancelled_stores_nothing(portal: Portal) -> None:
    submission, (job,) = handed_in(portal, "a.tif")
    with portal.database.writing() as session:
        (held,) = jobs.claim(session, [job], lease_s=60, max_attempts=3)
    assert done(post(portal, f"/jobs/{job}/cancel"))["state"] == "cancelled"
    with portal.database.writing() as session, pytest.raises(jobs.LostClaimError):
        jobs.fail(session, held, "late", "Too late.")
    assert counts(portal, submission) == {"cancelled": 1}


def test_a_job_is_cancelled_and_retried_by_itself_and_twice_is_once(either_portal: Portal) -> None:
    _, (job, other) = handed_in(either_portal, "a.tif", "b.tif")
    for _ in range(2):
        assert done(post(either_portal, f"/jobs/{job}/cancel"))["state"] == "cancelled"
    for _ in range(2):
        assert done(post(either_portal, f"/jobs/{job}/retry"))["state"] == "queued"
    fail(either_portal, other)
    assert error_of(post(either_portal, f"/jobs/{other}/cancel"), 409)["code"] == "job_ended"
    retried = done(post(either_portal, f"/jobs/{other}/retry"))
    assert (retried["state"], retried["error_code"], retried["attempts"]) == ("queued", None, 0)


def test_a_job_that_is_done_is_neither_cancelled_nor_retried(portal: Portal) -> None:
    analysis = portal.analysed()
    (job,) = portal.json("/jobs")["items"]
    assert error_of(post(portal, f"/jobs/{job['id']}/cancel"), 409)["code"] == "job_ended"
    assert error_of(post(portal, f"/jobs/{job['id']}/retry"), 409)["code"] == "job_done"
    assert portal.json(f"/jobs/{job['id']}")["analysis_id"] == analysis


def test_several_submissions_are_changed_all_or_none(either_portal: Portal) -> None:
    first, _ = handed_in(either_portal, "a.tif")
    second, _ = handed_in(either_portal, "b.tif", "c.tif")
    wanted = {"action": "cancel", "submission_ids": [second, first, second]}
    assert error_of(post(either_portal, "/submissions/actions", {**wanted, "submission_ids": [first, 99]}), 404)
    assert counts(either_portal, first) == {"queued": 1}
    outcomes = done(post(either_portal, "/submissions/actions", wanted))["items"]
    assert [(one["submission_id"], one["n_jobs"]) for one in outcomes] == [(first, 1), (second, 2)]
    nothing_known = {"action": "explode", "submission_ids": [first]}
    for body in (nothing_known, {"action": "cancel", "submission_ids": []}, {"action": "cancel"}):
        error_of(post(either_portal, "/submissions/actions", body), 422)


@pytest.mark.parametrize("path", ["/submissions/9/pause", "/submissions/9/resume", "/submissions/9/cancel", "/jobs/9/cancel"])
def test_what_does_not_exist_cannot_be_changed(portal: Portal, path: str) -> None:
    error_of(post(portal, path), 404)


def test_every_bad_file_is_named_with_its_reason_in_a_list(either_portal: Portal) -> None:
    submission, (first, second, _) = handed_in(either_portal, "folder/日本語, 1.tif", "b.tif", "good.tif")
    fail(either_portal, first)
    fail(either_portal, second, "no_image", 'It is a "document".')
    answer = either_portal.get(f"/submissions/{submission}/failures.csv")
    assert answer.mimetype == "text/csv"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(row["file"], row["error_code"], row["error_message"]) for row in rows] == [
        ("folder/日本語, 1.tif", "image_truncated", "The file ends too early."),
        ("b.tif", "no_image", 'It is a "document".'),
    ]
    of_reason = either_portal.json("/jobs", submission_id=submission, error_code="no_image")["items"]
    assert [job["id"] for job in of_reason] == [second]
