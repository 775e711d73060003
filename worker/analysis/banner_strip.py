"""The rows at one edge of an image that could hold a banner, in 8 bits, and what each row is made of."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.arrays import Pixels

# Thin Hitachi TEM banners have 14 rows.
MIN_BANNER_ROWS = 12
# ZEISS shows the image again in the last rows below the banner and in the last columns beside it.
MAX_ROWS_BELOW = 3

# Pixels looked at for black and white of deep images.
RANGE_SAMPLES = 250_000

# Grey levels of 255: JPEG and resizing move the ground so far next to glyphs.
NEAR_TOLERANCE = 12
# Frame and rule lines run from edge to edge.
LINE_SHARE = 0.95
# Rows at the end of the strip whose most frequent grey value is tried: a rule or a frame may fill the last ones.
GROUND_ROWS = (MIN_BANNER_ROWS, 4 * MIN_BANNER_ROWS)
# JPEG and resizing spread the ground over a few grey levels around its own.
SPREAD = (1, 2, 3, 4, 3, 2, 1)


@dataclass(frozen=True, slots=True)
class Strip:
    """Grey values of the rows, the ground value that is tried, and how far every pixel is from it.

    ``grey`` and ``distance`` have shape (rows, columns). Of every row: ``exact`` and ``near``, the shares of pixels on the
    ground value within ``tolerance`` and NEAR_TOLERANCE; ``median``, the middle grey value; ``is_line``, whether it has one
    value from edge to edge.
    """

    grey: NDArray[np.uint8]
    ground: int
    tolerance: int
    distance: NDArray[np.uint8]
    exact: NDArray[np.float64]
    near: NDArray[np.float64]
    median: NDArray[np.float64]
    is_line: NDArray[np.bool_]


def grey_range(pixels: Pixels) -> tuple[float, float]:
    """Black and white of the picture: hot pixels do not count, and text is never the rarest 0.1 % where there is a banner."""
    if pixels.dtype == np.uint8:
        return 0.0, 255.0
    step = max(round((pixels.size / RANGE_SAMPLES) ** 0.5), 1)
    sample = pixels[::step, ::step].astype(np.float64)
    sample = sample[np.isfinite(sample)]
    if sample.size == 0:
        return 0.0, 0.0
    low, high = np.percentile(sample, (0.1, 99.9))
    return float(low), float(high)


def to_8_bit(rows: Pixels, low: float, high: float) -> NDArray[np.uint8]:
    """Spread the grey values from black to white over 0..255."""
    if rows.dtype == np.uint8:
        return rows.astype(np.uint8, copy=False)
    if high <= low:
        return np.zeros(rows.shape, dtype=np.uint8)
    values = np.nan_to_num(rows.astype(np.float64), nan=low, posinf=high, neginf=low)
    return np.rint((np.clip(values, low, high) - low) / (high - low) * 255).astype(np.uint8)


def ground_values(grey: NDArray[np.uint8]) -> list[int]:
    """Grey values that could be the ground of a banner at the end of the rows, those that differ."""
    values: list[int] = []
    for rows in GROUND_ROWS:
        counts = np.bincount(grey[-rows - MAX_ROWS_BELOW : -MAX_ROWS_BELOW].ravel(), minlength=256)
        value = int(np.convolve(counts, SPREAD, mode="same").argmax())
        if all(abs(value - other) > NEAR_TOLERANCE for other in values):
            values.append(value)
    return values


def describe(grey: NDArray[np.uint8], ground: int, tolerance: int) -> Strip:
    """Compare every pixel with the ground value, and every row with itself."""
    signed = grey.astype(np.int16)
    distance = np.abs(signed - ground).astype(np.uint8)
    median = np.median(grey, axis=1)
    in_line = np.abs(signed - median[:, None]) <= NEAR_TOLERANCE
    return Strip(
        grey=grey,
        ground=ground,
        tolerance=tolerance,
        distance=distance,
        exact=(distance <= tolerance).mean(axis=1),
        near=(distance <= NEAR_TOLERANCE).mean(axis=1),
        median=median,
        is_line=in_line.mean(axis=1) >= LINE_SHARE,
    )
