"""Grey values inside the particles."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.arrays import FloatArray, IntArray
from worker.analysis.label_map import Runs, pixels_of

# Pixels that are looked at together: about 100 MB of intermediate arrays, whatever the size of the image.
PIXELS_AT_ONCE = 2_000_000


def grey_values(runs: Runs, pixels: NDArray[Any]) -> tuple[FloatArray, FloatArray]:
    """Return mean and standard deviation of the grey values of each particle.

    Parameters
    ----------
    runs : Runs
        Of a label map of the same size.
    pixels : ndarray, shape (rows, columns)
        Grey values as the image has them.

    Returns
    -------
    mean, sd : ndarray of float64, shape (n,)
        In the unit of the pixels; sd = √(Σ(g − mean)²/N) over all N pixels of the particle, which are no sample of it.

    Notes
    -----
    Sums are those of the differences from one pixel of the particle, so that a small contrast on a bright ground keeps its
    digits (T. F. Chan, G. H. Golub and R. J. LeVeque, Algorithms for computing the sample variance, The American Statistician
    37 (1983) 242).
    """
    n_particles, width = len(runs.numbers), pixels.shape[1]
    flat = pixels.ravel()
    begins, length = runs.row * width + runs.start, runs.stop - runs.start
    reference = np.zeros(n_particles)
    reference[runs.particle] = flat[begins]
    sums, squares = np.zeros(n_particles), np.zeros(n_particles)
    for some in _portions(length):
        particle, run_length = runs.particle[some], length[some]
        difference = flat[pixels_of(begins[some], run_length)] - np.repeat(reference[particle], run_length)
        first = np.cumsum(run_length) - run_length
        sums += np.bincount(particle, weights=np.add.reduceat(difference, first), minlength=n_particles)
        squares += np.bincount(particle, weights=np.add.reduceat(difference * difference, first), minlength=n_particles)
    n_pixels = np.bincount(runs.particle, weights=length, minlength=n_particles)
    mean = sums / n_pixels
    return mean + reference, np.sqrt(np.maximum(squares / n_pixels - mean * mean, 0))


def _portions(length: IntArray) -> list[slice]:
    """Part runs of these lengths into portions of about equally many pixels."""
    ends = np.cumsum(length)
    n_portions = -(-int(length.sum()) // PIXELS_AT_ONCE)
    edges = np.searchsorted(ends, np.arange(1, n_portions) * PIXELS_AT_ONCE).tolist()
    return [slice(first, last) for first, last in zip([0, *edges], [*edges, len(length)], strict=True)]
