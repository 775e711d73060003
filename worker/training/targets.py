"""What the network is asked to say of a label map: foreground, distance from the outline, and where particles touch."""

from dataclasses import dataclass

import cv2
import numpy as np
from scipy import ndimage

from shared.domain import FloatImage, Labels, Mask

# Pixels that have two particles within this window touch; at the resolution of the network's maps, half that of the image,
# a narrower line could fall between the pixels.
CONTACT_WINDOW_PX = 5


@dataclass(frozen=True, slots=True)
class Targets:
    """Targets of one picture, each of shape (rows, columns).

    Attributes
    ----------
    foreground : ndarray of bool
        True on particles.
    distance : ndarray of float32
        Distance from the particle's outline over its largest value in that particle, 0..1; 0 in the background.
    contact : ndarray of bool
        True where two particles touch.
    """

    foreground: Mask
    distance: FloatImage
    contact: Mask


def targets(labels: Labels) -> Targets:
    """Compute the targets of a label map.

    Parameters
    ----------
    labels : ndarray of int32, shape (rows, columns)
        0 is background.

    Returns
    -------
    Targets
    """
    return Targets(labels > 0, normalised_distance(labels), contacts(labels))


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
    numbers = np.arange(1, int(labels.max()) + 1)
    deepest = np.concatenate([[1.0], np.asarray(ndimage.maximum(distance_px, labels, numbers))])
    deepest[deepest <= 0] = 1.0
    return np.where(labels > 0, distance_px / deepest.astype(np.float32)[labels], 0).astype(np.float32)


def contacts(labels: Labels) -> Mask:
    """Pixels with two different particles in the window around them.

    Parameters
    ----------
    labels : ndarray of int32, shape (rows, columns)
        0 is background.

    Returns
    -------
    ndarray of bool, shape (rows, columns)
    """
    window = np.ones((CONTACT_WINDOW_PX, CONTACT_WINDOW_PX), np.uint8)
    # float32 is exact up to 2^24 particles.
    numbers = labels.astype(np.float32)
    highest = cv2.dilate(numbers, window)
    beyond = np.float32(labels.max() + 1)
    lowest = beyond - cv2.dilate(np.where(labels > 0, beyond - numbers, np.float32(0)), window)
    return np.asarray((highest > 0) & (highest != lowest))


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
