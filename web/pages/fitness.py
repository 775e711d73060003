"""The verdict whether sizes can be read from an analysis, for people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.distributions.fitness import VERDICT_TEXT, VERDICTS, Verdict
from shared.models import AnalysisRow


@dataclass(frozen=True, slots=True)
class Badge:
    """A verdict as it stands in a list: the class of its style, its words, what it means, and why it was given."""

    style: str
    words: str
    meaning: str
    reasons: Sequence[str]


@dataclass(frozen=True, slots=True)
class VerdictCount:
    """How many analyses of a submission have a verdict."""

    verdict: Verdict
    style: str
    n: int


def badge(analysis: AnalysisRow) -> Badge | None:
    """Describe the verdict on an analysis; None where its release gave none."""
    if analysis.fitness is None:
        return None
    meaning = {str(verdict): text for verdict, text in VERDICT_TEXT.items()}.get(analysis.fitness, "")
    return Badge(style_of(analysis.fitness), analysis.fitness, meaning, analysis.fitness_reasons or [])


def style_of(verdict: str) -> str:
    """Name the class that styles a verdict."""
    return verdict.replace(" ", "-")


def counted(numbers: Mapping[Verdict, int]) -> list[VerdictCount]:
    """List the verdicts that there are any of."""
    return [VerdictCount(verdict, style_of(verdict), numbers[verdict]) for verdict in VERDICTS if numbers[verdict]]
