"""Grey values of any bit depth on one scale: what every segmenter is given.

Sixteen bits stay sixteen bits until here, so that a faint micrograph in a deep file loses nothing.
"""

import numpy as np

from shared.arrays import FloatArray, FloatImage, Pixels

# Hot pixels, dead pixels and burnt-in text must not set the scale; 0.1 % on each side is ImageDataExtractor's and ImageJ's
# order of magnitude for "enhance contrast" (0.35 % in all), and is less than one small particle in a full frame.
LOW_PERCENTILE = 0.1
HIGH_PERCENTILE = 99.9
# Percentiles of larger pictures are taken from evenly spaced rows: so many pixels place them as well as all.
MAX_SAMPLE_PX = 16_000_000
# Intermediate values in double precision are never held for more rows than these.
BAND_ROWS = 256


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
    low, high = _robust_range(pixels)
    if high == low:
        return np.zeros(pixels.shape, dtype=np.float32)
    if pixels.dtype.kind == "u":
        # Each of the 256 or 65,536 values is scaled once, and the image only looks them up.
        values = np.arange(2 ** (8 * pixels.dtype.itemsize), dtype=np.float64)
        return np.asarray(_scaled(values, low, high)[pixels])
    result = np.empty(pixels.shape, dtype=np.float32)
    for top in range(0, len(pixels), BAND_ROWS):
        result[top : top + BAND_ROWS] = _scaled(pixels[top : top + BAND_ROWS].astype(np.float64), low, high)
    return result


def _robust_range(pixels: Pixels) -> tuple[float, float]:
    """The two percentiles, or the extremes where a handful of pixels on a constant ground are the picture; 0 without values."""
    stride = max(1, -(-pixels.size // MAX_SAMPLE_PX))
    sample = pixels[::stride]
    finite = sample[np.isfinite(sample)]
    if finite.size == 0:
        return 0.0, 0.0
    low, high = np.percentile(finite.astype(np.float64), (LOW_PERCENTILE, HIGH_PERCENTILE))
    if low == high:
        return float(finite.min()), float(finite.max())
    return float(low), float(high)


def _scaled(values: FloatArray, low: float, high: float) -> FloatImage:
    """Grey values from low to high as 0..1, others clipped; those that are not finite become 0. Changes its argument."""
    values[~np.isfinite(values)] = low
    # Halves keep the difference of two extreme float32 values finite, and are exact in binary.
    return np.clip((values / 2 - low / 2) / (high / 2 - low / 2), 0.0, 1.0).astype(np.float32)
