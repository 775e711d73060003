"""Selections compared over the API."""

import pytest

from tests.unit.web.opened_portal import Portal, error_of

N = 40


@pytest.fixture
def three(portal: Portal) -> Portal:
    """Two images of equal particles, one with pixels twice as large."""
    for name, nm_per_px in (("a.tif", 0.5), ("b.tif", 0.5), ("twice.tif", 1.0)):
        portal.analysed(n=N, name=name, nm_per_px=nm_per_px)
    return portal


def test_each_selection_is_compared_with_each_one_behind_it(three: Portal) -> None:
    asked = "&".join(f"selection=file_name%3D{name}" for name in ("a.tif", "b.tif", "twice"))
    found = three.json(f"/comparison?{asked}&counting_rule=all&limit=0.4")
    assert (found["quantity"], found["unit"], found["limit"]) == ("ecd_nm", "nm", 0.4)
    assert [one["selection"] for one in found["selections"]] == ["file_name=a.tif", "file_name=b.tif", "file_name=twice"]
    assert [(one["n_images"], one["n_counted"]) for one in found["selections"]] == [(1, N)] * 3
    assert [(pair["one"], pair["other"]) for pair in found["pairs"]] == [(0, 1), (0, 2), (1, 2)]
    equal, different, _ = found["pairs"]
    assert (equal["difference"], equal["ratio"], equal["ks_distance"], equal["verdict"]) == (0, 1, 0, "equivalent")
    assert equal["interval"]["low"] < 0 < equal["interval"]["high"]
    assert (different["ratio"], different["verdict"]) == (pytest.approx(2), "different")
    assert different["interval"]["low"] > 0
    assert different["ks_p"] < different["ks_p_adjusted"] < 0.001


def test_too_few_particles_are_said_and_what_has_no_pixel_size_is_named(portal: Portal) -> None:
    portal.analysed(n=1, name="one.tif")
    portal.analysed(n=N, name="many.tif")
    without = portal.analysed(n=N, name="pixels.tif", nm_per_px=None)
    found = portal.json("/comparison?selection=file_name%3Done&selection=file_name%3Dmany&counting_rule=all")
    (pair,) = found["pairs"]
    assert (pair["difference"], pair["verdict"]) == (None, None)
    assert pair["reason"] == "In one of the two one particle counts: a comparison of medians takes two in each."
    assert pair["ks_distance"] is not None
    nothing = portal.json("/comparison?selection=file_name%3Dpixels&selection=file_name%3Dmany")
    assert nothing["selections"][0]["excluded"] == [{"analysis_id": without, "reason": "no pixel size"}]
    assert (nothing["selections"][0]["median"], nothing["pairs"][0]["ks_p"]) == (None, None)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("selection=sample%3Da", "invalid_request"),
        ("&".join(["selection=sample%3Da"] * 5), "invalid_request"),
        ("selection=sample%3Da&selection=colour%3Dred", "invalid_selection"),
        ("selection=sample%3Da&selection=sample%3Db&quantity=circularity", "no_diameter"),
        ("selection=sample%3Da&selection=sample%3Db&limit=0", "invalid_request"),
    ],
)
def test_what_cannot_be_compared_is_refused(portal: Portal, query: str, code: str) -> None:
    assert error_of(portal.get(f"/comparison?{query}"), 422)["code"] == code
