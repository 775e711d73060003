"""Screening for nanomaterials by the recommendation of the European Commission."""

from dataclasses import dataclass
from typing import Literal

from shared.distributions.bootstrap import Interval, intervals
from shared.distributions.sample import Sample
from shared.distributions.summary import percentiles

LIMIT_NM = 100.0
Verdict = Literal["nano", "not nano", "undecided"]
DEFINITION = (
    f"A material is a nanomaterial where half or more of its particles, by number, have an external dimension of 1 to "
    f"{LIMIT_NM:g} nm (Commission Recommendation 2022/C 229/01): where the median of feret_min_nm, by number, is at most "
    f"{LIMIT_NM:g} nm."
)
VERDICTS: dict[Verdict, str] = {
    "nano": f"The interval of the median lies below {LIMIT_NM:g} nm.",
    "not nano": f"The interval of the median lies above {LIMIT_NM:g} nm.",
    "undecided": f"The interval of the median holds {LIMIT_NM:g} nm: more particles may decide.",
}
# Stands beside every verdict.
CAVEATS = (
    "Meant are constituent particles; whether what was outlined is one or an aggregate, the image decides.",
    "A projection does not show the thickness of plates, which may be below 100 nm where no diameter is.",
    "Sizes below 1 nm count as nano: the lower limit of the definition is not looked at.",
)


@dataclass(frozen=True, slots=True)
class Screening:
    """Verdict with the median that it follows from, and the median's 95 % interval, nm."""

    verdict: Verdict
    x50_nm: float
    interval: Interval


def screen(feret_min_nm: Sample) -> Screening | None:
    """Screen a sample by its smallest Feret diameters; None with fewer than two particles.

    See `DEFINITION` and `VERDICTS`.
    """
    found = intervals(feret_min_nm, "number")
    if found is None:
        return None
    x50 = float(percentiles(feret_min_nm.sizes, feret_min_nm.weights, (50.0,))[0])
    verdict: Verdict = "undecided"
    if found.d50.high < LIMIT_NM:
        verdict = "nano"
    elif found.d50.low > LIMIT_NM:
        verdict = "not nano"
    return Screening(verdict, x50, found.d50)
