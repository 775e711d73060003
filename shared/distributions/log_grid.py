"""Histograms on one grid for all analyses: the distribution of any number of images is the sum of theirs."""

import numpy as np

from shared.arrays import FloatArray, IntArray

BINS_PER_DECADE = 100
# Decades of the grid, nm.
FIRST_DECADE, LAST_DECADE = -1, 6
N_BINS = (LAST_DECADE - FIRST_DECADE) * BINS_PER_DECADE
GRID_DEFINITION = (
    f"Each analysis keeps a histogram of its equivalent circular diameters, {BINS_PER_DECADE} bins to a decade from "
    f"{10.0**FIRST_DECADE:g} nm to {10.0 ** (LAST_DECADE - 6):g} mm, under each counting rule. The distribution of any "
    "selection is their sum, with percentiles within 1.2 % of the exact ones; made from particles it is exact."
)
# Bin k holds sizes from 10^(FIRST_DECADE + k/100) nm on, below that of the next; the last edge belongs to the last bin.
EDGES_NM: FloatArray = 10.0 ** (FIRST_DECADE + np.arange(N_BINS + 1) / BINS_PER_DECADE)


def bins_of(sizes_nm: FloatArray) -> IntArray:
    """Return the bin of each size, shape (n,); sizes beyond the grid belong to its first or last bin."""
    return np.clip(np.searchsorted(EDGES_NM, sizes_nm, side="right") - 1, 0, N_BINS - 1).astype(np.int64)


def histogram(sizes_nm: FloatArray, weights: FloatArray) -> FloatArray:
    """Sum the weights of each bin, shape (700,)."""
    return np.bincount(bins_of(sizes_nm), weights=weights, minlength=N_BINS).astype(np.float64)


def percentile(sums: FloatArray, percent: float) -> float | None:
    """Return the size below which a share of the weight lies; None for an empty histogram.

    Within its bin the weight is taken as evenly spread over ln d. A bin is 2.3 % wide; the answer is 1.2 % from the exact one
    where that lies in the same bin.
    """
    total = np.concatenate([[0.0], np.cumsum(sums)])
    if total[-1] <= 0:
        return None
    logarithm = np.interp(percent / 100 * total[-1], total, np.log(EDGES_NM))
    return float(np.exp(logarithm))
