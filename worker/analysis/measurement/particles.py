"""Sizes, shapes, grey values and neighbours of all particles of a label map, by one vectorised pass over the map.

Conventions: a pixel is a unit square around its centre, a point is the centre of a pixel, and no boundary is ever smoothed.
scikit-image gives the same areas, centroids, ellipses and perimeters and is the oracle of the tests.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.arrays import Labels
from shared.geometry import AnalysedField, Box
from shared.nanometres import calibrate
from shared.quantities import ParticleTable
from worker.analysis.label_map import particle_runs
from worker.analysis.measurement.calipers import calipers
from worker.analysis.measurement.edges import edge_weights, touches_any, touches_border
from worker.analysis.measurement.grey_values import grey_values
from worker.analysis.measurement.moments import by_particle, ellipses
from worker.analysis.measurement.neighbours import nearest_centroids, nearest_edges
from worker.analysis.measurement.perimeters import crofton_perimeters


def measure(
    labels: Labels,
    field: AnalysedField,
    nm_per_px: float | None,
    annotations: Sequence[Box] = (),
    pixels: NDArray[Any] | None = None,
) -> ParticleTable:
    """Measure every particle of a label map.

    Parameters
    ----------
    labels : ndarray of int32, shape (rows, columns)
        Background 0. The numbers need not be consecutive. Has the size of the whole image; nothing outside `field` is measured.
    field : AnalysedField
        The rectangle of the image that shows specimen.
    nm_per_px : float or None
        Pixel size, nm. With None the ``_nm`` and ``_nm2`` columns are None.
    annotations : sequence of Box
        Parts of the field that are no specimen: what lies next to them may be cut by them, as by the edge of the field.
    pixels : ndarray, shape (rows, columns), optional
        The image as its file holds it. With None the grey values are None.

    Returns
    -------
    ParticleTable
        One row for each number in the field, in ascending order of the numbers; no rows for an empty map. Distances to
        neighbours are None where there are fewer than two particles.

    Notes
    -----
    - area A: number of pixels; ecd = √(4A/π).
    - perimeter P: Crofton formula over four directions, see `crofton_perimeters`. The rim of a hole counts.
    - feret_max, feret_min, feret_mean, extent: see `measure_hulls`.
    - major_axis, minor_axis, orientation, eccentricity: see `ellipses`.
    - aspect_ratio = feret_min / feret_max; elongation = 1 − aspect_ratio; circularity = 4πA/P², not clipped;
      roundness = 4A/(π·feret_max²).
    - convexity = π·feret_mean / P: by Cauchy's formula π·feret_mean is the perimeter of the convex hull.
    - solidity = A / number of pixel centres inside or on the convex hull of the particle's pixel centres. It is 1 for every
      shape drawn from a convex outline, at any angle and position, and never above 1. (A hull of pixel corners gives 0.94 for
      a disc of 8 px radius; scikit-image counts the pixels within a hull of edge midpoints, a few percent more.)
    - mean_intensity, sd_intensity: see `grey_values`. nnd, nn_gap: see `nearest_centroids`, `nearest_edges`.
    - edge_weight: see `edge_weights`.

    Examples
    --------
    >>> table = measure(np.array([[0, 7, 7], [0, 7, 7]], dtype=np.int32), AnalysedField(0, 2, 0, 3), nm_per_px=2.0)
    >>> table.label.tolist(), table.area_px.tolist(), table.area_nm2.tolist(), table.touches_border.tolist()
    ([7], [4], [16.0], [True])
    """
    inside = labels[field.slices]
    runs = particle_runs(inside)
    area = by_particle(runs, runs.stop - runs.start)
    perimeter = crofton_perimeters(runs)
    hulls, ellipse = calipers(runs), ellipses(runs)
    mean_intensity, sd_intensity = (None, None) if pixels is None else grey_values(runs, pixels[field.slices])
    has_neighbours = len(runs.numbers) > 1
    aspect_ratio = hulls.feret_min / hulls.feret_max
    particles = ParticleTable(
        label=runs.numbers,
        centroid_y_px=ellipse.centroid_y + field.top,
        centroid_x_px=ellipse.centroid_x + field.left,
        area_px=area.astype(np.int64),
        ecd_px=np.sqrt(4 * area / np.pi),
        perimeter_px=perimeter,
        feret_max_px=hulls.feret_max,
        feret_min_px=hulls.feret_min,
        feret_mean_px=hulls.feret_mean,
        major_axis_px=ellipse.major_axis,
        minor_axis_px=ellipse.minor_axis,
        orientation_deg=ellipse.orientation_deg,
        aspect_ratio=aspect_ratio,
        elongation=1 - aspect_ratio,
        circularity=4 * np.pi * area / perimeter**2,
        roundness=4 * area / (np.pi * hulls.feret_max**2),
        solidity=area / hulls.hull_pixels,
        convexity=np.pi * hulls.feret_mean / perimeter,
        extent=area / hulls.rectangle,
        eccentricity=ellipse.eccentricity,
        mean_intensity=mean_intensity,
        sd_intensity=sd_intensity,
        nnd_px=nearest_centroids(ellipse.centroid_y, ellipse.centroid_x) if has_neighbours else None,
        nn_gap_px=nearest_edges(inside, runs) if has_neighbours else None,
        touches_border=touches_border(runs, inside.shape) | touches_any(labels, runs.numbers, annotations),
        edge_weight=edge_weights(runs, field),
    )
    return particles if nm_per_px is None else calibrate(particles, nm_per_px)
