"""Keeping and releasing over the API and on pages, and what they say of originals that were removed."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import update

from shared.database import database_time
from shared.models import ImageRow, JobRow
from tests.unit.web.opened_portal import API, Portal, open_portal, shown


@pytest.fixture
def forgetful(tmp_path: Path, portal: Portal) -> Iterator[Portal]:
    """A portal that removes originals after 30 days and submissions after 300."""
    url = portal.database.engine.url.render_as_string(hide_password=False)
    yield from open_portal(tmp_path, url, keep_originals_days=30, keep_submissions_days=300)


def let_originals_go(portal: Portal) -> None:
    with portal.database.writing() as session:
        session.execute(update(ImageRow).values(removed_at=database_time(), removed_after_days=30))


def test_a_person_keeps_a_submission_and_lets_the_rule_hold_again(forgetful: Portal) -> None:
    forgetful.analysed()
    found = forgetful.json("/submissions/1")["retention"]
    assert found["originals_removed_from"] < found["removed_from"]
    assert "Uploaded files until" in (page := shown(forgetful, "/submissions/1"))
    assert "/submissions/1/keep" in page
    for person in ("Ada", "Bob"):
        answer = forgetful.http.post(f"{API}/submissions/1/keep", query_string={"person": person})
        assert answer.get_json() == {"submission_id": 1, "action": "keep", "n_jobs": 0}
    kept = forgetful.json("/submissions/1")
    assert (kept["kept_by"], kept["retention"]["removed_from"]) == ("Ada", None)
    page = shown(forgetful, "/submissions/1")
    assert "for ever by Ada" in page
    assert "/submissions/1/release" in page
    body = {"action": "release", "submission_ids": [1]}
    assert forgetful.http.post(f"{API}/submissions/actions", json=body).status_code == 200
    assert forgetful.json("/submissions/1")["kept_at"] is None


def test_where_everything_is_kept_nobody_is_asked(portal: Portal) -> None:
    portal.analysed()
    assert portal.json("/submissions/1")["retention"]["removed_from"] is None
    page = shown(portal, "/submissions/1")
    assert "Keep for ever" not in page
    assert "<dt>Kept</dt>" not in page
    assert portal.http.post(f"{API}/submissions/9/keep").status_code == 404


def test_a_removed_original_is_told_with_its_rule_wherever_its_numbers_are_shown(forgetful: Portal) -> None:
    analysis = forgetful.analysed()
    assert forgetful.json(f"/analyses/{analysis}")["original"] == {"removed_at": None, "removed_after_days": None}
    let_originals_go(forgetful)
    found = forgetful.json(f"/analyses/{analysis}")["original"]
    assert (found["removed_at"] is None, found["removed_after_days"]) == (False, 30)
    assert forgetful.json("/submissions/1")["retention"]["n_originals_removed"] == 1
    assert "Originals are kept for 30 days" in shown(forgetful, f"/analyses/{analysis}")
    assert "1 uploaded file was removed" in shown(forgetful, "/submissions/1")
    (row,) = csv.DictReader(io.StringIO(forgetful.get("/submissions/1/summary.csv").text))
    assert row["original_removed_at"].startswith("20")
    sha256 = forgetful.json(f"/analyses/{analysis}")["image_sha256"]
    with forgetful.database.reading() as session:
        (job,) = session.query(JobRow)
        n_bytes, name = session.get_one(ImageRow, sha256).n_bytes, job.source_name
    body = {"files": [{"name": name, "sha256": sha256, "n_bytes": n_bytes}]}
    answer = forgetful.http.post(f"{API}/submissions/1/known-files", json=body).get_json()
    assert answer["missing"] == [name], "its bytes are asked for"
    assert forgetful.put(1, name.encode(), name).status_code == 200
    assert forgetful.json(f"/analyses/{analysis}")["original"]["removed_at"] is None
    assert forgetful.http.post(f"{API}/submissions/1/known-files", json=body).get_json()["missing"] == []
