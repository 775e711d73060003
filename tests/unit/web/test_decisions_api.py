"""Decisions about pixel sizes through the API: what is accepted, what is refused and why, and what analyses show of them."""

import csv
import io
import math
from dataclasses import replace
from typing import Any

import pytest

from shared.domain import Stage
from shared.tables import RECORDING_COLUMNS
from tests.integration.laboratory import SEM, Laboratory
from tests.unit.web.opened_portal import API, Portal, error_of

STATING = replace(SEM, nm_per_px=1.0, nm_per_px_text="1 nm", nm_per_px_tag="AP_PIXEL_SIZE")
UNKNOWN = 10**9


@pytest.fixture
def lab(either_portal: Portal) -> Laboratory:
    return Laboratory(either_portal.database)


def decide(portal: Portal, **body: object) -> Any:
    return portal.http.post(f"{API}/calibration-decisions", json={"person": "Ada", "choice": "manual"} | body)


def accepted(portal: Portal, **body: object) -> dict[str, Any]:
    answer = decide(portal, **body)
    assert answer.status_code == 202, answer.text
    decision: dict[str, Any] = answer.get_json()
    return decision


def test_a_decision_is_taken_with_the_number_of_analyses_it_is_about_and_waits_for_a_worker(
    either_portal: Portal, lab: Laboratory
) -> None:
    analysis = lab.analysed("a", STATING, bar=2.0)
    made = accepted(either_portal, scope="image", analysis_id=analysis, nm_per_px=3, comment="by hand", person=" Ada ")
    known = {"person": "Ada", "scope": "image", "choice": "manual", "nm_per_px": 3.0, "comment": "by hand", "evidence": None}
    assert made == made | known | {
        "state": "queued",
        "n_analyses": 1,
        "n_changed": 0,
        "error_code": None,
        "submission_id": None,
    }
    assert either_portal.json(f"/calibration-decisions/{made['id']}") == made
    assert either_portal.json(f"/analyses/{analysis}")["calibration"]["status"] == "conflict"
    lab.apply(made["id"])
    done = either_portal.json(f"/calibration-decisions/{made['id']}")
    assert (done["state"], done["n_changed"]) == ("done", 1)
    shown = either_portal.json(f"/analyses/{analysis}")
    assert (shown["nm_per_px"], shown["calibration_source"], shown["calibration_status"]) == (3.0, "manual", "ok")
    decision = {name: made[name] for name in (*known, "id", "created_at")}
    assert shown["calibration"] == {
        "nm_per_px": 3.0,
        "source": "manual",
        "status": "ok",
        "metadata": {"nm_per_px": 1.0, "text": "1 nm", "tag": "AP_PIXEL_SIZE"},
        "scale_bar": {
            "text": "a bar", "value_nm": 200.0, "length_px": 100.0, "nm_per_px": 2.0, "x0": 10.0, "x1": 110.0, "y": 120.0,
            "confidence": 0.9,
        },
        "decision": decision,
    }  # fmt: skip
    (change,) = either_portal.json(f"/analyses/{analysis}/calibration-changes")["items"]
    assert (change["person"], change["comment"], change["decision_id"]) == ("Ada", "by hand", made["id"])
    assert change["before"] == {"nm_per_px": None, "source": None, "status": "conflict"}
    assert change["after"] == {"nm_per_px": 3.0, "source": "manual", "status": "ok"}


def test_two_points_and_a_length_give_the_pixel_size_and_are_kept_as_evidence(either_portal: Portal, lab: Laboratory) -> None:
    submission = lab.submit()
    analysis = lab.analyse(lab.add(submission, "a"))
    points = [[100.5, 10], [97.5, 14]]
    made = accepted(either_portal, scope="image", analysis_id=analysis, points=points, length_nm=500)
    assert made["nm_per_px"] == 100.0
    for part in ("500 nm", "5 px", "y 100.5, x 10", "y 97.5, x 14", f"analysis {analysis}"):
        assert part in made["evidence"]
    whole = {"scope": "submission", "submission_id": submission, "analysis_id": analysis, "points": points, "length_nm": 500}
    made = accepted(either_portal, **whole)
    assert (made["scope"], made["submission_id"], made["image_sha256"], made["nm_per_px"]) == (
        "submission", submission, None, 100.0,
    )  # fmt: skip


def test_an_instrument_is_named_by_an_analysis(either_portal: Portal, lab: Laboratory) -> None:
    analysis, _ = lab.analysed("a", SEM), lab.analysed("b", SEM)
    made = accepted(either_portal, scope="instrument", analysis_id=analysis, nm_per_px=3)
    assert (made["instrument"], made["magnification"], made["width_px"]) == ("ZEISS Merlin", 50_000.0, 128)
    assert (made["image_sha256"], made["n_analyses"]) == (None, 2)


POINTS = {"points": [[10, 10], [10, 90]], "length_nm": 500}
# What cannot be read at all: the field is named.
MISFITS: list[tuple[dict[str, object], str]] = [
    ({"nm_per_px": 0}, "nm_per_px"),
    ({"nm_per_px": -1}, "nm_per_px"),
    ({"nm_per_px": math.nan}, "nm_per_px"),
    ({"nm_per_px": math.inf}, "nm_per_px"),
    ({"nm_per_px": 1e7}, "nm_per_px"),
    ({"nm_per_px": "a lot"}, "nm_per_px"),
    ({"nm_per_px": "2"}, "nm_per_px"),
    ({"nm_per_px": True}, "nm_per_px"),
    ({"person": ""}, "person"),
    ({"person": "  "}, "person"),
    ({"person": None}, "person"),
    ({"person": "two\nlines"}, "person"),
    ({"person": "\u0000"}, "person"),
    ({"scope": "everything"}, "scope"),
    ({"choice": "guess"}, "choice"),
    ({"analysis_id": 0}, "analysis_id"),
    ({"analysis_id": 2**63}, "analysis_id"),
    ({"comment": "x" * 2001}, "comment"),
    ({"colour": "red"}, "colour"),
    (POINTS | {"length_nm": 0}, "length_nm"),
    (POINTS | {"length_nm": -5}, "length_nm"),
    (POINTS | {"length_nm": math.nan}, "length_nm"),
    (POINTS | {"length_nm": True}, "length_nm"),
    (POINTS | {"points": [[10, 10], [10, True]]}, "points.1.1"),
    (POINTS | {"points": [[10, 10]]}, "points.1"),
    (POINTS | {"points": [[10, 10], [10, math.nan]]}, "points.1.1"),
    (POINTS | {"points": [[10, 10], [10, math.inf]]}, "points.1.1"),
]
# What can be read and does not fit together or does not exist.
CONTRADICTIONS: list[tuple[dict[str, object], str, int]] = [
    ({"analysis_id": UNKNOWN}, "analysis_not_found", 404),
    ({"scope": "submission", "analysis_id": None, "submission_id": UNKNOWN}, "submission_not_found", 404),
    ({"submission_id": 1}, "scope_contradiction", 422),
    ({"analysis_id": None}, "scope_contradiction", 422),
    ({"scope": "instrument", "submission_id": 1}, "scope_contradiction", 422),
    ({"scope": "submission"}, "scope_contradiction", 422),
    ({"scope": "submission", "submission_id": 1}, "scope_contradiction", 422),
    (POINTS | {"nm_per_px": None, "scope": "submission", "submission_id": 1, "analysis_id": None}, "scope_contradiction", 422),
    (POINTS | {"nm_per_px": None, "scope": "submission", "submission_id": 2}, "analysis_not_in_submission", 422),
    ({"nm_per_px": None}, "value_contradiction", 422),
    (POINTS, "value_contradiction", 422),
    (POINTS | {"nm_per_px": None, "length_nm": None}, "value_contradiction", 422),
    ({"length_nm": 500}, "value_contradiction", 422),
    ({"choice": "automatic"}, "value_contradiction", 422),
    (POINTS | {"nm_per_px": None, "choice": "metadata"}, "value_contradiction", 422),
    (POINTS | {"nm_per_px": None, "points": [[10, 10], [10, 128]]}, "point_outside", 422),
    (POINTS | {"nm_per_px": None, "points": [[-0.6, 10], [10, 90]]}, "point_outside", 422),
    (POINTS | {"nm_per_px": None, "points": [[10, 10], [1e300, 10]]}, "point_outside", 422),
    (POINTS | {"nm_per_px": None, "points": [[10, 10], [13, 13.9]]}, "points_too_close", 422),
    (POINTS | {"nm_per_px": None, "points": [[10, 10], [10, 10]]}, "points_too_close", 422),
    (POINTS | {"nm_per_px": None, "length_nm": 1e300}, "pixel_size_out_of_range", 422),
    (POINTS | {"nm_per_px": None, "length_nm": 1e-300}, "pixel_size_out_of_range", 422),
    ({"scope": "instrument"}, "magnification_unknown", 422),
    ({"scope": "instrument", "analysis_id": 2}, "instrument_unknown", 422),
    ({"scope": "instrument", "analysis_id": 3, "choice": "scale_bar", "nm_per_px": None}, "choice_contradicts_scope", 422),
]


def test_what_is_no_decision_is_refused_by_name_and_nothing_is_left_of_it(either_portal: Portal, lab: Laboratory) -> None:
    analysis = lab.analysed("a", replace(SEM, magnification=None))
    assert [analysis, lab.analysed("b"), lab.analysed("c", SEM)] == [1, 2, 3]
    whole = {"scope": "image", "analysis_id": analysis, "nm_per_px": 2}
    for change, field in MISFITS:
        error = error_of(decide(either_portal, **whole | change), 422)
        assert (error["code"], list(error["details"])) == ("invalid_request", [field]), change
    for change, code, status in CONTRADICTIONS:
        error = error_of(decide(either_portal, **whole | change), status)
        assert error["code"] == code, (change, error)
    assert either_portal.json("/calibration-decisions")["items"] == []


def test_decisions_and_changes_are_listed_the_newest_first_page_by_page(either_portal: Portal, lab: Laboratory) -> None:
    analysis = lab.analysed("a")
    made = [accepted(either_portal, scope="image", analysis_id=analysis, nm_per_px=n)["id"] for n in (1, 2, 3)]
    lab.apply(*made)
    lab.apply(accepted(either_portal, scope="image", analysis_id=analysis, choice="automatic")["id"])
    for path, wanted in (
        ("/calibration-decisions", [4, 3, 2, 1]),
        (f"/analyses/{analysis}/calibration-changes", [2, 1]),
    ):
        seen, cursor = [], None
        while True:
            page = either_portal.json(path, limit=1, **({"cursor": cursor} if cursor else {}))
            seen += [item["id"] for item in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert seen == wanted
    for path in (
        f"/calibration-decisions/{UNKNOWN}",
        f"/analyses/{UNKNOWN}/calibration-changes",
        f"/analyses/{UNKNOWN}/metadata",
    ):
        error_of(either_portal.get(path), 404)


def test_an_analysis_shows_what_its_file_states_and_all_of_its_fields(either_portal: Portal, lab: Laboratory) -> None:
    stage = Stage(x_mm=1.5, tilt_deg=3.0)
    stated = replace(STATING, user="Grace", detector="SE2", acquired_at="2024-05-06T07:08:09", voltage_kv=5.0, stage=stage)
    shown = either_portal.json(f"/analyses/{lab.analysed('a', replace(stated, raw={'Beam': 'µ-metal', 'AP_WD': '4 mm'}))}")
    assert shown["recording"] == {
        "vendor": "ZEISS", "model": "Merlin", "instrument": "ZEISS Merlin", "voltage_kv": 5.0, "magnification": 50_000.0,
        "detector": "SE2", "acquired_at": "2024-05-06T07:08:09", "operator": "Grace", "working_distance_mm": None,
        "stage_x_mm": 1.5, "stage_y_mm": None, "stage_z_mm": None, "stage_tilt_deg": 3.0, "stage_rotation_deg": None,
    }  # fmt: skip
    assert (shown["annotations"], shown["image_index"], shown["side_cars_sha256"]) == ([], 0, "")
    fields = either_portal.json(f"/analyses/{shown['id']}/metadata")
    assert fields == {"fields": {"Beam": "µ-metal", "AP_WD": "4 mm"}}
    bare = either_portal.json(f"/analyses/{lab.analysed('b')}")
    assert set(bare["recording"].values()) == {None}
    assert (bare["calibration"]["metadata"], bare["calibration"]["scale_bar"], bare["calibration"]["decision"]) == (
        None,
        None,
        None,
    )
    assert either_portal.json(f"/analyses/{bare['id']}/metadata") == {"fields": {}}


def test_an_analysis_of_a_release_without_recordings_is_shown_and_can_be_decided_about(
    either_portal: Portal, lab: Laboratory
) -> None:
    analysis = lab.analysed("a", STATING)
    lab.forget_recordings()
    shown = either_portal.json(f"/analyses/{analysis}")
    assert (shown["recording"], shown["annotations"], shown["nm_per_px"]) == (None, [], 1.0)
    assert error_of(either_portal.get(f"/analyses/{analysis}/metadata"), 404)["code"] == "recording_not_found"
    assert error_of(either_portal.get(f"/analyses/{analysis}/files/scale_bar.png"), 404)["code"] == "scale_bar_not_found"
    refused = decide(either_portal, scope="instrument", analysis_id=analysis, nm_per_px=2)
    assert error_of(refused, 404)["code"] == "recording_not_found"
    lab.apply(accepted(either_portal, scope="image", analysis_id=analysis, nm_per_px=2)["id"])
    assert either_portal.json(f"/analyses/{analysis}")["nm_per_px"] == 2.0


def test_the_crop_of_the_scale_bar_is_a_file_of_the_analysis(either_portal: Portal, lab: Laboratory) -> None:
    blob = either_portal.store.put([b"a picture of a bar"])
    with_bar = lab.analysed_with_crop("a", blob.sha256)
    answer = either_portal.get(f"/analyses/{with_bar}/files/scale_bar.png")
    assert (answer.status_code, answer.mimetype, answer.data) == (200, "image/png", b"a picture of a bar")
    without = lab.analysed("b")
    error = error_of(either_portal.get(f"/analyses/{without}/files/scale_bar.png"), 404)
    assert error["code"] == "scale_bar_not_found"


def test_a_submission_counts_its_analyses_by_the_state_of_their_pixel_size(either_portal: Portal, lab: Laboratory) -> None:
    submission = lab.submit()
    nothing = {"ok": 0, "missing": 0, "conflict": 0}
    assert either_portal.json(f"/submissions/{submission}")["calibration_counts"] == nothing
    for image, metadata, bar in (("a", STATING, None), ("b", STATING, 2.0), ("c", None, None), ("d", None, None)):
        lab.analyse(lab.add(submission, image), metadata, bar)
    lab.add(submission, "not analysed yet")
    shown = either_portal.json(f"/submissions/{submission}")
    assert shown["calibration_counts"] == {"ok": 1, "missing": 2, "conflict": 1}
    (listed,) = either_portal.json("/submissions")["items"]
    not_in_lists = {"calibration_counts": None, "fitness_counts": None, "retention": None}
    assert listed == shown | not_in_lists, "a list does not count all analyses of all submissions"


def test_the_summary_says_what_was_read_of_each_image(either_portal: Portal, lab: Laboratory) -> None:
    submission = lab.submit()
    stated = replace(STATING, voltage_kv=5.0, acquired_at="2024-05-06T07:08:09")
    lab.analyse(lab.add(submission, "a"), stated, bar=1.0)
    lab.analyse(lab.add(submission, "b"))
    first, second = csv.DictReader(io.StringIO(either_portal.get(f"/submissions/{submission}/summary.csv").text))
    assert {name: first[name] for name in RECORDING_COLUMNS} == {
        "instrument": "ZEISS Merlin", "magnification": "50000.0", "voltage_kv": "5.0", "acquired_at": "2024-05-06T07:08:09",
        "metadata_nm_per_px": "1.0", "scale_bar_text": "a bar", "scale_bar_length_px": "100.0", "scale_bar_nm_per_px": "1.0",
    }  # fmt: skip
    assert {second[name] for name in RECORDING_COLUMNS} == {""}
    lab.forget_recordings()
    assert either_portal.get(f"/submissions/{submission}/summary.csv").status_code == 200
