"""Analyses over the API: numbers, tables, files and histograms."""

import csv
import io

import pytest

from shared.tables import PARTICLE_COLUMNS, SUBMISSION_COLUMNS
from tests.unit.web.opened_portal import API, Portal, error_of


def test_an_analysis_is_shown_with_all_that_a_number_needs(either_portal: Portal) -> None:
    number = either_portal.analysed()
    analysis = either_portal.json(f"/analyses/{number}")
    assert (analysis["statistics"]["n_particles"], analysis["nm_per_px"], analysis["calibration_source"]) == (7, 0.5, "manual")
    assert analysis["banner"] is None
    assert analysis["field"] == {"top": 0, "bottom": 128, "left": 0, "right": 128}
    for name in ("model_name", "model_version", "parameters_sha256", "software_version", "counting_rule"):
        assert analysis[name]
    assert either_portal.json("/analyses")["items"] == [analysis]
    assert either_portal.json("/jobs", state="done")["items"][0]["analysis_id"] == number


def test_the_particles_are_shown_alone_in_pages_and_as_a_table(either_portal: Portal) -> None:
    number = either_portal.analysed()
    particles = either_portal.json(f"/analyses/{number}/particles")["items"]
    assert [particle["label"] for particle in particles] == [1, 2, 3, 4, 5, 6, 7]
    assert list(particles[0]) == list(PARTICLE_COLUMNS)
    assert either_portal.json(f"/analyses/{number}/particles/3") == particles[2]
    table = either_portal.get(f"/analyses/{number}/particles.csv")
    assert table.mimetype == "text/csv"
    rows = list(csv.DictReader(io.StringIO(table.text)))
    assert list(rows[0]) == list(PARTICLE_COLUMNS)
    assert [float(row["ecd_nm"]) for row in rows] == [particle["ecd_nm"] for particle in particles]
    assert [row["touches_border"] for row in rows] == [str(particle["touches_border"]).lower() for particle in particles]


def test_without_a_calibration_values_in_nanometres_are_null_in_answers_and_empty_in_tables(portal: Portal) -> None:
    number = portal.analysed(nm_per_px=None)
    assert portal.json(f"/analyses/{number}/particles/1")["ecd_nm"] is None
    (first, *_) = csv.DictReader(io.StringIO(portal.get(f"/analyses/{number}/particles.csv").text))
    assert (first["ecd_nm"], first["area_nm2"]) == ("", "")
    for path in (f"/analyses/{number}/distribution?quantity=ecd_nm", f"/analyses/{number}/particles?sort=ecd_nm"):
        assert error_of(portal.http.get(API + path), 422)["code"] == "not_calibrated"


def test_without_a_model_that_gives_it_confidence_is_null_empty_and_no_order_of_a_list(portal: Portal) -> None:
    number = portal.analysed()
    assert portal.json(f"/analyses/{number}")["statistics"]["n_low_confidence"] is None
    particle = portal.json(f"/analyses/{number}/particles/1")
    assert (particle["confidence"], particle["low_confidence"]) == (None, None)
    (first, *_) = csv.DictReader(io.StringIO(portal.get(f"/analyses/{number}/particles.csv").text))
    assert (first["confidence"], first["low_confidence"]) == ("", "")
    for path in (f"/analyses/{number}/distribution?quantity=confidence", f"/analyses/{number}/particles?sort=low_confidence"):
        assert error_of(portal.http.get(API + path), 422)["code"] == "no_confidence"


def test_particles_of_low_confidence_are_marked_and_counted(portal: Portal) -> None:
    number = portal.analysed(n=5, has_confidence=True)
    statistics = portal.json(f"/analyses/{number}")["statistics"]
    assert (statistics["n_particles"], statistics["n_low_confidence"]) == (5, 2)
    particles = portal.json(f"/analyses/{number}/particles", sort="confidence")["items"]
    assert [particle["confidence"] for particle in particles] == [0, 0.25, 0.5, 0.75, 1]
    assert [particle["low_confidence"] for particle in particles] == [True, True, False, False, False]


def test_the_summary_of_a_submission_has_one_row_for_each_file(portal: Portal) -> None:
    portal.analysed(name='quoted, "strange"\u00fc.tif')
    submission = portal.json("/submissions")["items"][0]["id"]
    portal.put(submission, b"waits", "waits.tif")
    table = portal.get(f"/submissions/{submission}/summary.csv")
    rows = list(csv.DictReader(io.StringIO(table.text)))
    assert list(rows[0]) == list(SUBMISSION_COLUMNS)
    assert [(row["file"], row["state"]) for row in rows] == [('quoted, "strange"ü.tif', "done"), ("waits.tif", "queued")]


@pytest.mark.parametrize("name", ["gold.tif", "日本語.tif", 'a"b\\c;d.tif', "%41.tif", "x" * 300 + ".tif"])
def test_a_download_has_a_header_that_any_name_fits_into(portal: Portal, name: str) -> None:
    number = portal.analysed(name=name)
    for path in ("particles.csv", "files/labels.tif"):
        header = portal.get(f"/analyses/{number}/{path}").headers["Content-Disposition"]
        assert header.startswith("attachment")
        assert header.isascii()
        assert not set("\r\n") & set(header)


@pytest.mark.parametrize(
    ("file", "mimetype", "content"),
    [
        ("labels.tif", "image/tiff", b"labels"),
        ("outlines.json", "application/json", b"{}"),
        ("overlay.png", "image/png", b"over"),
        ("preview.png", "image/png", b"pre"),
        ("thumbnail.png", "image/png", b"thumb"),
    ],
)
def test_a_file_of_an_analysis_is_sent_once_and_then_known_by_its_tag(
    portal: Portal, file: str, mimetype: str, content: bytes
) -> None:
    number = portal.analysed()
    first = portal.get(f"/analyses/{number}/files/{file}")
    assert (first.status_code, first.mimetype, first.data) == (200, mimetype, content)
    again = portal.http.get(
        f"{API}/analyses/{number}/files/{file}", headers={"If-None-Match": first.headers["ETag"]}, buffered=True
    )
    assert (again.status_code, again.data) == (304, b"")


def test_a_file_that_has_vanished_from_the_store_is_said(portal: Portal) -> None:
    number = portal.analysed()
    for path in portal.files():
        path.unlink()
    assert error_of(portal.get(f"/analyses/{number}/files/overlay.png"), 404)["code"] == "blob_not_found"


def test_the_quantities_are_listed_with_unit_and_definition(portal: Portal) -> None:
    listed = portal.json("/quantities")
    assert [quantity["name"] for quantity in listed["particle"]] == list(PARTICLE_COLUMNS)
    assert all(quantity["definition"] for kind in listed.values() for quantity in kind)


def test_an_answer_has_a_tag_and_is_not_sent_again_until_it_changes(portal: Portal) -> None:
    submission = portal.open_submission()
    path = f"{API}/submissions/{submission}"
    tag = {"If-None-Match": portal.http.get(path).headers["ETag"]}
    unchanged = portal.http.get(path, headers=tag)
    assert (unchanged.status_code, unchanged.data) == (304, b"")
    portal.put(submission)
    assert portal.http.get(path, headers=tag).status_code == 200


def test_files_are_asked_for_again_because_numbers_begin_anew_in_a_new_data_folder(portal: Portal) -> None:
    path = f"/analyses/{portal.analysed()}/files/preview.png"
    first = portal.get(path)
    assert first.cache_control.no_cache
    assert not first.cache_control.public
    again = portal.http.get(API + path, headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304


def test_a_download_is_named_after_the_job_it_is_downloaded_for(portal: Portal) -> None:
    analysis = portal.analysed(name="first.tif")
    job = portal.json("/jobs")["items"][0]
    named = portal.get(f"/analyses/{analysis}/particles.csv", job=job["id"])
    assert "first.particles.csv" in named.headers["Content-Disposition"]
    foreign = portal.get(f"/analyses/{analysis}/particles.csv", job=job["id"] + 1)
    assert (foreign.status_code, foreign.get_json()["error"]["code"]) == (404, "job_not_found")
