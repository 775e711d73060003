"""The card of a distribution: what can be chosen, and what its statistics mean."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from shared.distributions.fits import Family
from shared.distributions.sample import COUNTING_RULES, DEFAULT_COUNTING_RULE, CountingRule
from shared.distributions.summary import OF_D, Moments, Summary, Weighting
from shared.quantities import DIAMETERS, PARTICLE_QUANTITIES, quantities_of
from web.pages.pixel_size import SOURCE_TEXT, STATUS_TEXT
from web.pages.result import NOT_PLOTTED, Column, column
from web.pages.writing import Fact

WEIGHTINGS: dict[Weighting, str] = {"number": "Number", "area": "Area", "volume": "Volume"}
RULE_NAMES: dict[CountingRule, str] = {
    "exclude-border-weighted": "Without the border, weighted",
    "exclude-border": "Without the border",
    "all": "All particles",
}
FIT_NAMES: dict[Family, str] = {"lognormal": "Log-normal", "normal": "Normal", "weibull": "Weibull"}
STATISTIC_NAMES = {
    "mean": "Mean",
    "sd": "SD",
    "cv": "CV",
    "d10": "D10",
    "d50": "D50",
    "d90": "D90",
    "span": "Span",
    "mode": "Mode",
    "d10_mean": "D[1,0]",
    "d32": "D[3,2]",
    "d43": "D[4,3]",
    "geometric_mean": "Geometric mean",
    "gsd": "GSD",
    "skewness": "Skewness",
}
WITHOUT_WEIGHTS = "These particles have no edge weights: a release of SAEMI made them that did not measure these."


@dataclass(frozen=True, slots=True)
class Rule:
    """A counting rule as the card offers it; with a reason it cannot be chosen."""

    name: str
    label: str
    text: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Statistic:
    """A statistic of a distribution with its definition; ``has_unit`` where it is in the unit of the sizes."""

    name: str
    label: str
    definition: str
    has_unit: bool


@dataclass(frozen=True, slots=True)
class Card:
    """What the card of a distribution offers; the standard is chosen where the address says nothing."""

    columns: list[Column]
    quantity: str
    rules: list[Rule]
    rule: str


STATISTICS = [
    Statistic(found.name, STATISTIC_NAMES[found.name], found.definition, found.unit == OF_D)
    for found in (*quantities_of(Summary), *quantities_of(Moments))
]
FILTER_NAMES = {
    "submission_id": "Submission",
    "file_name": "File",
    "text": "Text in the metadata",
    "calibration_status": "Pixel size",
    "calibration_source": "Source of the pixel size",
    "acquired_from": "Taken from",
    "acquired_to": "Taken up to",
    "analysed_from": "Analysed from",
    "analysed_to": "Analysed up to",
    "where": "Where",
}

# What the template of the card writes for every selection.
VOCABULARY: dict[str, Any] = {
    "diameters": DIAMETERS,
    "weightings": WEIGHTINGS,
    "fit_names": FIT_NAMES,
    "look_statistics": STATISTICS,
}


def card_of_analysis(columns: list[Column], unit: str, measured: Collection[str]) -> Card:
    """Offer what the particles of one analysis have."""
    has_weights = "edge_weight" in measured
    standard = DEFAULT_COUNTING_RULE if has_weights else "exclude-border"
    return Card(columns, f"ecd_{unit}", _rules(has_weights=has_weights), standard)


def card_of_selection() -> Card:
    """Offer every quantity; what an analysis has not leaves it out of the pool."""
    columns = [column(quantity) for quantity in PARTICLE_QUANTITIES if quantity.name not in NOT_PLOTTED]
    return Card(columns, "ecd_nm", _rules(has_weights=True), DEFAULT_COUNTING_RULE)


def filters(wanted: Mapping[str, Any]) -> list[Fact]:
    """Write a selection in words, one line for each thing that is asked for."""
    written = {"calibration_status": STATUS_TEXT, "calibration_source": SOURCE_TEXT}
    facts = []
    for name, value in wanted.items():
        texts = [str(written.get(name, {}).get(each, each)) for each in (value if isinstance(value, list) else [value])]
        facts.append(Fact(FILTER_NAMES.get(name, name.capitalize()), ", ".join(texts)))
    return facts


def _rules(*, has_weights: bool) -> list[Rule]:
    reasons = {} if has_weights else {"exclude-border-weighted": WITHOUT_WEIGHTS}
    return [Rule(name, label, COUNTING_RULES[name], reasons.get(name, "")) for name, label in RULE_NAMES.items()]
