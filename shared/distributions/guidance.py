"""How many more particles a sample takes until its statistics are as sure as wanted. Guidance, no value of a standard."""

import math
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from shared.arrays import FloatArray
from shared.distributions.bootstrap import Intervals, intervals
from shared.distributions.sample import Sample
from shared.distributions.summary import Weighting, moments
from shared.quantities import Meaning, quantities_of

Z_95 = 1.959964
# Relative half-width of the interval of 95 % that is aimed at.
TARGET = 0.05
# Smaller samples that are drawn from this one, as shares of it, and the smallest of them.
SHARES = (0.1, 0.2, 0.35, 0.6, 1.0)
SMALLEST_NUMBER = 20
REPEATS = 300
SEED = 1


@dataclass(frozen=True, slots=True)
class HalfWidths:
    """Relative half-widths of the 95 % intervals of a sample of n particles: (high − low)/2 over the statistic's middle."""

    n: int
    d10: float
    d50: float
    d90: float


@dataclass(frozen=True, slots=True)
class Guidance:
    """What a target takes. ``curve`` tells how intervals narrow as the sample grows, and is empty for too small a sample."""

    target: Annotated[
        float, Meaning("", f"Relative half-width of an interval of 95 % that is aimed at; {TARGET:g} unless chosen.")
    ]
    for_geometric_mean: Annotated[
        int | None,
        Meaning(
            "",
            "z²·(ln GSD)²/δ², z = 1.96, δ the target: so many independent log-normal particles give the geometric mean that "
            "well.",
        ),
    ]
    curve: tuple[HalfWidths, ...]
    for_d10: Annotated[
        int | None,
        Meaning("", "Particles at which the interval of d10 is as narrow as the target, if it goes on to narrow as 1/√n."),
    ]
    for_d50: Annotated[int | None, Meaning("", "The same for d50.")]
    for_d90: Annotated[int | None, Meaning("", "The same for d90.")]


GUIDANCE_QUANTITIES = quantities_of(Guidance)


def number_for_geometric_mean(gsd: float, target: float = TARGET) -> int:
    """Return n = z²·(ln GSD)²/δ², z = 1.96: so many independent log-normal particles give the geometric mean within δ."""
    return max(1, math.ceil((Z_95 * math.log(gsd) / target) ** 2))


def how_many(sample: Sample, weighting: Weighting = "number", target: float = TARGET) -> Guidance:
    """Estimate how many particles the statistics of a sample take; sizes above 0."""
    gsd = moments(sample).gsd
    curve = tuple(_half_widths(sample, weighting))
    d10, d50, d90 = _numbers_that_reach(target, curve[-1]) if curve else (None, None, None)
    return Guidance(
        target=target,
        for_geometric_mean=None if gsd is None else number_for_geometric_mean(gsd, target),
        curve=curve,
        for_d10=d10,
        for_d50=d50,
        for_d90=d90,
    )


def _numbers_that_reach(target: float, whole: HalfWidths) -> tuple[int, int, int]:
    d10, d50, d90 = (math.ceil(whole.n * (width / target) ** 2) for width in (whole.d10, whole.d50, whole.d90))
    return d10, d50, d90


def _half_widths(sample: Sample, weighting: Weighting) -> list[HalfWidths]:
    """Intervals of samples of growing size, each the beginning of one random order of the particles."""
    order = np.random.default_rng(SEED).permutation(len(sample))
    found = []
    for share in SHARES:
        n = round(share * len(sample))
        if n < SMALLEST_NUMBER:
            continue
        some = np.sort(order[:n])
        part = Sample(sample.sizes[some], sample.weights[some], sample.image[some], sample.n_images)
        ends = intervals(part, weighting, repeats=REPEATS)
        if ends is not None:
            found.append(HalfWidths(n, *_relative(ends).tolist()))
    return found


def _relative(ends: Intervals) -> FloatArray:
    return np.array([(one.high - one.low) / (one.high + one.low) for one in (ends.d10, ends.d50, ends.d90)])
