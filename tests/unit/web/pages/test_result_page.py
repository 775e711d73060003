"""The page of a result: numbers with units, methods, confidence and calibration."""

from flask.testing import FlaskClient

from shared import submissions
from shared.database import Database
from shared.jobs import JobState
from shared.quantities import PARTICLE_QUANTITIES
from tests.models import NETWORK
from tests.unit.web.pages.rows import add_job, add_result, page


def test_a_result_shows_statistics_with_unit_and_how_it_was_made(client: FlaskClient, portal_database: Database) -> None:
    _, analysis_id = add_result(portal_database)
    html = page(client.get(f"/analyses/{analysis_id}"))
    for text in (
        'D50</span></dt><dd>20.65 <span class="unit">nm</span>',
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


def test_a_result_of_a_model_without_confidence_says_nothing_of_it(client: FlaskClient, portal_database: Database) -> None:
    job_id, analysis_id = add_result(portal_database)
    with portal_database.reading() as session:
        submission = submissions.job(session, job_id).submission_id
    for address in (f"/analyses/{analysis_id}", "/jobs", f"/submissions/{submission}"):
        html = page(client.get(address))
        assert "onfidence" not in html, address
        assert 'class="legend"' not in html


def test_low_confidence_is_counted_explained_and_told_apart(client: FlaskClient, portal_database: Database) -> None:
    parameters = {"model": "particlenet-1", "nm_per_px": 0.5, "min_confidence": 0.4}
    model = {"model_name": "particlenet", "model_version": "1", "model_sha256": NETWORK.sha256}
    job_id, analysis_id = add_result(portal_database, n_low_confidence=1, parameters=parameters, **model)
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
    with portal_database.reading() as session:
        submission = submissions.job(session, job_id).submission_id
    shown = page(client.get(f"/submissions/{submission}"))
    assert f'particlenet-1 <small title="{NETWORK.sha256}">SHA-256 c0ffeec0ffee</small>' in shown
    assert "<small>1 of 3 particles below</small>" in shown


def test_an_image_without_particles_has_a_result_that_says_so(client: FlaskClient, portal_database: Database) -> None:
    nothing = {f"ecd_{key}_{unit}": None for key in ("mean", "sd", "d10", "d50", "d90") for unit in ("px", "nm")}
    _, analysis_id = add_result(portal_database, n_particles=0, n_touching_border=0, **nothing)
    html = page(client.get(f"/analyses/{analysis_id}"))
    assert "No particle was found in this image." in html
    assert "There is nothing to plot" in html
    assert "D50</span></dt><dd>–</dd>" in html


def test_a_calibration_conflict_is_shown_beside_the_sizes_and_gives_no_nanometres(
    client: FlaskClient, portal_database: Database
) -> None:
    _, analysis_id = add_result(portal_database, calibration_status="conflict", calibration_source=None, nm_per_px=None)
    html = page(client.get(f"/analyses/{analysis_id}"))
    assert "Calibration conflict: sizes in px" in html
    assert 'data-quantity="ecd_px"' in html
    assert "pixel size in conflict" in page(client.get("/jobs"))


def test_a_pixel_size_from_the_file_says_so(client: FlaskClient, portal_database: Database) -> None:
    _, analysis_id = add_result(portal_database, calibration_source="metadata")
    assert "from the file&#39;s metadata" in page(client.get(f"/analyses/{analysis_id}"))


def test_a_result_leads_to_its_neighbours_in_the_submission_through_which_it_is_seen(
    client: FlaskClient, portal_database: Database
) -> None:
    job_id, analysis_id = add_result(portal_database, "first.png")
    next_id = add_job(portal_database, "second.png", JobState.DONE, submission=1, analysis_id=analysis_id)
    html = page(client.get(f"/analyses/{analysis_id}?job={job_id}"))
    assert f'rel="next" href="/analyses/{analysis_id}?job={next_id}"' in html
    assert 'rel="prev"' not in html
    assert "second.png</h1>" in page(client.get(f"/analyses/{analysis_id}?job={next_id}"))
    other_job = add_job(portal_database, "other.png")
    page(client.get(f"/analyses/{analysis_id}?job={other_job}"), 404)


def test_what_the_scripts_write_into_the_address_of_a_result_does_not_disturb_the_page(
    client: FlaskClient, portal_database: Database
) -> None:
    _, analysis_id = add_result(portal_database)
    page(client.get(f"/analyses/{analysis_id}?bins=12&sort=ecd_nm&order=desc&page=2&particle=3&zoom=4&quantity=solidity"))


def test_one_particle_can_be_asked_for_by_its_label(client: FlaskClient, portal_database: Database) -> None:
    _, analysis_id = add_result(portal_database)
    answer = client.get(f"/api/v1/analyses/{analysis_id}/particles/2")
    assert answer.get_json()["ecd_nm"] == 20.0
    missing = client.get(f"/api/v1/analyses/{analysis_id}/particles/4")
    assert (missing.status_code, missing.get_json()["error"]["code"]) == (404, "particle_not_found")
