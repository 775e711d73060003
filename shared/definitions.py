"""What every number means, section by section: the definitions page of the portal and docs/definitions.md are made from here.

Each definition stands where its number is computed, and is only arranged here. ``python -m shared.definitions FILE`` writes the
page of the documentation.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.calibration import SOURCES, STATUSES
from shared.distributions.arrangement import ARRANGEMENT
from shared.distributions.bootstrap import INTERVAL_DEFINITION
from shared.distributions.comparison import COMPARISON_TERMS
from shared.distributions.fitness import OBSTACLE_TEXT, SIGN_TEXT, VERDICT_TEXT
from shared.distributions.fits import CURVES, FIT_QUANTITIES
from shared.distributions.guidance import GUIDANCE_QUANTITIES
from shared.distributions.log_grid import GRID_DEFINITION
from shared.distributions.sample import COUNTING_RULES, DEFAULT_COUNTING_RULE
from shared.distributions.screening import CAVEATS, DEFINITION, VERDICTS
from shared.distributions.summary import MOMENT_QUANTITIES, SUMMARY_QUANTITIES, WEIGHTINGS
from shared.quantities import PARTICLE_QUANTITIES, RELIABLE_DEFINITION, STATISTIC_QUANTITIES, Quantity

LEAD = (
    "A number has the same name here, in tables, in files, in the API and in the database. Quantities in nm exist only where "
    "the image is calibrated; a missing pixel size is never replaced by 1. A number that is not defined is left out; none is "
    "ever NaN."
)
FITNESS_LEAD = (
    "A verdict on each analysis says whether a size distribution can be read from it. It is advice; no statistic leaves "
    "anything out by it unless you ask for that."
)
CONVENTIONS = {
    "pixel": "A unit square around its centre. Areas are counts of pixels; no outline is ever smoothed. Widths are those of "
    "the convex hull of the pixel centres and what is missing of the pixels at its ends.",
    "analysed field": "The rectangle of the image that shows specimen, without the banner. Nothing outside it is measured, and "
    "nothing within burnt-in annotations.",
    "smallest reliable diameter": RELIABLE_DEFINITION,
}


@dataclass(frozen=True, slots=True)
class Section:
    """Terms that belong together; ``key`` names the section in addresses."""

    key: str
    title: str
    lead: str
    terms: tuple[Quantity, ...]

    @property
    def has_units(self) -> bool:
        """Whether any of the terms is a number with a unit."""
        return any(term.unit for term in self.terms)


def sections() -> tuple[Section, ...]:
    """Return all definitions in the order of the page."""
    return (
        Section("conventions", "Conventions", "", _words(CONVENTIONS)),
        Section("particle", "Of each particle", "", PARTICLE_QUANTITIES),
        Section("image", "Of each image, over its counted particles", "", STATISTIC_QUANTITIES),
        Section("rule", "Counting rules", f"Without another choice {DEFAULT_COUNTING_RULE}.", _words(COUNTING_RULES)),
        Section(
            "weighting", "Weightings", "What share of all lies below a size depends on what is added up.", _words(WEIGHTINGS)
        ),
        Section("summary", "Statistics in a weighting", "", SUMMARY_QUANTITIES),
        Section("moments", "Moment means and log-normal measures", "Of the number distribution.", MOMENT_QUANTITIES),
        Section("interval", "Confidence intervals", INTERVAL_DEFINITION, ()),
        Section(
            "curve",
            "Fitted curves",
            "By maximum likelihood over the sizes from the smallest reliable diameter on, each with its weight.",
            _words(CURVES),
        ),
        Section("fit", "Of each fit", "", FIT_QUANTITIES),
        Section("guidance", "How many particles it takes", "Guidance, no value of a standard.", GUIDANCE_QUANTITIES),
        Section("screening", "Screening for nanomaterials", " ".join((DEFINITION, *CAVEATS)), _words(VERDICTS)),
        Section(
            "arrangement",
            "Arrangement in the field",
            "",
            tuple(Quantity(name, meaning.unit, meaning.definition) for name, meaning in ARRANGEMENT.items()),
        ),
        Section("pool", "Pools of several images", GRID_DEFINITION, ()),
        Section("comparison", "Samples against each other", "", _words(COMPARISON_TERMS)),
        Section("fitness", "Fit for sizing", FITNESS_LEAD, _words(VERDICT_TEXT)),
        Section("sign", "Fit for sizing: signs against particles", "", _words(SIGN_TEXT)),
        Section("obstacle", "Fit for sizing: obstacles", "", _words(OBSTACLE_TEXT)),
        Section("calibration", "Calibration", "", _words(STATUSES)),
        Section("source", "Sources of a pixel size", "", _words(SOURCES)),
    )


def markdown() -> str:
    """Return docs/definitions.md."""
    parts = ["# Definitions", "<!-- Written by `make definitions`. What stands here is changed in the code. -->", LEAD]
    for section in sections():
        parts += [
            f"## {section.title}",
            *([section.lead] if section.lead else []),
            *([_table(section)] if section.terms else []),
        ]
    return "\n\n".join(parts) + "\n"


def _words(terms: Mapping[Any, str]) -> tuple[Quantity, ...]:
    return tuple(Quantity(str(name), "", text) for name, text in terms.items())


def _table(section: Section) -> str:
    columns = ("name", "unit", "definition") if section.has_units else ("name", "definition")
    rows = [
        (f"`{term.name}`", *([term.unit or "–"] if section.has_units else []), term.definition.replace("|", "\\|"))
        for term in section.terms
    ]
    lines = [columns, ("---",) * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(markdown(), encoding="utf-8")
