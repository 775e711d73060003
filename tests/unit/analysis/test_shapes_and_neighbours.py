"""Axes, shape factors, grey values, neighbours and weights: drawn shapes with known answers, and other programs."""

import numpy as np
import pytest
from hypothesis import given
from scipy.spatial import KDTree
from skimage.measure import regionprops_table

from shared.arrays import Labels, Pixels
from shared.geometry import AnalysedField
from tests.unit.analysis.test_measurement import any_map, disc, ellipse, means, measured, only, rectangle, turned, whole
from tests.unit.analysis.test_measurement_oracle import crowded_map
from worker.analysis.measurement.particles import measure


@pytest.mark.parametrize(("radius", "limit"), [(4, 0.05), (8, 0.02), (40, 0.01)])
def test_a_disc_has_its_diameter_for_axes_and_mean_width(radius: float, limit: float) -> None:
    found = means(lambda random: disc(random, radius), "major_axis_px", "minor_axis_px", "feret_mean_px")
    assert found == pytest.approx([2 * radius] * 3, rel=limit)


@pytest.mark.parametrize(("radius", "limit"), [(8, 0.04), (40, 0.01)])
def test_a_disc_is_round_and_convex_and_fills_its_share_of_the_square(radius: float, limit: float) -> None:
    roundness, convexity, extent = means(lambda random: disc(random, radius), "roundness", "convexity", "extent")
    # Roundness and extent have the square of a width in them, which may be 2 % off.
    assert (roundness, convexity, extent) == pytest.approx((1, 1, np.pi / 4), rel=limit)


@pytest.mark.parametrize(("long", "short"), [(16, 16), (32, 16), (60, 20)])
def test_a_turned_rectangle_fills_its_rectangle_and_is_as_wide_on_average_as_its_perimeter_says(
    long: float, short: float
) -> None:
    extent, mean_width, convexity = means(lambda random: rectangle(random, long, short), "extent", "feret_mean_px", "convexity")
    assert extent == pytest.approx(1, abs=0.01)
    assert mean_width == pytest.approx(2 * (long + short) / np.pi, rel=0.02)
    assert convexity == pytest.approx(1, abs=0.05), "Crofton's perimeter of a rectangle is that much too short"


@pytest.mark.parametrize(("a", "b"), [(16, 8), (40, 20)])
def test_an_ellipse_has_its_axes_and_eccentricity(a: float, b: float) -> None:
    major, minor, eccentricity = means(lambda random: ellipse(random, a, b), "major_axis_px", "minor_axis_px", "eccentricity")
    assert (major, minor) == pytest.approx((2 * a, 2 * b), rel=0.01)
    assert eccentricity == pytest.approx(np.sqrt(1 - (b / a) ** 2), abs=0.01)


@pytest.mark.parametrize("degrees", [-89, -60, -30, 0, 30, 45, 60, 90])
def test_the_orientation_counts_counter_clockwise_on_the_screen(degrees: float) -> None:
    across, along = turned(np.random.default_rng(0), 30, np.radians(-degrees))
    labels = ((along / 30) ** 2 + (across / 10) ** 2 <= 1).astype(np.int32)
    assert (only(labels)["orientation_deg"] - degrees + 90) % 180 - 90 == pytest.approx(0, abs=0.6)
    rising = np.flipud(np.eye(9, dtype=np.int32))  # from bottom left to top right
    assert only(rising)["orientation_deg"] == pytest.approx(45)


def test_what_is_as_long_as_wide_has_the_orientation_zero() -> None:
    assert only(np.pad(np.ones((7, 7), dtype=np.int32), 2))["orientation_deg"] == 0
    assert only(np.ones((1, 1), dtype=np.int32))["orientation_deg"] == 0


@given(labels=any_map)
def test_angles_and_ratios_stay_within_their_bounds(labels: Labels) -> None:
    table = measured(labels)
    assert ((table.orientation_deg > -90) & (table.orientation_deg <= 90)).all()
    assert ((table.eccentricity >= 0) & (table.eccentricity < 1)).all()
    assert ((table.edge_weight >= 1) & (table.edge_weight <= 5)).all()
    assert ((table.feret_min_px <= table.feret_mean_px) & (table.feret_mean_px <= table.feret_max_px)).all()
    np.testing.assert_allclose(table.elongation, 1 - table.aspect_ratio)


def test_axes_orientations_and_grey_values_equal_those_of_scikit_image() -> None:
    labels = crowded_map()
    pixels = np.random.default_rng(5).normal(1e6, 1, labels.shape).astype(np.float32)
    names = ("axis_major_length", "axis_minor_length", "orientation", "intensity_mean", "intensity_std")
    ours = measure(labels, whole(labels), None, pixels=pixels)
    theirs = regionprops_table(labels, pixels.astype(np.float64), properties=names)
    # Theirs are of the pixel centres alone, without the extent of a pixel: 16/12 px² less in the square of an axis.
    np.testing.assert_allclose(ours.major_axis_px**2 - 16 / 12, theirs["axis_major_length"] ** 2, rtol=1e-9)
    np.testing.assert_allclose(ours.minor_axis_px**2 - 16 / 12, theirs["axis_minor_length"] ** 2, rtol=1e-6, atol=1e-9)
    # Theirs is the angle from the rows' axis, in (−90, 90].
    long = ours.eccentricity > 0.2
    difference = ours.orientation_deg - np.degrees(theirs["orientation"]) - 90
    np.testing.assert_allclose((difference[long] + 90) % 180 - 90, 0, atol=1e-6)
    np.testing.assert_allclose(ours.mean_intensity, theirs["intensity_mean"], rtol=1e-12)
    np.testing.assert_allclose(ours.sd_intensity, theirs["intensity_std"], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
def test_grey_values_are_those_of_the_particle_alone_whatever_the_type(kind: type) -> None:
    pixels: Pixels = np.full((6, 8), 250, dtype=kind)
    labels = np.zeros((6, 8), dtype=np.int32)
    labels[1:3, 1:3] = 4
    pixels[1:3, 1:3] = [[10, 20], [30, 40]]
    table = measure(labels, AnalysedField(0, 5, 1, 8), None, pixels=pixels)
    assert table.mean_intensity is not None
    assert table.sd_intensity is not None
    assert (table.mean_intensity[0], table.sd_intensity[0]) == pytest.approx((25, np.sqrt(125)))


def test_grey_values_of_many_pixels_are_those_of_all_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    labels = crowded_map()
    pixels = np.random.default_rng(1).integers(0, 65535, labels.shape).astype(np.uint16)
    at_once = measure(labels, whole(labels), None, pixels=pixels)
    monkeypatch.setattr("worker.analysis.measurement.grey_values.PIXELS_AT_ONCE", 1000)
    in_portions = measure(labels, whole(labels), None, pixels=pixels)
    for name in ("mean_intensity", "sd_intensity"):
        np.testing.assert_allclose(getattr(in_portions, name), getattr(at_once, name), rtol=1e-12)


def test_without_an_image_or_neighbours_there_are_no_such_numbers() -> None:
    alone = measured(np.pad(np.ones((3, 3), dtype=np.int32), 1), 2.0)
    names = ("mean_intensity", "sd_intensity", "nnd_px", "nnd_nm", "nn_gap_px", "nn_gap_nm")
    assert [getattr(alone, name) for name in names] == [None] * 6


def test_neighbours_are_as_far_as_their_centres_and_edges() -> None:
    labels = np.zeros((30, 60), dtype=np.int32)
    labels[10:15, 5:10], labels[10:15, 20:25], labels[10:15, 25:29] = 7, 2, 9
    table = measured(labels, 0.5)
    assert table.nnd_px is not None
    assert table.nnd_px.tolist() == [4.5, 15, 4.5]
    assert table.nn_gap_px is not None
    assert table.nn_gap_px.tolist() == [0, 10, 0], "ten pixels lie between 7 and 2, and 2 touches 9"
    assert table.nn_gap_nm is not None
    assert table.nn_gap_nm.tolist() == [0, 5, 0]


@pytest.mark.parametrize("n_rows", [240, 60])
def test_gaps_equal_those_that_looking_at_every_pair_of_pixels_finds(n_rows: int) -> None:
    labels = crowded_map()[:n_rows]
    labels[np.random.default_rng(2).permutation(labels.max() + 1)[labels] % 3 > 0] = 0  # so that few touch
    table = measured(labels)
    expected = []
    for number in table.label:
        others = np.argwhere((labels > 0) & (labels != number))
        distance, _ = KDTree(others).query(np.argwhere(labels == number))
        expected.append(max(distance.min() - 1, 0))
    np.testing.assert_allclose(table.nn_gap_px, expected, rtol=0.03, atol=1e-9)


def test_the_edge_weight_is_one_over_the_chance_to_lie_inside() -> None:
    labels = np.zeros((100, 200), dtype=np.int32)
    labels[10:30, 10:60] = 1
    labels[40:99, 5:195] = 2
    table = measure(labels, AnalysedField(0, 100, 0, 200), None)
    assert table.edge_weight.tolist() == pytest.approx([200 * 100 / (150 * 80), 5]), "the second is capped"
