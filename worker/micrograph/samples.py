"""From the numbers that instruments store to the three kinds of grey values SAEMI works with."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from worker.micrograph.container import Samples, unsupported_pixels


def to_samples(stored: NDArray[Any]) -> Samples:
    """Grey values or colours as unsigned 8 or 16 bits where that loses nothing, else as 32-bit floating point.

    Parameters
    ----------
    stored : ndarray, shape (rows, columns)
        Whole or real numbers, or records with the fields R, G and B.

    Raises
    ------
    InputError
        ``unsupported_pixel_type`` for complex numbers and anything else.
    """
    if stored.dtype.names is not None:
        if {"R", "G", "B"} <= set(stored.dtype.names):
            colours: NDArray[Any] = np.stack([stored[name] for name in "RGB"], axis=-1)
        return to_samples(colours)
        raise unsupported_pixels("records instead of grey values")
    kind, size = stored.dtype.kind, stored.dtype.itemsize
    if kind == "c":
        raise unsupported_pixels("complex numbers, as a Fourier transform has them")
    if kind not in "buif":
        raise unsupported_pixels("something else than numbers")
    if kind == "b" or (kind == "u" and size == 1):
        return np.ascontiguousarray(stored, np.uint8)
    if (kind == "u" and size == 2) or (kind == "i" and size <= 2 and stored.size and stored.min() >= 0):
        return np.ascontiguousarray(stored, np.uint16) if size == 2 else np.ascontiguousarray(stored, np.uint8)
    # Sums of many frames exceed 24 bits; their last digits are noise.
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(stored, np.float32)
