"""Random fields that grounds and surfaces are made of: smooth noise of any length scale, and cells."""

import cv2
import numpy as np

from shared.arrays import FloatImage

Random = np.random.Generator

# Noise is made so coarse that its correlation length is about this many of its own pixels, then enlarged: blurring over long
# windows is slow.
COARSE_SCALE_PX = 8.0


def smooth_noise(random: Random, shape: tuple[int, ...], scale_px: float) -> FloatImage:
    """Draw Gaussian noise correlated over a length, with mean about 0 and standard deviation about 1.

    Parameters
    ----------
    random : Generator
        The only source of chance.
    shape : tuple of int
        Rows and columns, px.
    scale_px : float
        Standard deviation of the Gaussian that smooths it, px.

    Returns
    -------
    ndarray of float32, shape (rows, columns)
    """
    shrink = max(1.0, scale_px / COARSE_SCALE_PX)
    rows, columns = (int(np.ceil(length / shrink)) + 2 for length in shape[:2])
    sigma = scale_px / shrink
    # Blurring white noise with a Gaussian divides its standard deviation by 2·√π·σ.
    white = random.standard_normal((rows, columns), dtype=np.float32) * np.float32(2 * np.sqrt(np.pi) * sigma)
    noise = cv2.GaussianBlur(white, (0, 0), sigma)
    if shrink > 1:
        size = (round(columns * shrink), round(rows * shrink))
        noise = cv2.resize(noise, size, interpolation=cv2.INTER_CUBIC)
    return np.ascontiguousarray(noise[: shape[0], : shape[1]], dtype=np.float32)


def wall_distance(random: Random, shape: tuple[int, ...], cell_px: float) -> FloatImage:
    """Divide the plane into irregular cells and give the distance of each pixel from the wall of its cell.

    Parameters
    ----------
    random : Generator
        The only source of chance.
    shape : tuple of int
        Rows and columns, px.
    cell_px : float
        Distance of neighbouring cells, px.

    Returns
    -------
    ndarray of float32, shape (rows, columns)
        px; 0 on the walls.
    """
    rows, columns = shape[:2]
    away = np.ones((rows, columns), dtype=np.uint8)
    # One seed in each square of a lattice keeps the cells of about one size.
    steps = np.mgrid[0 : rows + cell_px : cell_px, 0 : columns + cell_px : cell_px].reshape(2, -1)
    seeds = (steps + random.uniform(-0.45, 0.45, steps.shape) * cell_px).astype(int)
    inside = (seeds[0] >= 0) & (seeds[0] < rows) & (seeds[1] >= 0) & (seeds[1] < columns)
    away[seeds[0, inside], seeds[1, inside]] = 0
    away[0, 0] = 0  # a plane without any seed is one cell
    _, nearest = cv2.distanceTransformWithLabels(away, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    interior = np.ones((rows, columns), dtype=np.uint8)
    interior[1:][nearest[1:] != nearest[:-1]] = 0
    interior[:, 1:][nearest[:, 1:] != nearest[:, :-1]] = 0
    return cv2.distanceTransform(interior, cv2.DIST_L2, 5).astype(np.float32, copy=False)
