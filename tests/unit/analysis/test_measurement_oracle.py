"""The measurements against scikit-image, where its definition is the same or is known to differ little."""

import numpy as np
import pytest
from skimage.measure import perimeter_crofton, regionprops_table
from skimage.morphology import convex_hull_image

from shared.arrays import Labels
from shared.geometry import AnalysedField
from shared.quantities import ParticleTable
from worker.analysis.measurement.particles import measure


def measured(labels: Labels) -> ParticleTable:
    return measure(labels, AnalysedField(0, labels.shape[0], 0, labels.shape[1]), None)


def crowded_map() -> Labels:
    """Many touching and overlapping discs and rectangles, numbers with gaps, some cut by the edge."""
    random = np.random.default_rng(3)
    labels = np.zeros((240, 320), dtype=np.int32)
    y, x = np.mgrid[:240, :320]
    for number in random.permutation(np.arange(1, 400, 3)):
        centre_y, centre_x, angle = random.uniform(0, 240), random.uniform(0, 320), random.uniform(0, np.pi)
        a, b = random.uniform(2, 18, 2)
        along = (x - centre_x) * np.cos(angle) + (y - centre_y) * np.sin(angle)
        across = (y - centre_y) * np.cos(angle) - (x - centre_x) * np.sin(angle)
        labels[(along / a) ** 2 + (across / b) ** 2 <= 1] = number
    return labels


def test_areas_centroids_and_diameters_equal_those_of_scikit_image() -> None:
    labels = crowded_map()
    ours, theirs = (
        measured(labels),
        regionprops_table(labels, properties=("label", "area", "centroid", "equivalent_diameter_area")),
    )
    assert np.array_equal(ours.label, theirs["label"])
    assert np.array_equal(ours.area_px, theirs["area"])
    np.testing.assert_allclose(ours.centroid_y_px, theirs["centroid-0"], rtol=1e-12)
    np.testing.assert_allclose(ours.centroid_x_px, theirs["centroid-1"], rtol=1e-12)
    np.testing.assert_allclose(ours.ecd_px, theirs["equivalent_diameter_area"], rtol=1e-12)


def test_perimeters_equal_those_of_scikit_image_for_each_particle_alone() -> None:
    labels = crowded_map()
    table = measured(labels)
    alone = [perimeter_crofton(np.pad(labels == number, 1), directions=4) for number in table.label]
    np.testing.assert_allclose(table.perimeter_px, alone, rtol=1e-12)


def test_the_pixels_of_the_hull_equal_those_of_scikit_image_with_the_hull_of_centres() -> None:
    labels = crowded_map()
    table = measured(labels)
    for i, number in enumerate(table.label):
        y, x = np.nonzero(labels == number)
        if np.ptp(y) == 0 or np.ptp(x) == 0 or len(y) < 4:
            continue  # scikit-image refuses a hull without area
        hull = convex_hull_image(labels == number, offset_coordinates=False)
        assert table.solidity[i] == pytest.approx(table.area_px[i] / hull.sum())


def test_solidity_differs_little_from_the_default_of_scikit_image() -> None:
    labels = crowded_map()
    ours, theirs = measured(labels), regionprops_table(labels, properties=("solidity", "area"))
    large = theirs["area"] >= 200
    # Its hull goes through edge midpoints and so takes in more pixels, never fewer: up to half a pixel along the outline, which
    # for a slender remnant of 200 px area, 100 px around, is a tenth of the hull.
    assert (ours.solidity >= theirs["solidity"] - 1e-12).all()
    np.testing.assert_allclose(ours.solidity[large], theirs["solidity"][large], rtol=0.12)
