"""Curves through a number distribution: log-normal, normal and Weibull, by maximum likelihood over the reliable sizes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_ndtr

from shared.arrays import FloatArray
from shared.distributions.sample import Sample
from shared.distributions.summary import OF_D
from shared.quantities import Meaning, quantities_of

Family = Literal["lognormal", "normal", "weibull"]
FAMILIES: tuple[Family, ...] = ("lognormal", "normal", "weibull")
# Below it a fit says more about chance than about the sample.
SMALLEST_NUMBER = 20
MOST_SINGLE_SIZES = 10_000
HALF_LOG_TWO_PI = 0.5 * np.log(2 * np.pi)


CURVES: dict[Family, str] = {
    "lognormal": "ln d is normally distributed. Location: the median; shape: the GSD.",
    "normal": "d is normally distributed. Location: the mean; shape: the standard deviation, in the unit of the sizes.",
    "weibull": "F(d) = 1 − exp(−(d/λ)ᵏ), in particle technology Rosin–Rammler. Location: the scale λ; shape: the exponent k.",
}


@dataclass(frozen=True, slots=True)
class Fit:
    """A fitted curve and how well it holds."""

    family: Family
    location: Annotated[float, Meaning(OF_D, "First parameter of the curve, see its family.")]
    shape: Annotated[float, Meaning("see the family", "Second parameter of the curve, see its family.")]
    truncated_at: Annotated[
        float,
        Meaning(
            OF_D,
            "Only sizes from here on were fitted, by the density over 1 − F(truncated_at): the smallest reliable diameter. 0 "
            "where all were.",
        ),
    ]
    n: Annotated[int, Meaning("", f"Particles that were fitted; below {SMALLEST_NUMBER} nothing is fitted.")]
    ks_distance: Annotated[
        float,
        Meaning(
            "",
            "Largest distance between the cumulative curves of particles and fit (Kolmogorov–Smirnov). No p-value belongs to "
            "it, because the curve was fitted to the same particles.",
        ),
    ]
    aic: Annotated[
        float,
        Meaning("", "4 − 2·ln L (Akaike, 1974); of several fits of the same particles the one with the lowest loses least."),
    ]


FIT_QUANTITIES = quantities_of(Fit)


@dataclass(frozen=True, slots=True)
class NoFit:
    """Why there is no curve."""

    family: Family
    reason: str


def fit(sample: Sample, family: Family, truncated_at: float = 0.0) -> Fit | NoFit:
    """Fit a curve to the sizes from ``truncated_at`` on, by weighted maximum likelihood.

    The log-likelihood is Σw·[ln f(d) − ln(1 − F(t))], the weights scaled to the sum n (A. C. Cohen, Truncated and Censored
    Samples, Dekker 1991). The families are fitted to sizes relative to their mean, with the logarithms of scale and shape as
    unknowns, by the simplex method from the moments of the sample.
    """
    kept = sample.at_least(truncated_at)
    if len(kept) < SMALLEST_NUMBER:
        plural = "" if len(kept) == 1 else "s"
        reason = f"{len(kept)} particle{plural} from the smallest reliable size on: a fit takes {SMALLEST_NUMBER}."
        return NoFit(family, reason)
    if kept.sizes[0] == kept.sizes[-1]:
        return NoFit(family, "All sizes are equal.")
    unit = float(np.average(kept.sizes, weights=kept.weights))
    sizes, weights, cut = kept.sizes / unit, kept.weights * (len(kept) / kept.weights.sum()), truncated_at / unit
    log_likelihood, start = _LIKELIHOODS[family](sizes, weights)
    log_survival = _LOG_SURVIVAL[family]

    def loss(unknown: FloatArray) -> float:
        survival = float(log_survival(np.array([cut]), unknown)[0]) if cut > 0 else 0.0
        value = log_likelihood(unknown) - len(kept) * survival
        return -value if np.isfinite(value) else np.inf

    found = minimize(loss, start, method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-7 * len(kept), "maxiter": 2000})
    if not found.success or not np.isfinite(found.fun):
        return NoFit(family, "No curve of this kind comes near to the sizes.")
    location, shape = _PARAMETERS[family](found.x, unit)
    # In the unit of the sizes the density is smaller by the unit.
    aic = float(4 + 2 * (found.fun + len(kept) * np.log(unit)))
    above = np.exp(log_survival(sizes, found.x) - (log_survival(np.array([cut]), found.x) if cut > 0 else 0.0))
    return Fit(family, location, shape, truncated_at, len(kept), _ks_distance(1 - above, weights), aic)


def density(curve: Fit, sizes: FloatArray) -> FloatArray:
    """Return the density of the truncated curve per unit of size, shape of ``sizes``; 0 below the truncation."""
    unknown = _unknowns(curve)
    log_f = _LOG_DENSITY[curve.family](np.maximum(sizes, np.finfo(float).tiny), unknown)
    cut = _LOG_SURVIVAL[curve.family](np.array([curve.truncated_at]), unknown)[0] if curve.truncated_at > 0 else 0.0
    return np.where(sizes >= max(curve.truncated_at, np.finfo(float).tiny), np.exp(log_f - cut), 0.0)


def _lognormal_likelihood(sizes: FloatArray, weights: FloatArray) -> tuple[Callable[[FloatArray], float], FloatArray]:
    logarithms = np.log(sizes)
    n, first, second = weights.sum(), float(weights @ logarithms), float(weights @ logarithms**2)
    mean, sd = first / n, max(np.sqrt(max(second / n - (first / n) ** 2, 0)), 1e-6)

    def value(unknown: FloatArray) -> float:
        mu, sigma = unknown[0], np.exp(unknown[1])
        squares = second - 2 * mu * first + n * mu**2
        return float(-n * (unknown[1] + HALF_LOG_TWO_PI) - first - squares / (2 * sigma**2))

    return value, np.array([mean, np.log(sd)])


def _normal_likelihood(sizes: FloatArray, weights: FloatArray) -> tuple[Callable[[FloatArray], float], FloatArray]:
    n, first, second = weights.sum(), float(weights @ sizes), float(weights @ sizes**2)
    sd = max(np.sqrt(max(second / n - (first / n) ** 2, 0)), 1e-6)

    def value(unknown: FloatArray) -> float:
        mean, sigma = unknown[0], np.exp(unknown[1])
        squares = second - 2 * mean * first + n * mean**2
        return float(-n * (unknown[1] + HALF_LOG_TWO_PI) - squares / (2 * sigma**2))

    return value, np.array([first / n, np.log(sd)])


def _weibull_likelihood(sizes: FloatArray, weights: FloatArray) -> tuple[Callable[[FloatArray], float], FloatArray]:
    logarithms, weights = _thinned(np.log(sizes), weights)
    n, first = weights.sum(), float(weights @ logarithms)
    sd_of_logarithms = max(np.sqrt(max(float(weights @ logarithms**2) / n - (first / n) ** 2, 0)), 1e-6)

    def value(unknown: FloatArray) -> float:
        shape = np.exp(unknown[1])
        if shape > 1e4:
            return -np.inf
        return float(
            n * (unknown[1] - shape * unknown[0]) + (shape - 1) * first - weights @ np.exp(shape * (logarithms - unknown[0]))
        )

    # The logarithm of a Weibull variable has the SD π/(√6·k).
    shape = np.pi / (np.sqrt(6) * sd_of_logarithms)
    return value, np.array([first / n + 0.5772 / shape, np.log(shape)])


def _thinned(logarithms: FloatArray, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Put sizes that differ by no more than the whole range over 10,000 together: powers of a million sizes take seconds."""
    if len(logarithms) <= MOST_SINGLE_SIZES:
        return logarithms, weights
    sums, edges = np.histogram(logarithms, bins=MOST_SINGLE_SIZES, weights=weights)
    return (edges[:-1] + edges[1:]) / 2, sums


def _ks_distance(fitted: FloatArray, weights: FloatArray) -> float:
    """Largest distance of the fitted curve at the ordered sizes from the steps of the weighted cumulative curve."""
    after = np.cumsum(weights) / weights.sum()
    before = np.concatenate([[0.0], after[:-1]])
    return float(np.maximum(np.abs(after - fitted), np.abs(fitted - before)).max())


def _unknowns(curve: Fit) -> FloatArray:
    """Return location and shape as the formulas take them, in the unit of the sizes."""
    location = curve.location if curve.family == "normal" else np.log(curve.location)
    shape = np.log(curve.shape) if curve.family == "lognormal" else curve.shape
    return np.array([location, np.log(shape)])


_LIKELIHOODS = {"lognormal": _lognormal_likelihood, "normal": _normal_likelihood, "weibull": _weibull_likelihood}
_LOG_SURVIVAL: dict[Family, Callable[[FloatArray, FloatArray], FloatArray]] = {
    "lognormal": lambda sizes, unknown: log_ndtr(-(np.log(sizes) - unknown[0]) / np.exp(unknown[1])),
    "normal": lambda sizes, unknown: log_ndtr(-(sizes - unknown[0]) / np.exp(unknown[1])),
    "weibull": lambda sizes, unknown: -np.exp(np.exp(unknown[1]) * (np.log(sizes) - unknown[0])),
}
_LOG_DENSITY: dict[Family, Callable[[FloatArray, FloatArray], FloatArray]] = {
    "lognormal": lambda sizes, unknown: (
        -0.5 * ((np.log(sizes) - unknown[0]) / np.exp(unknown[1])) ** 2 - unknown[1] - HALF_LOG_TWO_PI - np.log(sizes)
    ),
    "normal": lambda sizes, unknown: -0.5 * ((sizes - unknown[0]) / np.exp(unknown[1])) ** 2 - unknown[1] - HALF_LOG_TWO_PI,
    "weibull": lambda sizes, unknown: (
        unknown[1]
        - unknown[0]
        + (np.exp(unknown[1]) - 1) * (np.log(sizes) - unknown[0])
        - np.exp(np.exp(unknown[1]) * (np.log(sizes) - unknown[0]))
    ),
}
_PARAMETERS: dict[Family, Callable[[FloatArray, float], tuple[float, float]]] = {
    "lognormal": lambda unknown, unit: (float(np.exp(unknown[0]) * unit), float(np.exp(np.exp(unknown[1])))),
    "normal": lambda unknown, unit: (float(unknown[0] * unit), float(np.exp(unknown[1]) * unit)),
    "weibull": lambda unknown, unit: (float(np.exp(unknown[0]) * unit), float(np.exp(unknown[1]))),
}
