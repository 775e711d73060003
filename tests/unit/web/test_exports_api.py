"""Exports through the API: what is asked for and refused, how far it is, and the file."""

from typing import Any

import pytest
from sqlalchemy import update

from shared import exports
from shared.database import database_time
from shared.export_rows import ExportRow
from tests.unit.web.opened_portal import API, Portal, error_of
from worker.exporter import Exporter


def ask(portal: Portal, status: int = 202, **body: Any) -> dict[str, Any]:
    answer = portal.http.post(f"{API}/exports", json={"format": "csv"} | body)
    if status != 202:
        return error_of(answer, status)
    assert answer.status_code == 202, answer.text
    made: dict[str, Any] = answer.get_json()
    return made


def make(portal: Portal, number: int) -> None:
    """Do a worker's work on an export."""
    Exporter(portal.database, portal.store, portal.blobs.parent / "exports", lease_s=60, max_attempts=3).run(number)


def test_an_export_is_asked_for_followed_and_downloaded_also_in_parts(either_portal: Portal) -> None:
    portal = either_portal
    portal.analysed()
    asked = ask(portal, selection="?submission_id=1&limit=7&sort=created_at", person=" Ada ", choices={"weighting": "volume"})
    assert (asked["state"], asked["file"], asked["n_images"], asked["n_done"]) == ("queued", None, None, 0)
    assert (asked["title"], asked["selection"], asked["person"]) == ("Submission 1, gold", "submission_id=1", "Ada")
    assert asked["command"] == "saemi export --format csv --submission 1 --weighting volume"
    address = f"/exports/{asked['id']}"
    assert error_of(portal.get(f"{address}/file"), 409)["code"] == "export_not_made"
    make(portal, asked["id"])
    made = portal.json(address)
    assert (made["state"], made["n_images"], made["n_done"]) == ("done", 1, 1)
    assert (made["file"]["name"], made["file"]["media_type"]) == ("Submission_1_gold.csv.zip", "application/zip")
    whole = portal.get(f"{address}/file")
    assert (whole.status_code, whole.mimetype, len(whole.data)) == (200, "application/zip", made["file"]["n_bytes"])
    assert "filename=Submission_1_gold.csv.zip" in whole.headers["Content-Disposition"]
    part = portal.http.get(f"{API}{address}/file", headers={"Range": "bytes=10-"}, buffered=True)
    assert (part.status_code, part.data) == (206, whole.data[10:])
    unchanged = portal.http.get(f"{API}{address}/file", headers={"If-None-Match": whole.headers["ETag"]})
    assert unchanged.status_code == 304
    assert [one["id"] for one in portal.json("/exports")["items"]] == [asked["id"]]


def test_exports_are_listed_in_pages_the_newest_first(portal: Portal) -> None:
    portal.analysed()
    numbers = [ask(portal, choices={"bins": bins})["id"] for bins in (5, 6, 7)]
    first = portal.json("/exports", limit=2)
    assert [one["id"] for one in first["items"]] == numbers[:0:-1]
    second = portal.json("/exports", limit=2, cursor=first["next_cursor"])
    assert ([one["id"] for one in second["items"]], second["next_cursor"]) == ([numbers[0]], None)


@pytest.mark.parametrize(
    ("body", "status", "code", "said"),
    [
        ({"format": "docx"}, 422, "invalid_request", "format"),
        ({"selection": "colour=red"}, 422, "invalid_selection", "colour"),
        ({"selection": "submission_id=gold"}, 422, "invalid_selection", "submission_id"),
        ({"selection": "where=ecd_d50_nm"}, 422, "invalid_selection", "ecd_d50_nm"),
        ({"selection": "instrument=\u0000"}, 422, "invalid_request", "control characters"),
        ({"selection": "submission_id=99"}, 422, "nothing_selected", "No analysis fits"),
        ({"analysis_ids": [99]}, 404, "analysis_not_found", "99"),
        ({"analysis_ids": []}, 422, "invalid_request", "analysis_ids"),
        ({"choices": {"quantity": "ecd_nm"}}, 422, "invalid_request", "quantity"),
        ({"choices": {"weighting": "mass"}}, 422, "invalid_request", "weighting"),
        ({"choices": {"counting_rule": "some"}}, 422, "invalid_request", "counting_rule"),
        ({"choices": {"bins": 0}}, 422, "invalid_request", "bins"),
        ({"choices": {"colour": "red"}}, 422, "invalid_request", "colour"),
        ({"person": "x" * 201}, 422, "invalid_request", "person"),
    ],
    ids=str,
)
def test_what_cannot_be_made_is_refused_with_the_reason(
    portal: Portal, body: dict[str, Any], status: int, code: str, said: str
) -> None:
    portal.analysed()
    error = ask(portal, status, **body)
    assert error["code"] == code
    assert said in f"{error['message']} {error['details']}"
    assert portal.json("/exports")["items"] == []


def test_a_selection_that_is_too_large_is_refused_with_the_limit(portal: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    portal.analysed()
    monkeypatch.setattr(exports, "MOST_PARTICLES", 3)
    error = ask(portal, 413)
    assert (error["code"], error["details"]["n_particles"]) == ("selection_too_large", 7)
    assert "narrow" in error["message"]


def test_an_export_is_cancelled_once_and_one_that_is_made_is_not(portal: Portal) -> None:
    portal.analysed()
    waiting, made = ask(portal)["id"], ask(portal, format="json")["id"]
    make(portal, made)
    for _ in range(2):
        answer = portal.http.post(f"{API}/exports/{waiting}/cancel")
        assert (answer.status_code, answer.get_json()["state"]) == (200, "cancelled")
    assert error_of(portal.http.post(f"{API}/exports/{made}/cancel"), 409)["code"] == "export_ended"
    for path in ("/exports/99", "/exports/99/file"):
        assert error_of(portal.get(path), 404)["code"] == "export_not_found"
    assert error_of(portal.http.post(f"{API}/exports/99/cancel"), 404)["code"] == "export_not_found"


def test_a_file_that_was_removed_by_age_says_so(portal: Portal) -> None:
    portal.analysed()
    number = ask(portal)["id"]
    make(portal, number)
    with portal.database.writing() as session:
        session.execute(update(ExportRow).values(finished_at=database_time(-8 * 86_400)))
        assert exports.remove_aged(session, 7) == 1
    error = error_of(portal.get(f"/exports/{number}/file"), 410)
    assert (error["code"], "7 days" in error["message"]) == ("export_removed", True)
    file = portal.json(f"/exports/{number}")["file"]
    assert (file["removed_after_days"], file["removed_at"] is not None) == (7, True)


def test_conditions_of_a_search_are_kept_as_they_were_asked(portal: Portal) -> None:
    portal.analysed()
    asked = ask(portal, selection="where=n_particles>5&project=gold&sort=n_particles&cursor=abc")
    assert asked["selection"] == "project=gold&where=n_particles%3E5"
    assert asked["command"] == "saemi export --format csv --search 'project=gold&where=n_particles%3E5'"
    make(portal, asked["id"])
    assert portal.json(f"/exports/{asked['id']}")["n_images"] == 1
