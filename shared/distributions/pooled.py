"""Statistics of histograms on the common grid and of sums: what pooling many images gives without their particles."""

import numpy as np
from scipy import sparse

from shared.arrays import FloatArray
from shared.distributions.bootstrap import Groups, Intervals, intervals_of_groups
from shared.distributions.describe import Bins, Curve, Distribution, Look
from shared.distributions.log_grid import EDGES_NM, N_BINS, percentile
from shared.distributions.stored import BinRecords, Sums
from shared.distributions.summary import PERCENTS, POWERS, Moments, Summary, Weighting

# Bins of a pool where nobody says how many.
POOL_BINS = 60
# The size that stands for a bin, nm: it is at most 1.2 % from any in it.
MIDDLES_NM: FloatArray = np.sqrt(EDGES_NM[:-1] * EDGES_NM[1:])


def describe_pool(bins: BinRecords, sums: Sums, look: Look) -> Distribution:
    """Describe a pool as `describe.describe` does a sample; fits take particles, so that there are none.

    Within a bin of the common grid the weight is taken as evenly spread over ln d.
    """
    n_counted, by_number = int(bins.number.sum()), bins.histogram
    counts = np.bincount(bins.place, weights=bins.number, minlength=N_BINS).astype(np.float64)
    return Distribution(
        n_images=bins.n_images,
        n_counted=n_counted,
        summary=summarise_pooled(by_number, sums, n_counted, look.weighting),
        moments=pooled_moments(sums, n_counted),
        intervals=pooled_intervals(bins, look.weighting) if look.with_intervals else None,
        bins=_bins(counts, weighted_histogram(by_number, look.weighting), look),
        cumulative=_cumulative(weighted_histogram(by_number, look.weighting)),
        fits=(),
    )


def _bins(counts: FloatArray, weighted: FloatArray, look: Look) -> Bins:
    """Spread the bins of the common grid over equal ones between the smallest and the largest occupied size."""
    occupied = np.flatnonzero(counts)
    if not len(occupied):
        return Bins(np.empty(0), np.empty(0, dtype=np.int64), np.empty(0))
    low, high = EDGES_NM[occupied[0]], EDGES_NM[occupied[-1] + 1]
    n = look.n_bins or min(POOL_BINS, int(occupied[-1] - occupied[0]) + 1)
    edges = np.geomspace(low, high, n + 1) if look.is_log_axis else np.linspace(low, high, n + 1)
    edges[0], edges[-1] = low, high
    below, share_below = (
        np.interp(np.log(edges), np.log(EDGES_NM), np.concatenate([[0.0], np.cumsum(values)])) for values in (counts, weighted)
    )
    # Particles are whole: rounded before they are told apart, so that their sum stays.
    return Bins(edges, np.diff(np.rint(below)).astype(np.int64), np.diff(share_below) / weighted.sum())


def _cumulative(weighted: FloatArray) -> Curve:
    occupied = np.flatnonzero(weighted)
    if not len(occupied):
        return Curve(np.empty(0), np.empty(0))
    shown = slice(occupied[0], occupied[-1] + 2)
    shares = np.concatenate([[0.0], np.cumsum(weighted)]) / weighted.sum()
    return Curve(EDGES_NM[shown], shares[shown])


def weighted_histogram(by_number: FloatArray, weighting: Weighting) -> FloatArray:
    """Turn a histogram by number into one by area or volume, shape (700,), relative to the largest occupied size."""
    occupied = np.flatnonzero(by_number)
    if not len(occupied):
        return by_number
    return np.asarray(by_number * (MIDDLES_NM / MIDDLES_NM[occupied[-1]]) ** POWERS[weighting], dtype=np.float64)


def summarise_pooled(by_number: FloatArray, sums: Sums, n_counted: int, weighting: Weighting) -> Summary:
    """Describe a pooled distribution, nm: means and widths exact by the sums, percentiles to 1.2 % by the histogram.

    The standard deviation by area and volume needs sums of fifth powers, which are not stored, and the mode is a matter of the
    width of bins: both are None.
    """
    if n_counted == 0:
        return Summary(weighting, None, None, None, None, None, None, None, None)
    power = POWERS[weighting]
    powers = (sums.weight, *sums.powers)
    mean = powers[power + 1] / powers[power]
    sd = _sd(sums.weight, sums.powers[0], sums.powers[1], n_counted) if power == 0 else None
    histogram = weighted_histogram(by_number, weighting)
    d10, d50, d90 = (percentile(histogram, percent) for percent in PERCENTS)
    return Summary(
        weighting=weighting,
        mean=mean,
        sd=sd,
        cv=None if sd is None else sd / mean,
        d10=d10,
        d50=d50,
        d90=d90,
        span=None if d10 is None or d50 is None or d90 is None else (d90 - d10) / d50,
        mode=None,
    )


def pooled_moments(sums: Sums, n_counted: int) -> Moments:
    """Return moment means and log-normal measures, nm, exact by the sums."""
    if n_counted == 0:
        return Moments(None, None, None, None, None, None)
    w, (one, two, three, four) = sums.weight, sums.powers
    log_sd = _sd(w, sums.logarithms, sums.squared_logarithms, n_counted)
    mean, variance = one / w, max(two / w - (one / w) ** 2, 0.0)
    third = three / w - 3 * mean * two / w + 2 * mean**3
    return Moments(
        d10_mean=mean,
        d32=three / two,
        d43=four / three,
        geometric_mean=float(np.exp(sums.logarithms / w)),
        gsd=None if log_sd is None else float(np.exp(log_sd)),
        # Differences of sums keep half of the digits: below that, all sizes are equal.
        skewness=third / variance**1.5 if variance > 1e-10 * mean**2 else None,
    )


def pooled_intervals(bins: BinRecords, weighting: Weighting) -> Intervals | None:
    """Return confidence intervals of a pool, nm, with images as the unit, as `bootstrap.intervals` does."""
    total = np.bincount(bins.place, weights=bins.number, minlength=N_BINS)
    occupied = np.flatnonzero(total)
    mean_weight = bins.histogram[occupied] / total[occupied]
    counts = (bins.number.astype(np.float64), (bins.image, bins.place))
    numbers = sparse.coo_array(counts, shape=(bins.n_images, N_BINS)).tocsc()[:, occupied].tocsr()
    return intervals_of_groups(Groups(MIDDLES_NM[occupied], mean_weight, numbers), weighting)


def _sd(weight: float, first: float, second: float, n: int) -> float | None:
    """Standard deviation with n − 1, by sums; None for one value."""
    if n < 2:
        return None
    return float(np.sqrt(max(second / weight - (first / weight) ** 2, 0.0) * n / (n - 1)))
