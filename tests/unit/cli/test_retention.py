"""`saemi admin retention`: what would be removed now, without removing it; the doctor names the rule."""

import json
from pathlib import Path

import pytest
from sqlalchemy import update

from shared import jobs, submissions
from shared.database import Database, database_time
from shared.domain import Parameters
from shared.export_rows import ExportRow
from shared.models import ImageRow, JobRow, SubmissionRow
from tests.unit.cli.invocation import invoke


@pytest.fixture
def database(tmp_path: Path) -> Database:
    """Three submissions that ended sixty days ago, an image each, and an export; the newest submission stays."""
    assert invoke("admin", "db", "upgrade").exit_code == 0
    database = Database(f"sqlite:///{tmp_path / 'data' / 'saemi.db'}")
    then = database_time(-60 * 86_400)
    with database.writing() as session:
        for number in range(3):
            submission = submissions.create_submission(session, "project", None, Parameters()).id
            submissions.add_job(session, submission, str(number) * 64, 10, "a.tif")
        jobs.cancel(session)
        session.execute(update(JobRow).values(finished_at=then))
        session.execute(update(SubmissionRow).values(created_at=then))
        session.execute(update(ImageRow).values(created_at=then))
        asked = {"selection": "", "wanted": {}, "title": "All analyses", "format": "csv", "choices": {}, "n_done": 1}
        made = {"state": "done", "attempts": 1, "created_at": then, "finished_at": then, "sha256": "e" * 64, "n_bytes": 5}
        session.add(ExportRow(**asked, **made))
    return database


def due(*arguments: str) -> dict[str, int]:
    result = invoke("admin", "retention", "--json", *arguments)
    assert result.exit_code == 0, result.output
    return {name: found["n"] for name, found in json.loads(result.stdout)["due"].items()}


def test_what_would_be_removed_is_counted_and_stays(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    assert due() == {"images": 0, "side_cars": 0, "submissions": 0, "exports": 1}
    assert "everything is kept for ever" in invoke("admin", "retention").stdout
    monkeypatch.setenv("SAEMI_KEEP_ORIGINALS_DAYS", "30")
    monkeypatch.setenv("SAEMI_KEEP_SUBMISSIONS_DAYS", "50")
    for _ in range(2):
        assert due() == {"images": 3, "side_cars": 0, "submissions": 2, "exports": 1}
    with database.reading() as session:
        assert session.query(ImageRow).filter(ImageRow.removed_at.is_(None)).count() == 3
    monkeypatch.setenv("SAEMI_KEEP_EXPORTS_DAYS", "70")
    assert due()["exports"] == 0
    assert "are kept for 70 days" in invoke("admin", "retention").stdout.replace("\n", " ")
    rule = "originals are kept for 30 days, submissions with their results for 50 days"
    assert rule in invoke("admin", "retention").stdout.replace("\n", " ")
    (finding,) = json.loads(invoke("admin", "doctor", "--part", "retention", "--json").stdout)
    assert finding["says"].startswith(rule)


def test_a_rule_that_is_no_number_of_days_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAEMI_KEEP_ORIGINALS_DAYS", "-1")
    assert "keep_originals_days" in str(invoke("admin", "retention").exception)
