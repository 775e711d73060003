"""A distribution as it is shown: statistics, bins, cumulative curve and fitted curves, for the portal, the API and reports."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.integrate import cumulative_trapezoid

from shared.arrays import FloatArray, IntArray
from shared.distributions.bootstrap import Intervals, intervals
from shared.distributions.fits import Family, Fit, NoFit, density, fit
from shared.distributions.sample import Sample
from shared.distributions.summary import POWERS, ROUNDING, Moments, Summary, Weighting, moments, summarise, weights_of

# Points of curves, and sizes that a cumulative curve is drawn through.
N_CURVE = 200
MOST_POINTS = 500
MOST_BINS = 500
# A fitted curve is added up from so many times below the smallest size to so many times above the largest, in so many steps.
BEYOND_CURVE = 100.0
N_INTEGRATED = 4000


@dataclass(frozen=True, slots=True)
class Look:
    """How a distribution is looked at.

    Attributes
    ----------
    weighting
        By number, area or volume; the last two of sizes above 0 only.
    n_bins : int or None
        Equal bins, 1 to 500; None takes as many as suit the data.
    is_log_axis : bool
        Bins of equal ratio instead of equal width; of sizes above 0 only.
    families
        Curves that are fitted.
    with_intervals : bool
        Whether confidence intervals are made.
    truncated_at : float
        Smallest size that is fitted, in the unit of the sizes.
    """

    weighting: Weighting = "number"
    n_bins: int | None = None
    is_log_axis: bool = False
    families: tuple[Family, ...] = ()
    with_intervals: bool = False
    truncated_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Bins:
    """Particles between edges: bin i holds sizes in [edges[i], edges[i + 1]), the last edge included.

    ``counts`` are particles, each once; ``shares`` are of the whole in the chosen weighting with the weights of the counting
    rule, and sum to 1.
    """

    edges: FloatArray
    counts: IntArray
    shares: FloatArray


@dataclass(frozen=True, slots=True)
class Curve:
    """Points of a curve: shares over sizes, both of shape (points,)."""

    sizes: FloatArray
    shares: FloatArray


@dataclass(frozen=True, slots=True)
class FittedCurve:
    """A fit with its curves: the share that a bin of the same width at each place would hold, and the share that lies below."""

    fit: Fit
    curve: Curve
    cumulative: Curve


@dataclass(frozen=True, slots=True)
class Distribution:
    """What is shown of a sample; ``moments`` are None for quantities that are not above 0 throughout."""

    n_images: int
    n_counted: int
    summary: Summary
    moments: Moments | None
    intervals: Intervals | None
    bins: Bins
    cumulative: Curve
    fits: tuple[FittedCurve | NoFit, ...]


def describe(sample: Sample, look: Look) -> Distribution:
    """Describe a sample.

    Raises
    ------
    ValueError
        If a size is not above 0 where weighting, logarithmic axis, fits or intervals need it.
    """
    is_positive = not len(sample) or bool(sample.sizes[0] > 0)
    needs_positive = look.weighting != "number" or look.is_log_axis or look.families or look.with_intervals
    if needs_positive and not is_positive:
        raise ValueError(f"a size is {sample.sizes[0]:g}, and what was asked for is defined above 0 only")
    bins = bins_of(sample, look)
    return Distribution(
        n_images=sample.n_images,
        n_counted=len(sample),
        summary=summarise(sample, look.weighting),
        moments=moments(sample) if is_positive else None,
        intervals=intervals(sample, look.weighting) if look.with_intervals else None,
        bins=bins,
        cumulative=cumulative(sample, look.weighting),
        fits=tuple(_fitted(sample, family, bins, look) for family in look.families),
    )


def bins_of(sample: Sample, look: Look) -> Bins:
    """Count a sample in bins; without a number of them, as many as Freedman and Diaconis (1981) or Sturges (1926) would make.

    Whichever of the two gives more, for the particles counted once, on the axis that is shown; at most 500.
    """
    if not len(sample):
        return Bins(np.empty(0), np.empty(0, dtype=np.int64), np.empty(0))
    low, high = float(sample.sizes[0]), float(sample.sizes[-1])
    if high - low <= ROUNDING * max(abs(low), abs(high)):
        # Values that differ by rounding only are one value: bins between them would have no width.
        margin = max(0.5, 1e-6 * abs(low)) if not look.is_log_axis else 0.1 * low
        edges = np.linspace(low - margin, low + margin, (look.n_bins or 1) + 1)
    else:
        along = np.log(sample.sizes) if look.is_log_axis else sample.sizes
        edges = np.histogram_bin_edges(along, look.n_bins or "auto")
        if len(edges) > MOST_BINS + 1:
            edges = np.histogram_bin_edges(along, MOST_BINS)
        if look.is_log_axis:
            edges = np.exp(edges)
        edges[0], edges[-1] = low, high
    weights = weights_of(sample, look.weighting)
    counts, _ = np.histogram(sample.sizes, bins=edges)
    sums, _ = np.histogram(sample.sizes, bins=edges, weights=weights)
    return Bins(edges, counts.astype(np.int64), sums / weights.sum())


def cumulative(sample: Sample, weighting: Weighting) -> Curve:
    """Return the cumulative curve, see `summary.percentiles`; of many sizes the first, the last and up to 500 between them.

    Half of them are evenly chosen by number and half by share: few large particles may hold most of the volume.
    """
    if not len(sample):
        return Curve(np.empty(0), np.empty(0))
    weights = weights_of(sample, weighting)
    total = np.cumsum(weights)
    shares = (total - weights / 2) / total[-1]
    if len(sample) <= MOST_POINTS:
        return Curve(sample.sizes, shares)
    by_number = np.linspace(0, len(sample) - 1, MOST_POINTS // 2).astype(np.int64)
    by_share = np.searchsorted(shares, np.linspace(0, shares[-1], MOST_POINTS // 2))
    shown = np.union1d(by_number, by_share)
    return Curve(sample.sizes[shown], shares[shown])


def _fitted(sample: Sample, family: Family, bins: Bins, look: Look) -> FittedCurve | NoFit:
    found = fit(sample, family, look.truncated_at)
    if isinstance(found, NoFit):
        return found
    edges, is_log = bins.edges, look.is_log_axis
    sizes = np.geomspace(edges[0], edges[-1], N_CURVE) if is_log else np.linspace(edges[0], edges[-1], N_CURVE)
    # Of the particles that were fitted, by number; its share of the whole in this weighting is that of the bins.
    power = POWERS[look.weighting]
    total = _mean_power(sample, power, look.truncated_at)
    width = sizes * np.log(edges[1] / edges[0]) if is_log else np.full(N_CURVE, edges[1] - edges[0])
    weighted = np.asarray(density(found, sizes) * sizes**power * width / total, dtype=np.float64)
    return FittedCurve(found, Curve(sizes, weighted), _cumulative_fit(sample, found, sizes, look.weighting))


def _cumulative_fit(sample: Sample, found: Fit, sizes: FloatArray, weighting: Weighting) -> Curve:
    """Add a fitted curve up, from what lies below the truncation on; shown where it was fitted."""
    weights = weights_of(sample, weighting)
    below = weights[: len(sample) - found.n].sum() / weights.sum()
    beginning = max(found.truncated_at, sizes[0] / BEYOND_CURVE)
    shown = sizes[sizes >= beginning]
    # Narrow curves are not 0 near the sizes only.
    spread = sizes[-1] - sizes[0]
    among_sizes = np.linspace(max(beginning, sizes[0] - spread), sizes[-1] + spread, N_INTEGRATED)
    fine = np.union1d(np.geomspace(beginning, sizes[-1] * BEYOND_CURVE, N_INTEGRATED), among_sizes)
    added = cumulative_trapezoid(density(found, fine) * fine ** POWERS[weighting], fine, initial=0)
    return Curve(shown, below + (1 - below) * np.interp(shown, fine, added / added[-1]))


def _mean_power(sample: Sample, power: int, truncated_at: float) -> float:
    """Σwdᵏ of the whole sample over the Σw of what was fitted: makes a density by number one of the whole in a weighting."""
    kept: Sequence[float] | FloatArray = sample.at_least(truncated_at).weights
    return float(sample.weights @ sample.sizes**power) / float(np.sum(kept))
