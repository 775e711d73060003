"""Makes square pixels of those that are not, so that one pixel size holds along rows and columns.

The columns stay as they are; the rows are averaged over the width of a pixel, as if they had been recorded so.
"""

import numpy as np
from numpy.typing import NDArray

from shared.arrays import Pixels
from shared.errors import InputError
from worker.micrograph.pixel_size import MAX_ASPECT

BLOCK_PIXELS = 1 << 20
MIN_ROWS = 2


def to_square_pixels(pixels: Pixels, aspect: float) -> Pixels:
    """Resample the rows of an image whose pixels are ``aspect`` times as high as wide.

    Each new row is the mean of the old picture over its height, which keeps areas and mean grey values; what is left of a row
    at the lower edge is cut off.

    Parameters
    ----------
    pixels : ndarray of uint8, uint16 or float32, shape (rows, columns)
    aspect : float
        Height of a pixel by its width.

    Returns
    -------
    ndarray, shape (floor(rows × aspect), columns)
        In the type of the input.

    Raises
    ------
    InputError
        ``non_square_pixels`` where too little would be left, or most of it invented.
    """
    rows = pixels.shape[0]
    is_usable = 1 / MAX_ASPECT <= aspect <= MAX_ASPECT
    new_rows = int(rows * aspect + 1e-6) if is_usable else 0
    if new_rows < MIN_ROWS:
        raise InputError(
            f"The pixels are {aspect:.4g} times as high as wide, too unequal to be measured. "
            "Record the image with equal steps along rows and columns.",
            code="non_square_pixels",
            aspect=aspect,
        )
    edges = np.minimum(np.arange(new_rows + 1) / aspect, rows)
    squared: Pixels = np.empty((new_rows, pixels.shape[1]), pixels.dtype)
    step = max(1, BLOCK_PIXELS // max(rows, new_rows))
    for left in range(0, pixels.shape[1], step):
        columns = slice(left, left + step)
        mean = _integral(pixels[:, columns], edges) * aspect
        squared[:, columns] = mean if pixels.dtype == np.float32 else np.rint(mean)
    return squared


def _integral(pixels: Pixels, edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """The picture summed between edges that may fall within a row, shape (edges - 1, columns)."""
    sums = np.zeros((pixels.shape[0] + 1, pixels.shape[1]))
    np.cumsum(pixels, axis=0, dtype=np.float64, out=sums[1:])
    whole = np.minimum(edges.astype(np.int64), pixels.shape[0] - 1)
    at_edges = sums[whole] + (edges - whole)[:, None] * pixels[whole]
    summed: NDArray[np.float64] = np.diff(at_edges, axis=0)
    return summed
