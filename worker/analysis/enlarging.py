"""From the scale at which the network saw a picture back to the picture's own, with outlines as fine as the maps give them."""

import cv2
import numpy as np

from shared.arrays import FloatImage, Labels, Mask


def enlarged_foreground(foreground: FloatImage, shape: tuple[int, ...]) -> FloatImage:
    """Bring the foreground from the network's scale to that of the picture.

    Parameters
    ----------
    foreground : ndarray of float32, shape (rows, columns)
        Probability of being particle.
    shape : tuple of int
        Rows and columns wanted.

    Returns
    -------
    ndarray of float32
        Of the wanted shape.
    """
    if foreground.shape == shape:
        return foreground
    method = cv2.INTER_AREA if foreground.shape[0] > shape[0] else cv2.INTER_LINEAR
    return cv2.resize(foreground, shape[::-1], interpolation=method).astype(np.float32, copy=False)


def enlarged(labels: Labels, foreground: Mask) -> Labels:
    """Bring labels from the network's scale to that of the picture, with outlines as fine as the foreground gives them.

    Parameters
    ----------
    labels : ndarray of int32, shape (rows, columns)
        At the network's scale.
    foreground : ndarray of bool
        What is particle, at the scale of the picture.

    Returns
    -------
    ndarray of int32
        Of the shape of the foreground.
    """
    if labels.shape == foreground.shape:
        return labels
    size = foreground.shape[::-1]
    numbers = labels.astype(np.float32)
    # One pixel more around each particle, so that the fine outline may lie outside the coarse one.
    grown = np.where(labels > 0, numbers, cv2.dilate(numbers, np.ones((3, 3), np.uint8)))
    fine = cv2.resize(grown, size, interpolation=cv2.INTER_NEAREST_EXACT)
    # Holes were filled at the network's scale: away from the outlines, the labels decide.
    core = cv2.erode((labels > 0).astype(np.uint8), np.ones((3, 3), np.uint8))
    is_core = cv2.resize(core, size, interpolation=cv2.INTER_NEAREST_EXACT) > 0
    return np.where(foreground | is_core, fine, 0).astype(np.int32)
