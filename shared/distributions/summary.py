"""Means, percentiles and widths of a distribution, weighted by number, area or volume."""

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np

from shared.arrays import FloatArray
from shared.distributions.sample import Sample
from shared.quantities import Meaning, quantities_of

Weighting = Literal["number", "area", "volume"]
# A particle of diameter d counts as d to this power.
POWERS: dict[Weighting, int] = {"number": 0, "area": 2, "volume": 3}
PERCENTS = (10.0, 50.0, 90.0)
# Places at which the density is looked at for its highest one.
MODE_GRID = 2048
# Sizes that differ by no more than this, relatively, are equal.
ROUNDING = 1e-9
# The unit of a statistic that has that of the sizes d.
OF_D = "that of d"
_W = "w = 1 by number, d² by area, d³ by volume, times the weight of the counting rule"


WEIGHTINGS: dict[Weighting, str] = {
    "number": "Each particle counts as one, times the weight of the counting rule.",
    "area": "Each particle counts as the square of its diameter: what share of the particles' surface lies below a size.",
    "volume": "Each particle counts as the cube of its diameter: what share of the particles' volume, or mass, lies below a "
    "size. Few large particles decide.",
}


@dataclass(frozen=True, slots=True)
class Summary:
    """Statistics of one weighting; None where a statistic is not defined. w = weight of the counting rule × dᵏ.

    Percentiles see `percentiles`, ``mode`` see `mode`.
    """

    weighting: Weighting
    mean: Annotated[float | None, Meaning(OF_D, f"Mean Σwd / Σw, {_W}.")]
    sd: Annotated[float | None, Meaning(OF_D, f"Standard deviation √(Σw(d − mean)²/Σw · n/(n − 1)), {_W}.")]
    cv: Annotated[float | None, Meaning("", "Coefficient of variation SD / mean.")]
    d10: Annotated[float | None, Meaning(OF_D, f"Size below which 10 % of the total Σw lies, {_W}.")]
    d50: Annotated[float | None, Meaning(OF_D, f"Median: size below which half of the total Σw lies, {_W}.")]
    d90: Annotated[float | None, Meaning(OF_D, f"Size below which 90 % of the total Σw lies, {_W}.")]
    span: Annotated[float | None, Meaning("", "Width of the distribution (D90 − D10) / D50.")]
    mode: Annotated[float | None, Meaning(OF_D, "Size where the density is highest, smoothed by Gaussian kernels (Silverman).")]


@dataclass(frozen=True, slots=True)
class Moments:
    """Moment means and the log-normal measures of the number distribution; None where one is not defined.

    All sums are over particles with their weights of the counting rule.
    """

    d10_mean: Annotated[float | None, Meaning(OF_D, "D[1,0] = Σd / n, the mean by number.")]
    d32: Annotated[float | None, Meaning(OF_D, "D[3,2] = Σd³ / Σd², the mean by surface (Sauter diameter).")]
    d43: Annotated[float | None, Meaning(OF_D, "D[4,3] = Σd⁴ / Σd³, the mean by volume.")]
    geometric_mean: Annotated[float | None, Meaning(OF_D, "Geometric mean exp(mean of ln d), by number.")]
    gsd: Annotated[float | None, Meaning("", "Geometric standard deviation exp(SD of ln d), by number; 1 for equal sizes.")]
    skewness: Annotated[
        float | None,
        Meaning("", "Skewness Σ(d − mean)³/n / (Σ(d − mean)²/n)^(3/2), by number; above 0 with a tail of large sizes."),
    ]


SUMMARY_QUANTITIES = quantities_of(Summary)
MOMENT_QUANTITIES = quantities_of(Moments)


def summarise(sample: Sample, weighting: Weighting) -> Summary:
    """Describe a distribution in one weighting.

    Sizes are above 0; by number any other quantity can be described, and ``cv`` and ``span`` are None where the mean or the
    median is not above 0.
    """
    if not len(sample):
        return Summary(weighting, None, None, None, None, None, None, None, None)
    weights = weights_of(sample, weighting)
    mean = float(np.average(sample.sizes, weights=weights))
    sd = _sd(sample.sizes, weights)
    d10, d50, d90 = percentiles(sample.sizes, weights, PERCENTS).tolist()
    return Summary(
        weighting=weighting,
        mean=mean,
        sd=sd,
        cv=None if sd is None or mean <= 0 else sd / mean,
        d10=d10,
        d50=d50,
        d90=d90,
        span=(d90 - d10) / d50 if d50 > 0 else None,
        mode=mode(sample.sizes, weights),
    )


def moments(sample: Sample) -> Moments:
    """Return moment means and log-normal measures; sizes above 0."""
    if not len(sample):
        return Moments(None, None, None, None, None, None)
    sizes, weights = sample.sizes, sample.weights
    # Relative to the mean, so that the fourth power of nothing overflows or vanishes.
    mean = float(np.average(sizes, weights=weights))
    relative = sizes / mean
    second, third, fourth = (float(np.average(relative**power, weights=weights)) for power in (2, 3, 4))
    logarithms = np.log(sizes)
    log_sd = _sd(logarithms, weights)
    variance = float(np.average((relative - 1) ** 2, weights=weights))
    # Of equal sizes rounding leaves a variance.
    is_spread = sizes[-1] - sizes[0] > ROUNDING * sizes[-1]
    return Moments(
        d10_mean=mean,
        d32=mean * third / second,
        d43=mean * fourth / third,
        geometric_mean=float(np.exp(np.average(logarithms, weights=weights))),
        gsd=None if log_sd is None else float(np.exp(log_sd)),
        skewness=float(np.average((relative - 1) ** 3, weights=weights)) / variance**1.5 if is_spread else None,
    )


def weights_of(sample: Sample, weighting: Weighting) -> FloatArray:
    """Return how much each particle counts, shape (n,), relative to the largest one."""
    if weighting == "number":
        return sample.weights
    return np.asarray(sample.weights * (sample.sizes / sample.sizes[-1]) ** POWERS[weighting], dtype=np.float64)


def percentiles(sizes: FloatArray, weights: FloatArray, percents: tuple[float, ...]) -> FloatArray:
    """Return the sizes below which given shares of the weight lie.

    Parameters
    ----------
    sizes : ndarray of float64, shape (n,)
        Ascending, n ≥ 1.
    weights : ndarray of float64, shape (n,)
        Above 0.
    percents
        0 to 100.

    Returns
    -------
    ndarray of float64
        One size for each percent.

    Notes
    -----
    The cumulative curve goes in straight lines through the points (d_i, (W_i − w_i/2)/W), W_i the sum of the weights up to and
    including d_i: half of a particle's own weight lies below its size. Beyond the first and last point it stays at the smallest
    and largest size. For equal weights type 5 (Hazen) of R. J. Hyndman and Y. Fan, Sample quantiles in statistical packages,
    The American Statistician 50 (1996) 361.
    """
    total = np.cumsum(weights)
    return np.asarray(np.interp(np.asarray(percents) / 100, (total - weights / 2) / total[-1], sizes), dtype=np.float64)


def mode(sizes: FloatArray, weights: FloatArray) -> float | None:
    """Return the size where the density is highest, by Gaussian kernels; None where all sizes are equal.

    The bandwidth is Silverman's, 0.9·min(SD, IQR/1.34)·n_e^{−1/5} (B. W. Silverman, Density Estimation, 1986, p. 48), with
    Kish's effective number n_e = (Σw)²/Σw² for n. The density is looked at in 2048 places between the smallest and the largest.
    """
    low, high = float(sizes[0]), float(sizes[-1])
    quarter, three_quarters = percentiles(sizes, weights, (25.0, 75.0))
    spread = float(np.sqrt(np.average((sizes - np.average(sizes, weights=weights)) ** 2, weights=weights)))
    scale = min(spread, float(three_quarters - quarter) / 1.34) or spread
    if high - low <= ROUNDING * max(abs(low), abs(high)):
        return None
    n_effective = weights.sum() ** 2 / (weights**2).sum()
    bandwidth = 0.9 * scale * n_effective**-0.2
    step = (high - low) / (MODE_GRID - 1)
    density, _ = np.histogram(sizes, bins=MODE_GRID, range=(low - step / 2, high + step / 2), weights=weights)
    reach = int(np.ceil(4 * bandwidth / step))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) * step / bandwidth) ** 2)
    smooth = np.convolve(density, kernel)[reach : reach + MODE_GRID]
    return low + step * int(smooth.argmax())


def _sd(values: FloatArray, weights: FloatArray) -> float | None:
    """Standard deviation with n − 1 for equal weights; None for one value."""
    n = len(values)
    if n < 2:
        return None
    mean = np.average(values, weights=weights)
    return float(np.sqrt(np.average((values - mean) ** 2, weights=weights) * n / (n - 1)))
