"""Distances between particles: of centroids, and of edges."""

import cv2
import numpy as np
from scipy.spatial import KDTree

from shared.arrays import FloatArray, Labels
from worker.analysis.label_map import Runs, pixels_of


def nearest_centroids(centroid_y: FloatArray, centroid_x: FloatArray) -> FloatArray:
    """Distance from each centroid to the nearest other one, px, shape (n,); for n ≥ 2."""
    points = np.column_stack([centroid_y, centroid_x])
    distance: FloatArray = np.asarray(KDTree(points).query(points, k=2)[0])
    return distance[:, 1]


def nearest_edges(labels: Labels, runs: Runs) -> FloatArray:
    """Gap between each particle and the nearest other one.

    The point halfway between two nearest neighbours is equally far from both, so neighbours meet where the regions of the
    pixels nearest to each particle touch. For each pair of touching pixels of two regions the distance of the two particle
    pixels that they belong to is looked at; the smallest of a particle is its gap. The regions are OpenCV's by a 5 × 5 mask,
    so that the pixels may be a few percent further apart than the nearest ones.

    Parameters
    ----------
    labels : ndarray of int32, shape (rows, columns)
        At least two particles.
    runs : Runs
        Of the map.

    Returns
    -------
    ndarray of float64, shape (n,)
        Distance of the nearest pixel centres of the two less 1 px; 0 where pixels of the two lie side by side.
    """
    _, regions = cv2.distanceTransformWithLabels(
        (labels == 0).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    region, width = regions.ravel(), labels.shape[1]
    # Each pixel of a particle has a region of its own; back from there to the pixel, and to its particle.
    length = runs.stop - runs.start
    occupied = pixels_of(runs.row * width + runs.start, length)
    region_of_occupied = region[occupied]
    pixel_of_region = np.zeros(len(occupied) + 1, dtype=np.int64)
    pixel_of_region[region_of_occupied] = occupied
    particle_of_region = np.zeros(len(occupied) + 1, dtype=np.int32)
    particle_of_region[region_of_occupied] = np.repeat(runs.particle.astype(np.int32), length)
    nearest = particle_of_region[region]
    gaps = np.full(len(runs.numbers), np.inf)
    beside, below = (np.flatnonzero(nearest[:-step] != nearest[step:]) for step in (1, width))
    beside = beside[(beside + 1) % width != 0]  # the end of a row does not meet the beginning of the next
    for meeting, step in ((beside, 1), (below, width)):
        (one_y, one_x), (other_y, other_x) = (np.divmod(pixel_of_region[region[at]], width) for at in (meeting, meeting + step))
        gap = np.hypot(one_y - other_y, one_x - other_x) - 1
        for particle in (nearest[meeting], nearest[meeting + step]):
            np.minimum.at(gaps, particle, gap)
    return np.asarray(np.maximum(gaps, 0), dtype=np.float64)
