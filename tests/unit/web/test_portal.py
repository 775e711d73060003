"""The pages over rows that are really in a database: what people read, with units, methods, and honest empty states."""

import re
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, update
from werkzeug.test import TestResponse

from shared import registry, submissions
from shared.database import Database, database_time
from shared.domain import ModelIdentity, Parameters
from shared.jobs import JobState
from shared.models import AnalysisRow, JobRow, ModelRow, ParticleRow, SubmissionRow
from shared.quantities import PARTICLE_QUANTITIES, STATISTIC_QUANTITIES
from shared.schema import upgrade
from shared.settings import Settings
from tests.models import NETWORK, card, register_models
from web.app import create_app
from web.pages import writing
from web.services import EXTENSION


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Flask]:
    app = create_app(Settings(data_dir=tmp_path, broker_url="redis://127.0.0.1:1/0"))
    database: Database = app.extensions[EXTENSION].database
    upgrade(database)
    register_models(database)
    yield app
    database.dispose()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def database(app: Flask) -> Database:
    found: Database = app.extensions[EXTENSION].database
    return found


def add_job(
    database: Database, name: str, state: JobState = JobState.QUEUED, submission: int | None = None, **columns: Any
) -> int:
    """One job in a state; a submission of its own where none is named."""
    with database.writing() as session:
        if submission is None:
            parameters = Parameters(NETWORK.reference, nm_per_px=0.5)
            submission = submissions.create_submission(session, "Gold", "Batch 7", parameters).id
        row = submissions.add_job(session, submission, sha256(name.encode()).hexdigest(), 10, name).row
        values = {"state": state, **columns}
        if state in (JobState.DONE, JobState.FAILED):
            values |= {"started_at": database_time(), "finished_at": database_time(2.5)}
        session.execute(update(JobRow).where(JobRow.id == row.id).values(values))
        return row.id


def add_result(database: Database, name: str = "grid.png", *, nm_per_px: float | None = 0.5, **columns: Any) -> tuple[int, int]:
    """A finished job and its analysis of three particles; returns both ids."""
    job_id = add_job(database, name)
    statistics = {"mean": 40.0, "sd": 4.567, "d10": 30.0, "d50": 41.3, "d90": 50.0}
    with database.writing() as session:
        job = submissions.job(session, job_id)
        values = {
            "image_sha256": job.image_sha256,
            "model_name": "classical",
            "model_version": "3",
            "parameters": {"model": "classical-3", "nm_per_px": nm_per_px, "min_confidence": 0.5},
            "parameters_sha256": "9" * 64,
            "software_version": "0.1.0",
            "created_at": database_time(),
            "duration_s": 1.5,
            "format": "TIFF",
            "bit_depth": 16,
            "width_px": 640,
            "height_px": 512,
            "banner_top": 480,
            "banner_bottom": 512,
            "field_top": 0,
            "field_bottom": 480,
            "field_left": 0,
            "field_right": 640,
            "nm_per_px": nm_per_px,
            "calibration_source": "manual" if nm_per_px else None,
            "calibration_status": "ok" if nm_per_px else "missing",
            "counting_rule": "all",
            "warnings": ["Only the first of 3 pages was read."],
            "n_particles": 3,
            "n_touching_border": 1,
            **{f"ecd_{key}_px": value for key, value in statistics.items()},
            **{f"ecd_{key}_nm": nm_per_px and value * nm_per_px for key, value in statistics.items()},
            **{f"{kind}_sha256": "b" * 64 for kind in ("labels", "outlines", "overlay", "preview", "thumbnail")},
        }
        analysis = AnalysisRow(**(values | columns))
        session.add(analysis)
        session.flush()
        names = [quantity.name for quantity in PARTICLE_QUANTITIES if quantity.name not in {"label", "touches_border"}]
        for label in (1, 2, 3) if analysis.n_particles else ():
            numbers = dict.fromkeys(names, 10.0 * label) | {"area_px": label, "confidence": None, "low_confidence": None}
            if analysis.n_low_confidence is not None:
                numbers |= {"confidence": label / 4, "low_confidence": label == 1}
            session.add(ParticleRow(analysis_id=analysis.id, label=label, touches_border=label == 1, **numbers))
        session.execute(
            update(JobRow)
            .where(JobRow.id == job_id)
            .values(state=JobState.DONE, analysis_id=analysis.id, started_at=database_time(), finished_at=database_time(2.5))
        )
        return job_id, analysis.id


def page(response: TestResponse, status: int = 200) -> str:
    assert response.status_code == status, response.text
    assert response.mimetype == "text/html"
    return response.text


@pytest.mark.parametrize("address", ["/", "/jobs", "/submissions", "/analyses", "/decisions", "/models", "/definitions"])
def test_every_page_has_navigation_a_skip_link_and_a_policy_that_allows_no_foreign_or_inline_scripts(
    client: FlaskClient, address: str
) -> None:
    response = client.get(address)
    html = page(response)
    assert '<a class="skip" href="#main">' in html
    for target in ("/", "/jobs", "/submissions", "/analyses", "/decisions", "/models", "/definitions", "/api/v1/swagger"):
        assert f'href="{target}"' in html
    policy = response.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'self';")
    assert "script-src" not in policy
    assert "unsafe-eval" not in policy
    assert "<script>" not in html
    assert "//" not in html.replace("<!doctype html>", "")


def test_the_submit_page_asks_for_the_project_and_takes_its_fields_from_the_address(client: FlaskClient) -> None:
    html = page(client.get("/?project=Gold+%3Cb%3E&sample=A"))
    assert 'name="project" required' in html
    assert 'value="Gold &lt;b&gt;"' in html
    assert "Without it, the file’s own and the scale bar’s count; where neither says it, sizes are in pixels." in html


def test_the_submit_page_says_that_side_cars_come_with_their_images(client: FlaskClient) -> None:
    html = page(client.get("/"))
    assert "Side-cars (<code>.txt</code>, <code>.hdr</code>, <code>.emi</code>) are read" in html


def choices(html: str) -> list[tuple[str, bool]]:
    """The models that the submit page offers, and which of them is chosen."""
    (select,) = re.findall(r'<select name="model".*?</select>', html, re.DOTALL)
    return [(name, bool(chosen)) for name, chosen in re.findall(r'<option value="([^"]+)"( selected)?>', select)]


def test_the_submit_page_offers_the_models_the_newest_first_and_chooses_the_default(
    client: FlaskClient, database: Database
) -> None:
    assert choices(page(client.get("/"))) == [("particlenet-1", True), ("classical-1", False)]
    with database.writing() as session:
        registry.register(session, ModelIdentity("rods", "1", "f" * 64), {})
        registry.choose_default(session, "classical")
    html = page(client.get("/"))
    assert choices(html) == [("rods-1", False), ("particlenet-1", False), ("classical-1", True)]
    assert "classical-1 (default)</option>" in html
    assert ("rods-1", True) in choices(page(client.get("/?model=rods-1")))
    assert ("classical-1", True) in choices(page(client.get("/?model=unknown")))


def test_the_submit_page_asks_for_the_threshold_and_says_what_it_does(client: FlaskClient) -> None:
    html = page(client.get("/"))
    assert re.search(r'name="min_confidence"[^>]* value="0.5"', html)
    assert "Particles below it are marked, and counted all the same." in html


def test_without_models_the_pages_say_how_to_get_some(client: FlaskClient, database: Database) -> None:
    with database.writing() as session:
        session.execute(delete(ModelRow))
    for address in ("/", "/models"):
        assert "saemi admin db upgrade" in page(client.get(address))


def test_the_models_are_shown_with_hash_default_and_what_their_cards_say(client: FlaskClient, database: Database) -> None:
    measured = ModelIdentity("rods", "2", "f" * 64)
    facts = {
        "description": "Rods <b>only</b>.",
        "figures": {"set": "held out", "dice": {"value": 0.91234, "ci95_low": 0.9, "ci95_high": 0.92, "n": 40}},
        "command": ["python -m worker.training.run --data <DIR>"],
        "odd": {"deep": [1, None, {"x": True}]},
    }
    with database.writing() as session:
        registry.register(session, measured, card(measured, **facts))
    html = page(client.get("/models"))
    assert html.index('id="rods-2"') < html.index('id="particlenet-1"') < html.index('id="classical-1"')
    for text in (
        "Rods &lt;b&gt;only&lt;/b&gt;.",
        f'<code title="{"f" * 64}">ffffffffffff</code>',
        f"<code>{'f' * 64}</code>",
        '<td class="n">0.9123</td><td class="n">0.9 to 0.92</td>',
        '<td class="n">0.8153</td><td class="n">–</td>',
        '<td class="n">0.912</td>',
        "set: held out",
        "--data &lt;DIR&gt;",
        "deep: 1, –, x: yes",
        "none, a method without weights",
        "The card of this model states no figures.",
    ):
        assert text in html, text
    assert html.count("<small>default</small>") == 1


def test_lists_without_anything_say_so_and_lead_to_the_first_submission(client: FlaskClient) -> None:
    assert "No micrograph has been handed in yet." in page(client.get("/jobs"))
    assert "Nothing has been handed in yet." in page(client.get("/submissions"))


def test_a_job_shows_its_state_in_words_its_result_with_unit_and_method_or_its_reason(
    client: FlaskClient, database: Database
) -> None:
    job_id, analysis_id = add_result(database)
    add_job(database, "waiting.png")
    add_job(
        database, "<odd> & ☃.png", JobState.FAILED, error_code="x", error_message="It is broken.", error_reference="ab12cd34"
    )
    html = page(client.get("/jobs"))
    for text in ("Queued", "Done", "Failed", "It is broken.", "Reference ab12cd34", "&lt;odd&gt; &amp; ☃.png"):
        assert text in html
    assert "20.0 ± 2.3 nm" in html
    assert "classical 3, counting all" in html
    assert f"/analyses/{analysis_id}/files/thumbnail.png" in html
    assert f'href="/analyses/{analysis_id}?job={job_id}"' in html
    assert html.index("&lt;odd&gt;") < html.index("waiting.png") < html.index("grid.png"), "the newest comes first"


def test_sizes_of_an_image_without_calibration_are_in_pixels(client: FlaskClient, database: Database) -> None:
    _, analysis_id = add_result(database, nm_per_px=None)
    assert "40.0 ± 4.6 px" in page(client.get("/jobs"))
    html = page(client.get(f"/analyses/{analysis_id}"))
    assert "Calibration missing: sizes in px" in html
    assert 'data-quantity="ecd_px"' in html
    assert 'data-quantity="ecd_nm"' not in html
    assert "pixel size missing" in page(client.get("/jobs"))


def test_the_chips_count_every_state_and_filter_by_it(client: FlaskClient, database: Database) -> None:
    add_job(database, "a.png")
    add_job(database, "b.png", JobState.FAILED, error_message="No.")
    html = page(client.get("/jobs?state=failed"))
    assert "b.png" in html
    assert "a.png" not in html
    assert 'id="chip-failed" class="failed" aria-current="true">Failed <b>1</b>' in html
    assert 'id="chip-queued" class="queued">Queued <b>1</b>' in html
    assert "No job here is done." in page(client.get("/jobs?state=done"))


def test_jobs_are_filtered_by_submission_and_the_chips_keep_the_filter(client: FlaskClient, database: Database) -> None:
    add_job(database, "a.png")
    add_job(database, "b.png")
    html = page(client.get("/jobs?submission=2"))
    assert "b.png" in html
    assert "a.png" not in html
    assert 'href="/jobs?state=failed&amp;submission=2"' in html or 'href="/jobs?submission=2&amp;state=failed"' in html
    page(client.get("/jobs?submission=9"), 404)


def test_a_long_list_is_paged_by_the_last_job_that_was_seen(client: FlaskClient, database: Database) -> None:
    first = add_job(database, "0.png")
    with database.reading() as session:
        submission = submissions.job(session, first).submission_id
    for number in range(1, 52):
        add_job(database, f"{number}.png", submission=submission)
    newest = page(client.get("/jobs"))
    assert newest.count('<tr id="job-') == 50
    assert 'href="/jobs?before=3"' in newest
    oldest = page(client.get("/jobs?before=3"))
    assert oldest.count('<tr id="job-') == 2
    assert "Older »" not in oldest
    assert "« Newest" in oldest


def test_a_list_asks_for_itself_often_while_there_is_work_and_seldom_when_there_is_none(
    client: FlaskClient, database: Database
) -> None:
    add_result(database)
    assert 'hx-trigger="every 5s, refresh"' in page(client.get("/jobs?state=done"))
    add_job(database, "more.png", JobState.RUNNING)
    html = page(client.get("/jobs?state=done"))
    assert 'hx-trigger="every 2s, refresh"' in html
    assert 'hx-get="/jobs?state=done"' in html
    assert "Jobs (1 to do)" in html


def test_a_submission_shows_its_parameters_its_progress_and_its_downloads(client: FlaskClient, database: Database) -> None:
    add_job(database, "a.png", JobState.FAILED, error_message="No.")
    add_job(database, "b.png", submission=1)
    html = page(client.get("/submissions/1"))
    for text in ("Gold", "Batch 7", "0.5 nm/px, stated by hand", "1 of 2", "1 failed", "/api/v1/submissions/1/summary.csv"):
        assert text in html
    listed = page(client.get("/submissions"))
    assert 'aria-valuetext="1 of 2"' in listed
    assert "Batch 7" in listed


def test_a_submission_without_files_says_that_none_has_arrived(client: FlaskClient, database: Database) -> None:
    with database.writing() as session:
        submissions.create_submission(session, "Empty", None, Parameters())
    assert "no file has arrived" in page(client.get("/submissions/1"))
    assert "no files yet" in page(client.get("/submissions"))
    assert "has no files yet" in page(client.get("/jobs?submission=1"))


def test_a_result_shows_statistics_with_unit_and_how_it_was_made(client: FlaskClient, database: Database) -> None:
    _, analysis_id = add_result(database)
    html = page(client.get(f"/analyses/{analysis_id}"))
    for text in (
        'D50</dt><dd>20.65 <span class="unit">nm</span>',
        "0.5 nm/px, stated by hand",
        "1 at the border",
        "Every particle in the analysed field counts",
        "classical, version 3",
        "9" * 64,
        "SAEMI 0.1.0",
        "TIFF, 16 bit, 640 × 512 px",
        "rows 480 to 511, not measured",
        "Only the first of 3 pages was read.",
        "1.5 s",
        'data-field="0 480 0 640"',
    ):
        assert text in html
    for file in ("particles.csv", "files/labels.tif", "files/overlay.png", "files/outlines.json"):
        assert f"/api/v1/analyses/{analysis_id}/{file}" in html
    for quantity in ("label", "ecd_nm", "area_nm2", "feret_max_nm", "circularity", "touches_border"):
        assert f'data-quantity="{quantity}"' in html
    for quantity in PARTICLE_QUANTITIES:
        if quantity.name in ("ecd_nm", "solidity"):
            assert f'data-definition="{quantity.definition}"' in html


def test_a_result_of_a_model_without_confidence_says_nothing_of_it(client: FlaskClient, database: Database) -> None:
    job_id, analysis_id = add_result(database)
    with database.reading() as session:
        submission = submissions.job(session, job_id).submission_id
    for address in (f"/analyses/{analysis_id}", "/jobs", f"/submissions/{submission}"):
        html = page(client.get(address))
        assert "onfidence" not in html, address
        assert 'class="legend"' not in html


def test_low_confidence_is_counted_explained_and_told_apart(client: FlaskClient, database: Database) -> None:
    parameters = {"model": "particlenet-1", "nm_per_px": 0.5, "min_confidence": 0.4}
    model = {"model_name": "particlenet", "model_version": "1", "model_sha256": NETWORK.sha256}
    job_id, analysis_id = add_result(database, n_low_confidence=1, parameters=parameters, **model)
    html = page(client.get(f"/analyses/{analysis_id}"))
    for text in (
        "<small>1 below confidence 0.4</small>",
        "particlenet, version 1",
        f'<span title="{NETWORK.sha256}">SHA-256 c0ffeec0ffee</span>',
        f'<dd title="{NETWORK.sha256}">c0ffeec0ffee</dd>',
        "Confidence threshold</dt><dd>0.4 <small>1 of 3 particles lie below; they are marked and counted.</small>",
        "min_confidence = 0.4",
        'data-quantity="confidence" class="n"',
        'data-quantity="low_confidence">',
        '<option value="confidence"',
        'class="legend"',
        "less: dashed, counted all the same",
    ):
        assert text in html, text
    assert '<option value="low_confidence"' not in html
    assert "<small>1 below confidence 0.4</small>" in page(client.get("/jobs"))
    with database.reading() as session:
        submission = submissions.job(session, job_id).submission_id
    shown = page(client.get(f"/submissions/{submission}"))
    assert f'particlenet-1 <small title="{NETWORK.sha256}">SHA-256 c0ffeec0ffee</small>' in shown
    assert "<small>1 of 3 particles below</small>" in shown


def test_a_submission_of_a_release_without_a_registry_is_shown_all_the_same(client: FlaskClient, database: Database) -> None:
    job_id, _ = add_result(database)
    with database.writing() as session:
        session.execute(update(SubmissionRow).values(parameters={"model": "unet", "nm_per_px": None}))
        submission = submissions.job(session, job_id).submission_id
    assert "<dd>unet</dd>" in page(client.get(f"/submissions/{submission}"))


def test_an_image_without_particles_has_a_result_that_says_so(client: FlaskClient, database: Database) -> None:
    nothing = {f"ecd_{key}_{unit}": None for key in ("mean", "sd", "d10", "d50", "d90") for unit in ("px", "nm")}
    _, analysis_id = add_result(database, n_particles=0, n_touching_border=0, **nothing)
    html = page(client.get(f"/analyses/{analysis_id}"))
    assert "No particle was found in this image." in html
    assert "There is nothing to plot" in html
    assert "D50</dt><dd>–</dd>" in html


def test_a_calibration_conflict_is_shown_beside_the_sizes_and_gives_no_nanometres(
    client: FlaskClient, database: Database
) -> None:
    _, analysis_id = add_result(database, calibration_status="conflict", calibration_source=None, nm_per_px=None)
    html = page(client.get(f"/analyses/{analysis_id}"))
    assert "Calibration conflict: sizes in px" in html
    assert 'data-quantity="ecd_px"' in html
    assert "pixel size in conflict" in page(client.get("/jobs"))


def test_a_pixel_size_from_the_file_says_so(client: FlaskClient, database: Database) -> None:
    _, analysis_id = add_result(database, calibration_source="metadata")
    assert "from the file&#39;s metadata" in page(client.get(f"/analyses/{analysis_id}"))


def test_a_result_leads_to_its_neighbours_in_the_submission_through_which_it_is_seen(
    client: FlaskClient, database: Database
) -> None:
    job_id, analysis_id = add_result(database, "first.png")
    next_id = add_job(database, "second.png", JobState.DONE, submission=1, analysis_id=analysis_id)
    html = page(client.get(f"/analyses/{analysis_id}?job={job_id}"))
    assert f'rel="next" href="/analyses/{analysis_id}?job={next_id}"' in html
    assert 'rel="prev"' not in html
    assert "second.png</h1>" in page(client.get(f"/analyses/{analysis_id}?job={next_id}"))
    other_job = add_job(database, "other.png")
    page(client.get(f"/analyses/{analysis_id}?job={other_job}"), 404)


def test_what_the_scripts_write_into_the_address_of_a_result_does_not_disturb_the_page(
    client: FlaskClient, database: Database
) -> None:
    _, analysis_id = add_result(database)
    page(client.get(f"/analyses/{analysis_id}?bins=12&sort=ecd_nm&order=desc&page=2&particle=3&zoom=4&quantity=solidity"))


def test_all_quantities_are_defined_with_their_units(client: FlaskClient) -> None:
    html = page(client.get("/definitions"))
    for quantity in (*PARTICLE_QUANTITIES, *STATISTIC_QUANTITIES):
        assert f'<tr id="{quantity.name}">' in html
        assert quantity.definition in html


@pytest.mark.parametrize(
    "address", ["/nowhere", "/submissions/7", "/analyses/7", "/analyses/99999999999999999999", "/submissions/x"]
)
def test_an_address_of_nothing_shows_a_page_that_leads_back(client: FlaskClient, address: str) -> None:
    html = page(client.get(address), 404)
    assert "Not found" in html
    assert 'href="/jobs"' in html


@pytest.mark.parametrize("query", ["state=lost", "before=x", "before=0", "submission=-1", "before=99999999999999999999"])
def test_an_address_that_asks_for_nonsense_is_refused_in_words(client: FlaskClient, query: str) -> None:
    assert "The address asks for something that does not exist" in page(client.get(f"/jobs?{query}"), 422)


def test_a_bug_shows_a_reference_and_no_traceback(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(submissions, "counts", crash)
    html = page(app.test_client().get("/jobs"), 500)
    assert "under the reference" in html
    assert "secret" not in html


def test_the_page_of_the_api_fetches_nothing_from_elsewhere(client: FlaskClient) -> None:
    response = client.get("/api/v1/swagger")
    assert response.status_code == 200
    assert '"validatorUrl": null' in response.text.replace("\\", "")
    assert "default-src 'self'" in response.headers["Content-Security-Policy"]


def test_one_particle_can_be_asked_for_by_its_label(client: FlaskClient, database: Database) -> None:
    _, analysis_id = add_result(database)
    answer = client.get(f"/api/v1/analyses/{analysis_id}/particles/2")
    assert answer.get_json()["ecd_nm"] == 20.0
    missing = client.get(f"/api/v1/analyses/{analysis_id}/particles/4")
    assert (missing.status_code, missing.get_json()["error"]["code"]) == (404, "particle_not_found")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0, "0.000"),
        (1234567.0, "1\u202f234\u202f567"),
        (0.012345, "0.01235"),
        (-2.5, "−2.500"),
        (float("inf"), "–"),
    ],
)
def test_numbers_are_written_with_four_digits_and_never_as_a_power_of_ten(value: float | None, text: str) -> None:
    assert writing.number(value) == text


@pytest.mark.parametrize(
    ("mean", "sd", "text"),
    [
        (None, None, "–"),
        (12.345, None, "12.35 nm"),
        (138.43, 5.31, "138.4 ± 5.3 nm"),
        (0.5, 0.0123, "0.500 ± 0.012 nm"),
        (250, 99.6, "250 ± 100 nm"),
    ],
)
def test_a_mean_is_written_to_the_second_digit_of_its_deviation(mean: float | None, sd: float | None, text: str) -> None:
    assert writing.mean_and_sd(mean, sd, "nm") == text


@pytest.mark.parametrize(("seconds", "text"), [(0.25, "250 ms"), (59.94, "59.9 s"), (61, "1 min 01 s"), (7260, "2 h 01 min")])
def test_durations_are_written_as_people_say_them(seconds: float, text: str) -> None:
    assert writing.duration(seconds) == text
