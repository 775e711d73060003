"""Screening, guidance and arrangement over the API: with their caveats, and with the reason where there is no answer."""

import pytest

from shared.distributions.screening import CAVEATS
from tests.unit.web.opened_portal import Portal, error_of


def test_screening_is_of_the_smallest_feret_diameter_with_its_interval_and_caveats(either_portal: Portal) -> None:
    # The stored table has diameters of 10 to 20 px.
    small = either_portal.analysed(n=60, nm_per_px=0.5, name="small.tif")
    either_portal.analysed(n=60, nm_per_px=50, name="large.tif")
    found = either_portal.json(f"/analyses/{small}/screening", counting_rule="all")
    assert (found["verdict"], found["limit_nm"], found["n_counted"]) == ("nano", 100, 60)
    assert found["x50_nm"] == pytest.approx(7.5)
    assert found["interval"]["low"] < found["x50_nm"] < found["interval"]["high"]
    assert found["caveats"] == list(CAVEATS)
    assert either_portal.json("/screening", file_name="large")["verdict"] == "not nano"
    both = either_portal.json("/screening")
    assert (both["verdict"], both["n_images"]) == ("undecided", 2)


def test_without_nanometres_there_is_no_screening_and_the_reason_is_said(portal: Portal) -> None:
    number = portal.analysed(nm_per_px=None)
    assert error_of(portal.get(f"/analyses/{number}/screening"), 422)["code"] == "not_calibrated"
    found = portal.json("/screening")
    assert (found["verdict"], found["x50_nm"], found["interval"]) == (None, None, None)
    assert found["excluded"] == [{"analysis_id": number, "reason": "no pixel size"}]
    assert "left out" in found["reason"]
    assert portal.json("/screening", file_name="nothing")["reason"] == "Fewer than two particles count by this rule."
    assert portal.json("/guidance")["reason"] == found["reason"]


def test_guidance_says_how_many_particles_a_target_takes(either_portal: Portal) -> None:
    number = either_portal.analysed(n=300)
    found = either_portal.json(f"/analyses/{number}/guidance")
    assert (found["quantity"], found["target"], found["weighting"]) == ("ecd_nm", 0.05, "number")
    assert [step["n"] for step in found["curve"]] == sorted(step["n"] for step in found["curve"])
    assert found["for_d50"] > 0
    harder = either_portal.json(f"/analyses/{number}/guidance", target=0.025, weighting="volume", quantity="feret_max_px")
    assert harder["for_geometric_mean"] == pytest.approx(4 * found["for_geometric_mean"], rel=0.02)
    assert either_portal.json("/guidance", file_name="日本語")["for_d50"] == found["for_d50"]
    few = either_portal.json(f"/analyses/{either_portal.analysed(n=1, name='one.tif')}/guidance", counting_rule="all")
    assert (few["for_d50"], few["curve"], few["reason"]) == (None, [], "Fewer than two particles count by this rule.")


def test_what_makes_no_sense_is_refused(portal: Portal) -> None:
    path = f"/analyses/{portal.analysed()}"
    for misfit in ({"target": 0}, {"target": 0.6}, {"quantity": "circularity"}, {"weighting": "mass"}, {"weights": 1}):
        error_of(portal.get(f"{path}/guidance", **misfit), 422)
    error_of(portal.get(f"{path}/screening", counting_rule="none"), 422)
    for part in ("screening", "guidance", "arrangement"):
        assert error_of(portal.get(f"/analyses/77/{part}"), 404)["code"] == "analysis_not_found"


def test_arrangement_is_coverage_density_and_distances_of_all_particles(either_portal: Portal) -> None:
    found = either_portal.json(f"/analyses/{either_portal.analysed(n=60)}/arrangement")
    # A field of 128 × 128 px of 0.5 nm; areas of 10 to 20 px.
    assert found["density_per_um2"] == pytest.approx(60 / 0.064**2)
    assert found["coverage"] == pytest.approx(sum(int(10 + 10 * k / 59) for k in range(60)) / 128**2)
    assert (found["radial"]["unit"], len(found["radial"]["g"])) == ("nm", 50)
    in_px = either_portal.json(f"/analyses/{either_portal.analysed(n=0, nm_per_px=None, name='b.tif')}/arrangement")
    assert (in_px["n_particles"], in_px["coverage"], in_px["density_per_um2"], in_px["radial"]) == (0, 0, None, None)
    assert any("below 40" in note for note in in_px["notes"])
    assert any("Without a pixel size" in note for note in in_px["notes"])
