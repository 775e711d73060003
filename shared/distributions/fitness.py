"""Whether sizes can be read from what was segmented: a verdict on each analysis, with its reasons.

Fibres, films, sponges and patterned surfaces run out of the picture and have no size that one image could show. They are told
by what was segmented in them; `benchmarks/fitness.py` measures how well. A verdict is advice: nothing is left out by it unless
a person says so.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from shared.arrays import FloatArray, Mask
from shared.quantities import SMALLEST_RELIABLE_PX, ParticleTable

Verdict = Literal["fit", "doubtful", "not particles"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)

# An outline is ragged below this solidity: those of 3 % of the particles in labelled micrographs are, and of a third of the
# pieces that particlenet makes of drawn fibres. The outline of a network that runs through the field is more ragged still.
RAGGED_SOLIDITY, NETWORK_SOLIDITY = 0.85, 0.7
# A particle is elongated where it is more than three times as long as wide.
ELONGATED_ASPECT_RATIO = 1 / 3
# One particle of an odd shape, or one rod that the border cuts, says nothing about the specimen.
FEWEST_ODD = 3
# The median lies between the smallest and the largest of n sizes with the probability 1 − 2^(1 − n): 97 % for 6.
FEWEST_WHOLE = 6
# Half: sizes of the whole ones are then those of the smaller part of what was segmented.
MOST_CUT = 0.5
# One in ten: D10 then lies among sizes that pixels decide.
MOST_SMALL = 0.1
# Beds and heaps: 11 % of the labelled micrographs.
CROWDED_COVERAGE, CROWDED_CONTACTS = 0.7, 0.9


@dataclass(frozen=True, slots=True)
class Limits:
    """From where on a sign is a weak one, and a strong one."""

    weak: float
    strong: float


# Chosen so that of labelled micrographs of particles, and of what models find in them, one in a hundred crosses them together.
RAGGED = Limits(0.25, 0.35)
RUNNING_OUT = Limits(0.2, 0.4)
COVERING = Limits(0.8, 0.9)
# The other way round: the less, the stronger.
UNSURE = Limits(0.9, 0.8)
# Points of signs against particles: a strong one decides, and so do two weak ones.
WEAK, STRONG = 1, 2

# What the rule is, for people, from the numbers that it goes by.
VERDICT_TEXT: dict[Verdict, str] = {
    "fit": f"At least {FEWEST_WHOLE} particles lie wholly in the field, and nothing below speaks against their sizes.",
    "doubtful": "Look at the picture: there is one weak sign that these are no particles, or an obstacle to reading sizes.",
    "not particles": "Nothing was found, or what was segmented looks like fibres, a film, a sponge or a pattern: there is a "
    "strong sign of it, or two weak ones.",
}
SIGN_TEXT: dict[str, str] = {
    "ragged outlines": f"Particles of a solidity below {RAGGED_SOLIDITY:g} hold more than {100 * RAGGED.weak:g} % of the "
    f"segmented area; strong above {100 * RAGGED.strong:g} %. Where there are fewer than {FEWEST_ODD} of them, those below "
    f"{NETWORK_SOLIDITY:g} count only.",
    "runs out of the picture": "Particles that the border cuts and that are ragged, or more than three times as long as wide, "
    f"hold more than {100 * RUNNING_OUT.weak:g} % of the segmented area; strong above {100 * RUNNING_OUT.strong:g} %. Where "
    f"there are fewer than {FEWEST_ODD} of them, those of a solidity below {NETWORK_SOLIDITY:g} count only.",
    "covered field": f"What the border cuts covers more than {100 * COVERING.weak:g} % of the field; strong above "
    f"{100 * COVERING.strong:g} %.",
    "unsure model": f"The mean confidence, by area, is below {UNSURE.weak:g}; strong below {UNSURE.strong:g}.",
}
OBSTACLE_TEXT: dict[str, str] = {
    "few particles": f"Fewer than {FEWEST_WHOLE} particles lie wholly in the field. From {FEWEST_WHOLE} on, the median of the "
    "distribution lies between the smallest and the largest of them with a probability of 97 %.",
    "cut by the border": f"More than {100 * MOST_CUT:g} % of the segmented area belongs to particles that the border cuts.",
    "too small": f"More than {100 * MOST_SMALL:g} % of the particles are less than {SMALLEST_RELIABLE_PX:g} px across.",
    "crowded": f"Particles cover more than {100 * CROWDED_COVERAGE:g} % of the field, and more than "
    f"{100 * CROWDED_CONTACTS:g} % of them touch another one: many are hidden in part.",
}


@dataclass(frozen=True, slots=True)
class Signs:
    """What a verdict is made of.

    Attributes
    ----------
    n_particles, n_whole : int
        Particles, and those of them that do not touch the border.
    cut_share : float
        Of the segmented area, what belongs to particles that touch the border.
    ragged_share : float
        Of the segmented area, what belongs to particles of a solidity below 0.85; where these are fewer than three, to those
        below 0.7.
    running_out_share : float
        Of the segmented area, what belongs to particles that touch the border and are ragged or elongated, in the same way.
    coverage : float
        Share of the analysed field that is segmented.
    confidence : float or None
        Mean by area; None where the model gives none.
    contact_share : float
        Share of the particles that lie side by side with another one.
    small_share : float
        Share of the particles below the smallest reliable diameter.
    """

    n_particles: int
    n_whole: int
    cut_share: float
    ragged_share: float
    running_out_share: float
    coverage: float
    confidence: float | None
    contact_share: float
    small_share: float

    @property
    def cut_coverage(self) -> float:
        """Share of the analysed field that belongs to particles that touch its border."""
        return self.coverage * self.cut_share


@dataclass(frozen=True, slots=True)
class Fitness:
    """A verdict, the sentences that say why, and the signs it follows from."""

    verdict: Verdict
    reasons: tuple[str, ...]
    signs: Signs


def judge(particles: ParticleTable, specimen_px: int) -> Fitness:
    """Judge whether sizes can be read from an analysis.

    Parameters
    ----------
    particles : ParticleTable
        All particles of the analysed field; no pixel size is needed.
    specimen_px : int
        Pixels of the field that show specimen, above 0.

    Returns
    -------
    Fitness
        ``not particles`` without any particle, with a strong sign or with two weak ones; else ``doubtful`` with a weak sign, or
        where too few or too small particles, the border or crowding forbid to read a distribution; else ``fit``.
    """
    signs = signs_of(particles, specimen_px)
    if not signs.n_particles:
        return Fitness("not particles", ("No particles were found.",), signs)
    against, obstacles = _against_particles(signs), _obstacles(signs)
    reasons = (*(sentence for _, sentence in against), *obstacles)
    verdict: Verdict = "doubtful" if reasons else "fit"
    if sum(points for points, _ in against) >= STRONG:
        verdict = "not particles"
    return Fitness(verdict, reasons or (f"{_whole(signs)}, and nothing speaks against their sizes.",), signs)


def signs_of(particles: ParticleTable, specimen_px: int) -> Signs:
    """Return the signs of an analysis; the arguments are those of `judge`."""
    area = particles.area_px.astype(np.float64)
    share = area / max(area.sum(), 1.0)
    cut = particles.touches_border
    ragged, network = particles.solidity < RAGGED_SOLIDITY, particles.solidity < NETWORK_SOLIDITY
    running_out = cut & (ragged | (particles.aspect_ratio < ELONGATED_ASPECT_RATIO))
    gap, confidence, n = particles.nn_gap_px, particles.confidence, len(particles)
    return Signs(
        n_particles=n,
        n_whole=int(np.count_nonzero(~cut)),
        cut_share=float(share[cut].sum()),
        ragged_share=_share_of(share, ragged, network),
        running_out_share=_share_of(share, running_out, cut & network),
        coverage=float(area.sum()) / specimen_px,
        confidence=float((share * confidence).sum()) if confidence is not None and n else None,
        contact_share=float(np.count_nonzero(gap <= 0)) / n if gap is not None and n else 0.0,
        small_share=float(np.count_nonzero(particles.ecd_px < SMALLEST_RELIABLE_PX)) / n if n else 0.0,
    )


def _share_of(share: FloatArray, odd: Mask, very_odd: Mask) -> float:
    """Area of the odd particles if there are several, else of the very odd ones."""
    return float(share[odd if np.count_nonzero(odd) >= FEWEST_ODD else very_odd].sum())


def _against_particles(signs: Signs) -> list[tuple[int, str]]:
    """Weak and strong signs that what was segmented is no particles, with their points."""
    found = [
        (
            _points(signs.ragged_share, RAGGED),
            f"{_percent(signs.ragged_share)} of the segmented area has ragged outlines, as pieces of fibres and sponges have.",
        ),
        (
            _points(signs.running_out_share, RUNNING_OUT),
            f"{_percent(signs.running_out_share)} of the segmented area is long or ragged and runs out of the picture.",
        ),
        (
            _points(signs.cut_coverage, COVERING),
            f"{_percent(signs.cut_coverage)} of the field lies under what its border cuts, as under a film.",
        ),
    ]
    if signs.confidence is not None:
        points = _points(1 - signs.confidence, Limits(1 - UNSURE.weak, 1 - UNSURE.strong))
        found.append((points, f"The model is unsure: its mean confidence, by area, is {signs.confidence:.2f}."))
    return [(points, sentence) for points, sentence in found if points]


def _points(sign: float, limits: Limits) -> int:
    if sign > limits.strong:
        return STRONG
    return WEAK if sign > limits.weak else 0


def _obstacles(signs: Signs) -> list[str]:
    """Say what forbids to read a distribution, though it may well be one of particles."""
    found = []
    if signs.n_whole < FEWEST_WHOLE:
        found.append(f"{_whole(signs)}: too few for a distribution, which takes {FEWEST_WHOLE} or more.")
    if signs.cut_share > MOST_CUT:
        found.append(f"{_percent(signs.cut_share)} of the segmented area belongs to particles that the border cuts.")
    if signs.small_share > MOST_SMALL:
        found.append(f"{_percent(signs.small_share)} of the particles are less than {SMALLEST_RELIABLE_PX:g} px across.")
    if signs.coverage > CROWDED_COVERAGE and signs.contact_share > CROWDED_CONTACTS:
        found.append(
            f"Particles cover {_percent(signs.coverage)} of the field and {_percent(signs.contact_share)} of them touch: many "
            "are hidden in part, and look smaller than they are."
        )
    return found


def _whole(signs: Signs) -> str:
    particles, lie = "particle" if signs.n_particles == 1 else "particles", "lies" if signs.n_whole == 1 else "lie"
    return f"{signs.n_whole} of {signs.n_particles} {particles} {lie} wholly in the field"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
