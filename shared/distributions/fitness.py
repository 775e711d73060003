"""Whether sizes can be read from what was segmented: a verdict on each analysis, with its reasons.

Fibres, films, sponges and patterned surfaces run out of the picture, and have no size that one image could show. What was segmented in
them looks unlike particles, and by that they are told; `benchmarks/fitness.py` measures how well. A verdict is advice: nothing is
left out by it unless a person says so.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from shared.quantities import SMALLEST_RELIABLE_PX, ParticleTable

Verdict = Literal["fit", "doubtful", "not particles"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)

# An outline is ragged below this solidity: of the particles in labelled micrographs 4 % are, of pieces of fibres half.
RAGGED_SOLIDITY = 0.85
# A particle is elongated where it is more than three times as long as wide.
ELONGATED_ASPECT_RATIO = 1 / 3
# The median of a distribution lies between the smallest and the largest of n sizes with the probability 1 − 2^(1 − n): 97 % for 6.
FEWEST_WHOLE = 6
# Half: sizes of the whole ones are then those of the smaller part of what was segmented.
MOST_CUT = 0.5
# One in ten: D10 then lies among sizes that pixels decide.
MOST_SMALL = 0.1
CROWDED_COVERAGE, CROWDED_CONTACTS = 0.7, 0.9
# Points of signs against particles: a strong one decides, and so do two weak ones.
_WEAK, _STRONG = 1, 2


@dataclass(frozen=True, slots=True)
class Limits:
    """From where on a sign speaks against particles: alone it makes an analysis doubtful, from ``strong`` on it is no particles."""

    weak: float
    strong: float


RAGGED = Limits(0.25, 0.3)
RUNNING_OUT = Limits(0.2, 0.5)
UNSURE = Limits(0.9, 0.8)
COVERING = Limits(0.8, 0.9)


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
        Of the segmented area, what belongs to particles of a solidity below 0.85.
    running_out_share : float
        Of the segmented area, what belongs to particles that touch the border and are ragged or elongated.
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
    if sum(points for points, _ in against) >= _STRONG:
        verdict = "not particles"
    return Fitness(verdict, reasons or (_nothing_against(signs),), signs)


def signs_of(particles: ParticleTable, specimen_px: int) -> Signs:
    """Return the signs of an analysis; the arguments are those of `judge`."""
    area = particles.area_px.astype(np.float64)
    share = area / max(area.sum(), 1.0)
    ragged = particles.solidity < RAGGED_SOLIDITY
    elongated = particles.aspect_ratio < ELONGATED_ASPECT_RATIO
    cut = particles.touches_border
    gap, confidence, n = particles.nn_gap_px, particles.confidence, len(particles)
    return Signs(
        n_particles=n,
        n_whole=int(np.count_nonzero(~cut)),
        cut_share=float(share[cut].sum()),
        ragged_share=float(share[ragged].sum()),
        running_out_share=float(share[cut & (ragged | elongated)].sum()),
        coverage=float(area.sum()) / specimen_px,
        confidence=float((share * confidence).sum()) if confidence is not None and n else None,
        contact_share=float(np.count_nonzero(gap <= 0)) / n if gap is not None and n else 0.0,
        small_share=float(np.count_nonzero(particles.ecd_px < SMALLEST_RELIABLE_PX)) / n if n else 0.0,
    )


def _against_particles(signs: Signs) -> list[tuple[int, str]]:
    """Weak and strong signs that what was segmented is no particles, with their points."""
    ragged = (
        f"{signs.ragged_share:.0%} of the segmented area has ragged outlines (solidity below {RAGGED_SOLIDITY:g}), as pieces of "
        "fibres, sponges and patterns have."
    )
    running_out = (
        f"{signs.running_out_share:.0%} of the segmented area is long or ragged and cut by the border: it runs out of the picture."
    )
    covering = f"{signs.cut_coverage:.0%} of the field lies under what its border cuts, as under a film."
    found = [
        (_points(signs.ragged_share, RAGGED), ragged),
        (_points(signs.running_out_share, RUNNING_OUT), running_out),
        (_points(signs.cut_coverage, COVERING), covering),
    ]
    if signs.confidence is not None:
        unsure = f"The model is unsure of what it found: its mean confidence, by area, is {signs.confidence:.2f}."
        found.append((_points(-signs.confidence, Limits(-UNSURE.weak, -UNSURE.strong)), unsure))
    return [(points, _written(sentence)) for points, sentence in found if points]


def _points(sign: float, limits: Limits) -> int:
    if sign > limits.strong:
        return _STRONG
    return _WEAK if sign > limits.weak else 0


def _obstacles(signs: Signs) -> list[str]:
    """Say what forbids to read a distribution, though it may well be one of particles."""
    found = []
    if signs.n_whole < FEWEST_WHOLE:
        found.append(
            f"{signs.n_whole} of {signs.n_particles} particles lie wholly in the field: a distribution takes {FEWEST_WHOLE} or more."
        )
    if signs.cut_share > MOST_CUT:
        found.append(f"{signs.cut_share:.0%} of the segmented area belongs to particles that the border cuts.")
    if signs.small_share > MOST_SMALL:
        found.append(f"{signs.small_share:.0%} of the particles are less than {SMALLEST_RELIABLE_PX:g} px across.")
    if signs.coverage > CROWDED_COVERAGE and signs.contact_share > CROWDED_CONTACTS:
        found.append(
            f"Particles cover {signs.coverage:.0%} of the field and {signs.contact_share:.0%} of them touch another one: many are "
            "hidden in part, and look smaller than they are."
        )
    return [_written(sentence) for sentence in found]


def _nothing_against(signs: Signs) -> str:
    return f"{signs.n_whole} of {signs.n_particles} particles lie wholly in the field, and nothing speaks against their sizes."


def _written(sentence: str) -> str:
    """Put a space between number and percent sign."""
    return sentence.replace("%", " %")
