"""Distributions over the API: counted by a rule, weighted, fitted, and what is missing is said."""

import pytest

from shared.quantities import DIAMETERS, PARTICLE_QUANTITIES
from tests.unit.web.opened_portal import Portal, error_of

N = 7
# Of the stored table, each third particle touches the border.
N_INSIDE = 4


def test_a_distribution_has_its_unit_and_its_bins_hold_every_particle_that_counts(either_portal: Portal) -> None:
    number = either_portal.analysed(n=N, has_confidence=True)
    path = f"/analyses/{number}/distribution"
    for quantity in PARTICLE_QUANTITIES:
        found = either_portal.json(path, quantity=quantity.name, bins=4, counting_rule="all")
        assert (found["quantity"], found["unit"]) == (quantity.name, quantity.unit)
        assert (sum(found["bins"]["counts"]), len(found["bins"]["edges"]), found["n_particles"]) == (N, 5, N)
        assert sum(found["bins"]["shares"]) == pytest.approx(1)


def test_without_a_wish_it_is_the_diameter_by_number_under_the_rule_of_reports(portal: Portal) -> None:
    found = portal.json(f"/analyses/{portal.analysed(n=N)}/distribution")
    assert (found["quantity"], found["weighting"], found["counting_rule"]) == ("ecd_nm", "number", "exclude-border-weighted")
    assert (found["n_particles"], found["n_counted"], found["made_from"], found["excluded"]) == (N, N_INSIDE, "particles", [])
    in_px = portal.json(f"/analyses/{portal.analysed(n=N, nm_per_px=None, name='other.tif')}/distribution")
    assert (in_px["quantity"], in_px["smallest_reliable"]) == ("ecd_px", 8)


def test_statistics_of_a_distribution_are_those_of_the_row_of_the_analysis(either_portal: Portal) -> None:
    number = either_portal.analysed(n=N)
    row, found = either_portal.json(f"/analyses/{number}")["statistics"], either_portal.json(f"/analyses/{number}/distribution")
    for name in ("mean", "sd", "d10", "d50", "d90"):
        assert found["summary"][name] == pytest.approx(row[f"ecd_{name}_nm"]), name
    for name in ("geometric_mean", "d32", "d43"):
        assert found["moments"][name] == pytest.approx(row[f"ecd_{name}_nm"]), name
    assert (found["n_counted"], found["moments"]["gsd"]) == (row["n_counted"], pytest.approx(row["ecd_gsd"]))


def test_fits_and_intervals_come_where_they_are_asked_for(portal: Portal) -> None:
    path = f"/analyses/{portal.analysed(n=60)}/distribution"
    plain = portal.json(path)
    assert (plain["fits"], plain["intervals"]) == ([], None)
    found = portal.json(f"{path}?fit=lognormal&fit=weibull&intervals=true&log_axis=true&weighting=volume")
    assert [one["family"] for one in found["fits"]] == ["lognormal", "weibull"]
    assert all(len(one["curve"]["sizes"]) == len(one["curve"]["shares"]) > 50 for one in found["fits"])
    assert found["intervals"]["d50"]["low"] <= found["summary"]["d50"] <= found["intervals"]["d50"]["high"]
    assert any("this one image" in note for note in found["notes"])


def test_few_particles_have_no_fit_and_the_reason_is_said(portal: Portal) -> None:
    path = f"/analyses/{portal.analysed(n=1)}/distribution"
    found = portal.json(f"{path}?fit=normal&intervals=true&counting_rule=all")
    assert (found["n_counted"], found["summary"]["sd"], found["intervals"]) == (1, None, None)
    assert "a fit takes 20" in found["fits"][0]["reason"]
    assert found["notes"] == ["One particle counts: there is no standard deviation, no GSD and no interval."]
    # It touches the border.
    nothing = portal.json(path)
    assert (nothing["n_particles"], nothing["n_counted"], nothing["bins"]["counts"]) == (1, 0, [])
    assert nothing["notes"] == ["No particle counts by this rule, so that there are no statistics."]


def test_what_a_quantity_has_not_is_refused_with_the_reason(portal: Portal) -> None:
    path = f"/analyses/{portal.analysed(n=N)}/distribution"
    for quantity in {quantity.name for quantity in PARTICLE_QUANTITIES if not quantity.name.endswith("confidence")}:
        answer = portal.get(path, quantity=quantity, weighting="volume")
        if quantity in DIAMETERS:
            assert answer.status_code == 200, quantity
        else:
            assert error_of(answer, 422)["code"] == "weighting_not_defined", quantity
    assert error_of(portal.get(path, quantity="touches_border", log_axis="true"), 422)["code"] == "not_positive"
    for misfit in ({"bins": 0}, {"bins": 501}, {"quantity": "size"}, {"weighting": "mass"}, {"fit": "gamma"}):
        error_of(portal.get(path, **misfit), 422)


def test_a_pool_is_of_all_that_fit_the_filter_and_names_what_it_leaves_out(either_portal: Portal) -> None:
    in_nm = [either_portal.analysed(n=N, name=f"{letter}.tif", nm_per_px=0.5) for letter in "ab"]
    without = either_portal.analysed(n=N, name="c.tif", nm_per_px=None)
    for made_from in ("particles", "analyses"):
        found = either_portal.json("/distribution", made_from=made_from, counting_rule="all")
        assert (found["made_from"], found["n_images"], found["n_particles"], found["n_counted"]) == (made_from, 2, 14, 14)
        assert found["excluded"] == [{"analysis_id": without, "reason": "no pixel size"}]
        assert found["n_excluded"] == 1
        assert sum(found["bins"]["counts"]) == 14
    exactly = either_portal.json("/distribution", counting_rule="all")
    assert (exactly["made_from"], exactly["summary"]["d50"]) == ("particles", pytest.approx(found["summary"]["d50"], rel=0.012))
    one = either_portal.json("/distribution", counting_rule="all", file_name="b.tif", quantity="circularity")
    assert (one["n_images"], one["n_counted"]) == (1, N)
    assert either_portal.json("/distribution", file_name="no such file")["n_images"] == 0
    assert in_nm


def test_of_each_analysis_the_diameter_is_stored_and_nothing_else(portal: Portal) -> None:
    portal.analysed(n=N)
    answer = portal.get("/distribution", made_from="analyses", quantity="circularity")
    assert error_of(answer, 422)["code"] == "not_stored"
    found = portal.json("/distribution?made_from=analyses&fit=normal&intervals=true&log_axis=true&weighting=area&bins=12")
    assert (found["fits"], len(found["bins"]["counts"])) == ([], 12)
    assert found["intervals"] is not None
    assert found["notes"][-2:] == [
        "Made from what is stored of each analysis: percentiles are right to 1.2 %.",
        "Fits are made from particles.",
    ]
