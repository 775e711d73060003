"""What a list is narrowed by, as people see it: rows of conditions to edit, and a chip for each criterion to take it away."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.conditions import Comparison, Condition, is_truth
from shared.distributions.fitness import VERDICT_TEXT
from shared.moments import MOMENT, MomentText
from shared.quantities import Quantity
from web.pages.pixel_size import SOURCE_TEXT, STATUS_TEXT

# In the words of the form; what stands in the order of a list is no criterion.
LABELS = {
    "text": "Metadata of the file",
    "project": "Project",
    "sample": "Sample",
    "file_name": "File name",
    "metadata": "Manifest",
    "person": "Person",
    "group": "Group",
    "submission_id": "Submission",
    "model": "Model",
    "instrument": "Instrument",
    "operator": "Operator",
    "detector": "Detector",
    "calibration_status": "Pixel size",
    "calibration_source": "Source of the pixel size",
    "fitness": "Fit for sizing",
    "acquired_from": "Taken from",
    "acquired_to": "Taken up to",
    "analysed_from": "Analysed from",
    "analysed_to": "Analysed up to",
}
# Fields that the form shows at once; the others stand behind a heading.
FIRST = ("text", "project", "sample", "file_name")
WORDS: dict[str, Mapping[str, str]] = {"calibration_status": STATUS_TEXT, "calibration_source": SOURCE_TEXT}
SIGNS = {"<": "<", "<=": "≤", ">": ">", ">=": "≥", "=": "="}

Address = Callable[[Mapping[str, Any]], str]


@dataclass(frozen=True, slots=True)
class Chip:
    """One criterion in words, the query without it, and the address of that."""

    text: str
    without: dict[str, Any]
    address: str


@dataclass(frozen=True, slots=True)
class QuantityChoice:
    """A quantity that a condition or an order can be about."""

    name: str
    unit: str
    definition: str
    is_truth: bool


@dataclass(frozen=True, slots=True)
class ConditionLine:
    """A condition as one row of the form."""

    name: str
    sign: str
    value: str
    written: str


@dataclass(frozen=True, slots=True)
class Form:
    """The form of a list: what it offers, and the conditions that are in force.

    ``quantities`` are offered by groups with a title; ``n_more`` fields are set among those behind a heading.
    """

    suggestions: Mapping[str, Sequence[str]]
    quantities: Sequence[tuple[str, Sequence[QuantityChoice]]]
    conditions: Sequence[ConditionLine]
    n_more: int
    labels: Mapping[str, str] = field(default_factory=lambda: LABELS)
    first: Sequence[str] = FIRST
    calibration_states: Mapping[str, str] = field(default_factory=lambda: STATUS_TEXT)
    sources: Mapping[str, str] = field(default_factory=lambda: SOURCE_TEXT)
    verdicts: Mapping[str, str] = field(default_factory=lambda: {str(one): text for one, text in VERDICT_TEXT.items()})
    moment: MomentText = MOMENT
    signs: Sequence[tuple[str, str]] = tuple((comparison.value, SIGNS[comparison]) for comparison in Comparison)


def form(
    query: Mapping[str, Any],
    conditions: Sequence[Condition],
    quantities: Sequence[tuple[str, Sequence[Quantity]]],
    suggestions: Mapping[str, Sequence[str]],
) -> Form:
    """Return the form that shows a query, given with what it asks for alone."""
    return Form(
        suggestions=suggestions,
        quantities=[(title, [choice(each) for each in group]) for title, group in quantities],
        conditions=[condition_line(condition) for condition in conditions],
        n_more=sum(name in query for name in LABELS if name not in FIRST),
    )


def choice(quantity: Quantity) -> QuantityChoice:
    """Describe a quantity."""
    return QuantityChoice(quantity.name, quantity.unit, quantity.definition, is_truth(quantity))


def condition_line(condition: Condition) -> ConditionLine:
    """Take a condition apart for its row."""
    return ConditionLine(condition.quantity.name, condition.comparison, condition.written_value, str(condition))


def chips(query: Mapping[str, Any], conditions: Sequence[Condition], address: Address) -> list[Chip]:
    """Return a chip for each criterion of a query, given with what it asks for alone.

    ``conditions`` are those of its ``where``, in the same order.
    """
    found = []
    for name, label in LABELS.items():
        given = query.get(name)
        for value in given if isinstance(given, list) else [given] if given is not None else []:
            words = WORDS.get(name, {}).get(str(value), value)
            found.append(_chip(f"{label}: {words}", query, name, value, address))
    for condition, text in zip(conditions, query.get("where", []), strict=True):
        found.append(_chip(_in_words(condition), query, "where", text, address))
    return found


def _in_words(condition: Condition) -> str:
    sign = SIGNS[condition.comparison]
    return " ".join(filter(None, (condition.quantity.name, sign, condition.written_value, condition.quantity.unit)))


def _chip(text: str, query: Mapping[str, Any], name: str, value: Any, address: Address) -> Chip:
    given = query[name]
    left = [other for other in given if other != value] if isinstance(given, list) else []
    without = {key: other for key, other in query.items() if key != name} | ({name: left} if left else {})
    return Chip(text, without, address(without))
