"""Several selections against each other in one quantity: medians, equivalence, and whole distributions.

Reading takes the session first; what is made of it needs none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from shared.distributions.comparison import (
    Difference,
    Equivalence,
    KolmogorovSmirnov,
    compare_medians,
    equivalence,
    holm,
    kolmogorov_smirnov,
)
from shared.distributions.sample import Sample


@dataclass(frozen=True, slots=True)
class Pair:
    """Two samples, by their places; what is None takes more particles, as ``reason`` says.

    ``adjusted_p`` is the chance of the test of Kolmogorov and Smirnov, adjusted for the number of pairs by Holm.
    """

    one: int
    other: int
    difference: Difference | None
    equivalence: Equivalence | None
    test: KolmogorovSmirnov | None
    adjusted_p: float | None
    reason: str | None


def compare(samples: Sequence[Sample], limit: float) -> list[Pair]:
    """Compare each sample with each one behind it; sizes above 0, ``limit`` as in `comparison.equivalence`."""
    places = list(combinations(range(len(samples)), 2))
    tests = [kolmogorov_smirnov(samples[one], samples[other]) for one, other in places]
    adjusted = iter(holm([test.p for test in tests if test is not None]))
    return [
        Pair(
            one=one,
            other=other,
            difference=compare_medians(samples[one], samples[other]),
            equivalence=equivalence(samples[one], samples[other], limit),
            test=test,
            adjusted_p=None if test is None else next(adjusted),
            reason=_reason(len(samples[one]), len(samples[other])),
        )
        for (one, other), test in zip(places, tests, strict=True)
    ]


def _reason(n_one: int, n_other: int) -> str | None:
    fewest = min(n_one, n_other)
    if fewest >= 2:
        return None
    counted = "no particle counts" if fewest == 0 else "one particle counts"
    return f"In one of the two {counted}: a comparison of medians takes two in each."
