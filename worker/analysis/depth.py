"""How deep inside its particle a pixel lies: what the network learns to say, and what its answer is checked against."""

import cv2
import numpy as np

from shared.arrays import FloatImage, Labels, Mask


def normalised_distance(labels: Labels) -> FloatImage:
    """Distance of each pixel from the outline of its particle, divided by the largest such distance in the particle.

    One Euclidean distance transform serves all particles, because a pixel beside another particle counts as outline. The edge
    of the picture does not: a particle that it cuts goes on.

    Parameters
    ----------
    labels : ndarray of int32, shape (rows, columns)
        0 is background.

    Returns
    -------
    ndarray of float32, shape (rows, columns)
        In 0..1, and 1 somewhere in every particle.
    """
    if not labels.any():
        return np.zeros(labels.shape, dtype=np.float32)
    inside = ((labels > 0) & ~_outline_between(labels)).astype(np.uint8)
    if inside.all():
        return np.ones(labels.shape, dtype=np.float32)
    # Half a pixel, for the pixels along a contact are particle too; it also keeps particles of one pixel above 0.
    distance_px = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) + np.float32(0.5)
    deepest = np.append(np.float32(1), largest_inside(distance_px, labels))
    deepest[deepest <= 0] = 1
    return np.where(labels > 0, distance_px / deepest[labels], 0).astype(np.float32)


def largest_inside(values: FloatImage, labels: Labels) -> FloatImage:
    """Largest value inside each of the particles 1..n, shape (n,); 0 for a number that no pixel has."""
    # scipy.ndimage.maximum sorts all pixels for this and takes 18 times as long.
    largest = np.zeros(int(labels.max(initial=0)) + 1, dtype=np.float32)
    np.maximum.at(largest, labels.ravel(), values.ravel())
    return largest[1:]


def _outline_between(labels: Labels) -> Mask:
    """Pixels of particles beside a pixel of another particle, in the four directions."""
    found = np.zeros(labels.shape, dtype=np.bool_)
    down = (labels[1:] != labels[:-1]) & (labels[1:] > 0) & (labels[:-1] > 0)
    across = (labels[:, 1:] != labels[:, :-1]) & (labels[:, 1:] > 0) & (labels[:, :-1] > 0)
    found[1:] |= down
    found[:-1] |= down
    found[:, 1:] |= across
    found[:, :-1] |= across
    return found
