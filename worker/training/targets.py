"""What the network is asked to say of a label map: foreground, distance from the outline, and where particles touch."""

from dataclasses import dataclass

import cv2
import numpy as np

from shared.arrays import FloatImage, Labels, Mask
from worker.analysis.depth import normalised_distance

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
