"""Whether samples differ: medians, whole distributions, equivalence within limits, and one statistic over time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.stats import kstwobign

from shared.arrays import FloatArray, Mask
from shared.distributions.bootstrap import LEVEL, SEED, Interval, drawn_medians, expanded_tail
from shared.distributions.sample import Sample
from shared.distributions.summary import percentiles

# Two one-sided tests at 5 % are an interval of 90 %.
EQUIVALENCE_LEVEL = 0.90
# Mean moving range of two neighbours over the standard deviation of a normal variable.
D2 = 1.128
SIGMAS = 3.0
# Limits from fewer values say little.
SMALLEST_NUMBER = 8

Verdict = Literal["equivalent", "different", "undecided"]
COMPARISON_TERMS = {
    "difference": "Median of the other sample − median of the one, by number, with an interval of 95 %: both are resampled, "
    "images first.",
    "equivalent": f"The interval of {EQUIVALENCE_LEVEL * 100:g} % of the ratio of the medians lies within 1/(1 + limit) and "
    "1 + limit, for the relative difference that somebody says does not matter: two one-sided tests at 5 %.",
    "different": "That interval lies wholly outside of these limits.",
    "undecided": "That interval holds one of the limits: more images would tell.",
    "ks_distance": "Largest distance of the two cumulative curves, each particle with the weight of the counting rule.",
    "ks_p": "The chance of such a distance if both samples were of one distribution, particles taken for independent; of "
    "several pairs adjusted by Holm. Particles of one image resemble each other, so that a small one overstates.",
}


@dataclass(frozen=True, slots=True)
class Difference:
    """Medians of two samples, by number, in the unit of the sizes: other − one, with its interval of 95 %."""

    one: float
    other: float
    difference: float
    interval: Interval

    @property
    def is_certain(self) -> bool:
        """Whether the interval leaves 0 out."""
        return self.interval.low > 0 or self.interval.high < 0


@dataclass(frozen=True, slots=True)
class Equivalence:
    """Whether two medians are equal within a limit: verdict, ratio other/one and its interval of 90 %."""

    verdict: Verdict
    limit: float
    ratio: float
    interval: Interval


@dataclass(frozen=True, slots=True)
class KolmogorovSmirnov:
    """Largest distance of two cumulative curves, and the chance of one as large if both samples were of one distribution."""

    distance: float
    p: float


@dataclass(frozen=True, slots=True)
class ControlChart:
    """Centre and limits of a statistic over time, in its unit, and which values lie outside, shape (n,)."""

    centre: float
    low: float
    high: float
    is_outside: Mask


def compare_medians(one: Sample, other: Sample) -> Difference | None:
    """Compare two medians; None where a sample has fewer than two particles.

    The interval is that of the differences of medians of resampled samples, each resampled by itself as `bootstrap.intervals`
    does, as far expanded as the one with fewer units needs.
    """
    if min(len(one), len(other)) < 2:
        return None
    of_one, of_other = _median(one), _median(other)
    interval = _interval(_drawn(other) - _drawn(one, SEED + 1), one, other, LEVEL)
    return Difference(one=of_one, other=of_other, difference=of_other - of_one, interval=interval)


def equivalence(one: Sample, other: Sample, limit: float) -> Equivalence | None:
    """Tell whether two medians are equal within a limit; None where a sample has fewer than two particles; sizes above 0.

    Parameters
    ----------
    one, other : Sample
        In the same unit.
    limit : float
        Largest relative difference that does not matter, above 0: 0.05 calls ratios from 1/1.05 to 1.05 equal.

    Notes
    -----
    ``equivalent`` where the 90 % interval of the ratio lies within the limits: two one-sided tests at 5 % (D. J. Schuirmann,
    Journal of Pharmacokinetics and Biopharmaceutics 15 (1987) 657). ``different`` where it lies wholly outside of them.
    """
    if min(len(one), len(other)) < 2:
        return None
    interval = _interval(_drawn(other) / _drawn(one, SEED + 1), one, other, EQUIVALENCE_LEVEL)
    low, high = 1 / (1 + limit), 1 + limit
    verdict: Verdict = "undecided"
    if low <= interval.low and interval.high <= high:
        verdict = "equivalent"
    elif interval.high < low or interval.low > high:
        verdict = "different"
    return Equivalence(verdict, limit, _median(other) / _median(one), interval)


def kolmogorov_smirnov(one: Sample, other: Sample) -> KolmogorovSmirnov | None:
    """Compare two distributions by the test of Kolmogorov and Smirnov; None where a sample is empty.

    The distance is that of the weighted cumulative step curves. p is that of the limiting distribution for the effective
    numbers n = (Σw)²/Σw² of both, at √(n₁n₂/(n₁ + n₂))·D (N. V. Smirnov, 1948). It takes particles for independent; those of
    one image resemble each other, so that a small p overstates: the interval of the difference of medians does not.
    """
    if not len(one) or not len(other):
        return None
    places = np.union1d(one.sizes, other.sizes)
    distance = float(np.abs(_steps(one, places) - _steps(other, places)).max())
    n_one, n_other = (float(sample.weights.sum() ** 2 / (sample.weights**2).sum()) for sample in (one, other))
    return KolmogorovSmirnov(distance, float(kstwobign.sf(np.sqrt(n_one * n_other / (n_one + n_other)) * distance)))


def holm(p: Sequence[float]) -> list[float]:
    """Adjust the p values of several tests, in their order, so that the chance of any false alarm keeps its level.

    The i-th smallest of m becomes max over j ≤ i of min(1, (m − j + 1)·p_j) (S. Holm, Scandinavian Journal of Statistics 6
    (1979) 65).
    """
    order = np.argsort(p, kind="stable")
    factors = len(order) - np.arange(len(order))
    adjusted = np.empty(len(order))
    adjusted[order] = np.minimum(np.maximum.accumulate(np.asarray(p, dtype=np.float64)[order] * factors), 1.0)
    return [float(value) for value in adjusted]


def control_chart(values: FloatArray) -> ControlChart | None:
    """Return the chart of individual values in the order of time, shape (n,); None for fewer than eight.

    Centre is the mean, the limits lie 3·R̄/1.128 from it, R̄ the mean difference of neighbours (W. A. Shewhart; D. C. Montgomery,
    Introduction to Statistical Quality Control): a slow drift widens them less than it would by the standard deviation.
    """
    if len(values) < SMALLEST_NUMBER:
        return None
    centre = float(values.mean())
    reach = SIGMAS * float(np.abs(np.diff(values)).mean()) / D2
    low, high = centre - reach, centre + reach
    return ControlChart(centre, low, high, (values < low) | (values > high))


def _median(sample: Sample) -> float:
    return float(percentiles(sample.sizes, sample.weights, (50.0,))[0])


def _drawn(sample: Sample, seed: int = SEED) -> FloatArray:
    return drawn_medians(sample, seed=seed)


def _interval(drawn: FloatArray, one: Sample, other: Sample, level: float) -> Interval:
    tail = min(expanded_tail(sample.n_images, len(sample), level) for sample in (one, other))
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return Interval(float(low), float(high))


def _steps(sample: Sample, places: FloatArray) -> FloatArray:
    """Share of the weight that is not larger than each place."""
    below = np.concatenate([[0.0], np.cumsum(sample.weights)])
    return np.asarray(below[np.searchsorted(sample.sizes, places, side="right")] / below[-1], dtype=np.float64)
