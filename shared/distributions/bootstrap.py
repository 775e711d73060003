"""How sure the statistics of a sample are: the bootstrap, with images as the unit."""

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
from scipy import sparse
from scipy.stats import norm, t

from shared.arrays import FloatArray, IntArray
from shared.distributions.sample import Sample
from shared.distributions.summary import POWERS, Weighting

LEVEL = 0.95
REPEATS = 1000
# Any number; always the same one, so that a report repeats.
SEED = 1
INTERVAL_DEFINITION = (
    f"Interval of {100 * LEVEL:g} % by the bootstrap: the statistic of {REPEATS:,} samples that are drawn from this one with "
    "replacement, images first and particles from these, of a single image particles alone. Images are the unit, because "
    "particles of one image resemble each other. With few images the interval is widened after Student. The draws begin with a "
    "fixed seed, so that the same sample has the same interval."
)
# More sizes than this are resampled in groups of a thousandth of a decade: 0.23 % wide.
MOST_SINGLE_SIZES = 4_000
GROUPS_PER_DECADE = 1000
# Numbers in memory at a time.
NUMBERS_AT_ONCE = 4_000_000


@dataclass(frozen=True, slots=True)
class Interval:
    """Ends of a confidence interval of 95 %, in the unit of the sizes."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Intervals:
    """Intervals of the statistics of one weighting, and of the log-normal measures of the number distribution."""

    mean: Interval
    d10: Interval
    d50: Interval
    d90: Interval
    geometric_mean: Interval
    gsd: Interval


@dataclass(frozen=True, slots=True)
class Groups:
    """Particles of about the same size as one, groups in the order of size.

    Attributes
    ----------
    sizes, weights : ndarray of float64, shape (g,)
        Size that stands for each group, and the mean weight of its particles, above 0.
    numbers : sparse array of shape (images, g)
        How many particles of each group an image has.
    """

    sizes: FloatArray
    weights: FloatArray
    numbers: sparse.csr_array


def intervals(sample: Sample, weighting: Weighting, *, seed: int = SEED, repeats: int = REPEATS) -> Intervals | None:
    """Return confidence intervals by the bootstrap; None with fewer than two particles.

    Parameters
    ----------
    sample : Sample
        Of one image or of several; sizes above 0.
    weighting
        That of mean and percentiles.

    Notes
    -----
    Particles of one image resemble each other more than those of two: of a sample from several images the images are drawn
    with replacement first, and from all that these hold as many particles as they have, by one multinomial for all images
    together, which differs from one for each by less than the images differ, divided by the particles of an image. Of a single
    image the particles are drawn.

    The interval is the percentile interval, expanded for few units: from the percentile Φ(f·t) on, with t the 2.5 % point of
    Student's distribution with m − 1 degrees of freedom, m images or particles (T. C. Hesterberg, What teachers should know
    about the bootstrap, The American Statistician 69 (2015) 371). His f = √(m/(m − 1)) makes up for the variance between units
    that drawing with replacement loses. It holds for particles; of images f is 1, because there the second drawing adds the
    variance within images once more (A. C. Davison and D. V. Hinkley, Bootstrap Methods and their Application, 1997, 3.8). How
    often the truth is covered, `benchmarks.intervals` counts.
    """
    return None if len(sample) < 2 else intervals_of_groups(_groups(sample), weighting, seed=seed, repeats=repeats)


def intervals_of_groups(groups: Groups, weighting: Weighting, *, seed: int = SEED, repeats: int = REPEATS) -> Intervals | None:
    """Return confidence intervals as `intervals` does, of particles that are known in groups only."""
    if groups.numbers.sum() < 2:
        return None
    random = np.random.default_rng(seed)
    drawn = np.concatenate(list(_repeated(groups, POWERS[weighting], random, repeats)))
    tail = expanded_tail(groups.numbers.shape[0], int(groups.numbers.sum()), LEVEL)
    ends = np.quantile(drawn, [tail, 1 - tail], axis=0).T
    return Intervals(
        **{field.name: Interval(float(low), float(high)) for field, (low, high) in zip(fields(Intervals), ends, strict=True)}
    )


def drawn_medians(sample: Sample, *, seed: int = SEED, repeats: int = REPEATS) -> FloatArray:
    """Return the medians by number of resampled samples, shape (repeats,); of a sample of at least two particles."""
    random = np.random.default_rng(seed)
    drawn = np.concatenate(list(_repeated(_groups(sample), POWERS["number"], random, repeats)))
    return drawn[:, [field.name for field in fields(Intervals)].index("d50")]


def expanded_tail(n_images: int, n_particles: int, level: float) -> float:
    """Return the share of draws below an interval that is expanded for few images, or few particles of one; see `intervals`."""
    n, lost = (n_images, 1.0) if n_images > 1 else (n_particles, np.sqrt(n_particles / (n_particles - 1)))
    return float(norm.cdf(lost * t.ppf((1 - level) / 2, n - 1)))


def _groups(sample: Sample) -> Groups:
    if len(sample) <= MOST_SINGLE_SIZES:
        group, sizes = np.arange(len(sample)), sample.sizes
    else:
        rounded = np.floor(np.log10(sample.sizes / sample.sizes[0]) * GROUPS_PER_DECADE)
        _, group = np.unique(rounded, return_inverse=True)
        number = np.bincount(group)
        sizes = np.bincount(group, weights=sample.sizes) / number
    number = np.bincount(group)
    pairs = (np.ones(len(sample)), (sample.image, group))
    numbers = sparse.coo_array(pairs, shape=(sample.n_images, len(sizes))).tocsr()
    return Groups(sizes, np.bincount(group, weights=sample.weights) / number, numbers)


def _repeated(groups: Groups, power: int, random: np.random.Generator, repeats: int) -> Iterator[FloatArray]:
    """Yield statistics of drawn samples, of shape (some, 6) in the order of `Intervals`."""
    n_images, n_groups = groups.numbers.shape
    at_once = max(1, NUMBERS_AT_ONCE // max(n_groups, n_images))
    done = 0
    while done < repeats:
        some = min(at_once, repeats - done)
        images = random.multinomial(n_images, np.full(n_images, 1 / n_images), size=some)
        held = np.asarray((groups.numbers.T @ images.T).T, dtype=np.float64)
        # A draw of images without any particle says nothing about sizes.
        held = held[held.sum(axis=1) > 0]
        done += len(held)
        total = held.sum(axis=1)
        numbers = random.multinomial(total.astype(np.int64), held / total[:, None])
        yield _statistics(groups, numbers, power)


def _statistics(groups: Groups, numbers: IntArray, power: int) -> FloatArray:
    """Mean, D10, D50, D90, geometric mean and GSD of samples given by how often each group was drawn, shape (some, 6)."""
    by_number = numbers * groups.weights
    logarithms = np.log(groups.sizes)
    total, n = by_number.sum(axis=1), numbers.sum(axis=1)
    log_mean = by_number @ logarithms / total
    log_variance = np.maximum(by_number @ logarithms**2 / total - log_mean**2, 0) * n / np.maximum(n - 1, 1)
    weights = by_number * (groups.sizes / groups.sizes[-1]) ** power
    return np.column_stack(
        [
            weights @ groups.sizes / weights.sum(axis=1),
            *(_percentiles(groups.sizes, weights, share) for share in (0.1, 0.5, 0.9)),
            np.exp(log_mean),
            np.exp(np.sqrt(log_variance)),
        ]
    )


def _percentiles(sizes: FloatArray, weights: FloatArray, share: float) -> FloatArray:
    """`summary.percentiles` of many weights at once, shape (some, g)."""
    curve = np.cumsum(weights, axis=1)
    wanted = share * curve[:, -1:]
    curve -= weights / 2
    above = (curve < wanted).sum(axis=1)
    upper = np.minimum(above, len(sizes) - 1)
    lower = np.maximum(above - 1, 0)
    rows = np.arange(len(weights))
    low, high = curve[rows, lower], curve[rows, upper]
    part = np.divide(wanted[:, 0] - low, high - low, out=np.zeros(len(weights)), where=high > low)
    return np.asarray(sizes[lower] + np.clip(part, 0, 1) * (sizes[upper] - sizes[lower]), dtype=np.float64)
