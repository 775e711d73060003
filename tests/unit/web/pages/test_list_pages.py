"""Lists of jobs and submissions: states in words, filters, pages, and honest empty states."""

import re
from html import unescape
from urllib.parse import parse_qs, urlsplit

from flask.testing import FlaskClient
from sqlalchemy import update

from shared import submissions
from shared.database import Database
from shared.domain import Parameters
from shared.jobs import JobState
from shared.models import SubmissionRow
from tests.unit.web.pages.rows import add_job, add_result, page


def test_lists_without_anything_say_so_and_lead_to_the_first_submission(client: FlaskClient) -> None:
    assert "No micrograph has been handed in yet." in page(client.get("/jobs"))
    assert "Nothing has been handed in yet." in page(client.get("/submissions"))


def test_a_job_shows_its_state_in_words_its_result_with_unit_and_method_or_its_reason(
    client: FlaskClient, portal_database: Database
) -> None:
    job_id, analysis_id = add_result(portal_database)
    add_job(portal_database, "waiting.png")
    add_job(
        portal_database,
        "<odd> & ☃.png",
        JobState.FAILED,
        error_code="x",
        error_message="It is broken.",
        error_reference="ab12cd34",
    )
    html = page(client.get("/jobs"))
    for text in ("Queued", "Done", "Failed", "It is broken.", "Reference ab12cd34", "&lt;odd&gt; &amp; ☃.png"):
        assert text in html
    assert "20.0 ± 2.3 nm" in html
    assert "classical 3, counting all" in html
    assert f"/analyses/{analysis_id}/files/thumbnail.png" in html
    assert f'href="/analyses/{analysis_id}?job={job_id}"' in html
    assert html.index("&lt;odd&gt;") < html.index("waiting.png") < html.index("grid.png"), "the newest comes first"


def test_sizes_of_an_image_without_calibration_are_in_pixels(client: FlaskClient, portal_database: Database) -> None:
    _, analysis_id = add_result(portal_database, nm_per_px=None)
    assert "40.0 ± 4.6 px" in page(client.get("/jobs"))
    html = page(client.get(f"/analyses/{analysis_id}"))
    assert "Calibration missing: sizes in px" in html
    assert 'data-quantity="ecd_px"' in html
    assert 'data-quantity="ecd_nm"' not in html
    assert "pixel size missing" in page(client.get("/jobs"))


def test_the_chips_count_every_state_and_filter_by_it(client: FlaskClient, portal_database: Database) -> None:
    add_job(portal_database, "a.png")
    add_job(portal_database, "b.png", JobState.FAILED, error_message="No.")
    html = page(client.get("/jobs?state=failed"))
    assert "b.png" in html
    assert "a.png" not in html
    assert 'id="chip-failed" class="failed" aria-current="true">Failed <b>1</b>' in html
    assert 'id="chip-queued" class="queued">Queued <b>1</b>' in html
    assert "No job here is done." in page(client.get("/jobs?state=done"))


def test_jobs_are_filtered_by_submission_and_the_chips_keep_the_filter(client: FlaskClient, portal_database: Database) -> None:
    add_job(portal_database, "a.png")
    add_job(portal_database, "b.png")
    html = page(client.get("/jobs?submission=2"))
    assert "b.png" in html
    assert "a.png" not in html
    (link,) = re.findall(r'href="([^"]*)" id="chip-failed"', html)
    assert parse_qs(urlsplit(unescape(link)).query) == {"state": ["failed"], "submission": ["2"]}
    page(client.get("/jobs?submission=9"), 404)


def test_jobs_are_filtered_by_their_pixel_size_which_is_said_and_kept(client: FlaskClient, portal_database: Database) -> None:
    add_result(portal_database, "fine.png")
    add_result(portal_database, "bare.png", nm_per_px=None)
    add_job(portal_database, "waiting.png")
    html = page(client.get("/jobs?calibration_status=missing"))
    assert re.findall(r">(\w+)\.png</a>", html) == ["bare"]
    assert "Only images whose pixel size is <b>missing</b>." in html
    assert re.findall(r"(All|Queued|Done) <b>(\d)</b>", html) == [("All", "1"), ("Queued", "0"), ("Done", "1")]
    for chip in ("chip-all", "chip-done"):
        (link,) = re.findall(rf'href="([^"]*)" id="{chip}"', html)
        assert "calibration_status=missing" in link
    assert '<input type="hidden" name="calibration_status" value="missing">' in html
    assert '<a href="/jobs">Show all 3 jobs</a>' in html
    assert "Jobs (1 to do)" in html, "the filter hides no work"
    assert "No job here is queued." in page(client.get("/jobs?calibration_status=missing&state=queued"))


def test_a_long_list_is_paged_by_the_last_job_that_was_seen(client: FlaskClient, portal_database: Database) -> None:
    first = add_job(portal_database, "0.png")
    with portal_database.reading() as session:
        submission = submissions.job(session, first).submission_id
    for number in range(1, 52):
        add_job(portal_database, f"{number}.png", submission=submission)
    newest = page(client.get("/jobs"))
    assert newest.count('<tr id="job-') == 50
    assert 'href="/jobs?before=3"' in newest
    oldest = page(client.get("/jobs?before=3"))
    assert oldest.count('<tr id="job-') == 2
    assert "Older »" not in oldest
    assert "« Newest" in oldest


def test_a_list_asks_for_itself_often_while_there_is_work_and_seldom_when_there_is_none(
    client: FlaskClient, portal_database: Database
) -> None:
    add_result(portal_database)
    assert 'hx-trigger="every 5s, refresh"' in page(client.get("/jobs?state=done"))
    add_job(portal_database, "more.png", JobState.RUNNING)
    html = page(client.get("/jobs?state=done"))
    assert 'hx-trigger="every 2s, refresh"' in html
    assert 'hx-get="/jobs?state=done"' in html
    assert "Jobs (1 to do)" in html


def test_a_submission_shows_its_parameters_its_progress_and_its_downloads(
    client: FlaskClient, portal_database: Database
) -> None:
    add_job(portal_database, "a.png", JobState.FAILED, error_message="No.")
    add_job(portal_database, "b.png", submission=1)
    html = page(client.get("/submissions/1"))
    for text in ("Gold", "Batch 7", "0.5 nm/px, stated by hand", "1 of 2", "1 failed", "/api/v1/submissions/1/summary.csv"):
        assert text in html
    listed = page(client.get("/submissions"))
    assert 'aria-valuetext="1 of 2"' in listed
    assert "Batch 7" in listed


def test_a_submission_without_files_says_that_none_has_arrived(client: FlaskClient, portal_database: Database) -> None:
    with portal_database.writing() as session:
        submissions.create_submission(session, "Empty", None, Parameters())
    assert "no file has arrived" in page(client.get("/submissions/1"))
    assert "no files yet" in page(client.get("/submissions"))
    assert "has no files yet" in page(client.get("/jobs?submission=1"))


def test_a_submission_of_a_release_without_a_registry_is_shown_all_the_same(
    client: FlaskClient, portal_database: Database
) -> None:
    job_id, _ = add_result(portal_database)
    with portal_database.writing() as session:
        session.execute(update(SubmissionRow).values(parameters={"model": "unet", "nm_per_px": None}))
        submission = submissions.job(session, job_id).submission_id
    assert "<dd>unet</dd>" in page(client.get(f"/submissions/{submission}"))
