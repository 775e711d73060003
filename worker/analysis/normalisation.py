"""Grey values of any bit depth on one scale: what every segmenter is given.

Sixteen bits stay sixteen bits until here, so that a faint micrograph in a deep file loses nothing.
"""

import numpy as np

from shared.domain import FloatImage, Pixels

# Hot pixels, dead pixels and burnt-in text must not set the scale; 0.1 % on each side is ImageDataExtractor's and ImageJ's
# order of magnitude for "enhance contrast" (0.35 % in all), and is less than one small particle in a full frame.
LOW_PERCENTILE = 0.1
HIGH_PERCENTILE = 99.9


def to_unit_range(pixels: Pixels) -> FloatImage:
    """Scale grey values linearly so that the robust minimum becomes 0 and the robust maximum 1.

    Parameters
    ----------
    pixels : ndarray of uint8, uint16 or float32, shape (rows, columns)
        Grey values as the file holds them. Values that are not finite (dead pixels of float formats) become 0.

    Returns
    -------
    ndarray of float32, shape (rows, columns)
        Grey values in 0..1, those beyond the percentiles clipped; all 0 for a constant image.
    """
    values = pixels.astype(np.float64)
    finite = np.isfinite(values)
    if not finite.any():
        return np.zeros(pixels.shape, dtype=np.float32)
    low, high = _robust_range(values[finite])
    if high == low:
        return np.zeros(pixels.shape, dtype=np.float32)
    # Halves keep the difference of two extreme float32 values finite, and are exact in binary.
    scaled = (np.where(finite, values, low) / 2 - low / 2) / (high / 2 - low / 2)
    return np.clip(scaled, 0.0, 1.0).astype(np.float32)


def _robust_range(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> tuple[float, float]:
    low, high = np.percentile(values, (LOW_PERCENTILE, HIGH_PERCENTILE))
    if low == high:
        # A handful of pixels on a constant ground: they are the picture.
        return float(values.min()), float(values.max())
    return float(low), float(high)
