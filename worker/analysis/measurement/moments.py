"""Ellipses with the same second moments as the particles."""

from dataclasses import dataclass

import numpy as np

from shared.arrays import FloatArray, IntArray
from worker.analysis.label_map import Runs

# Second moment of a pixel, a unit square, about its own centre.
PIXEL_MOMENT = 1 / 12
# Axes whose squares differ by no more than this, relatively, are equal.
ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Ellipses:
    """Centroids and equal-moment ellipses, one array of shape (n,) for each.

    Attributes
    ----------
    centroid_y, centroid_x : ndarray of float64
        In the coordinates of the map, px.
    major_axis, minor_axis : ndarray of float64
        Whole axes, px.
    orientation_deg : ndarray of float64
        From the x axis to the major axis, counter-clockwise as seen on the screen, in (−90, 90]; 0 where both axes are equal.
    eccentricity : ndarray of float64
        √(1 − (minor/major)²), 0 for a circle.
    """

    centroid_y: FloatArray
    centroid_x: FloatArray
    major_axis: FloatArray
    minor_axis: FloatArray
    orientation_deg: FloatArray
    eccentricity: FloatArray


def ellipses(runs: Runs) -> Ellipses:
    """Return the ellipses of all particles.

    With the variances s_xx, s_yy and the covariance s_xy of the particle's area (pixel centres, plus 1/12 for the extent of a
    pixel), the axes are 4·√λ, λ the eigenvalues of [[s_xx, s_xy], [s_xy, s_yy]]; an ellipse of these axes has the same second
    moments. The square of scikit-image's axes is 16/12 px² smaller, because it takes pixels for points.
    """
    n_pixels = by_particle(runs, runs.stop - runs.start)
    # About a pixel of each particle, so that the squares stay small whole numbers and no digits are lost.
    origin_y, origin_x = _first_of_each(runs, runs.row), _first_of_each(runs, runs.start)
    row = runs.row - origin_y[runs.particle]
    first, last, length = runs.start - origin_x[runs.particle], runs.stop - 1 - origin_x[runs.particle], runs.stop - runs.start
    twice_x = (first + last) * length  # twice the sum of the columns of a run
    sum_y, sum_x = by_particle(runs, row * length), by_particle(runs, twice_x) / 2
    sum_yy, sum_xy = by_particle(runs, row * row * length), by_particle(runs, row * twice_x) / 2
    sum_xx = by_particle(runs, _sum_of_squares(last) - _sum_of_squares(first - 1))

    mean_y, mean_x = sum_y / n_pixels, sum_x / n_pixels
    variance_y, variance_x = sum_yy / n_pixels - mean_y**2 + PIXEL_MOMENT, sum_xx / n_pixels - mean_x**2 + PIXEL_MOMENT
    # The y axis of an image points down, that of an angle up.
    covariance = -(sum_xy / n_pixels - mean_x * mean_y)
    spread = np.hypot((variance_x - variance_y) / 2, covariance)
    middle = (variance_x + variance_y) / 2
    smaller = np.maximum(middle - spread, PIXEL_MOMENT)  # by rounding only: no pixel is thinner than itself
    is_round = spread <= ROUNDING * middle
    angle = np.where(is_round, 0.0, np.degrees(np.arctan2(2 * covariance, variance_x - variance_y)) / 2)
    return Ellipses(
        centroid_y=mean_y + origin_y,
        centroid_x=mean_x + origin_x,
        major_axis=4 * np.sqrt(middle + spread),
        minor_axis=4 * np.sqrt(smaller),
        orientation_deg=np.where(angle <= -90, 90.0, angle) + 0.0,  # no −0
        eccentricity=np.sqrt(1 - smaller / (middle + spread)),
    )


def by_particle(runs: Runs, values: IntArray | FloatArray) -> FloatArray:
    """Sum over the runs of each particle, shape (n,); exact for whole numbers, since doubles hold them up to 2⁵³."""
    return np.asarray(np.bincount(runs.particle, weights=values, minlength=len(runs.numbers)), dtype=np.float64)


def _first_of_each(runs: Runs, values: IntArray) -> IntArray:
    """Value of the first run of each particle, shape (n,)."""
    return values[np.unique(runs.particle, return_index=True)[1]]


def _sum_of_squares(last: IntArray) -> IntArray:
    """Sum of the squares of 0 to ``last``; the difference of two of them is the sum between, also below 0."""
    return last * (last + 1) * (2 * last + 1) // 6
