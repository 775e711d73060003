"""Model cards as people read them.

A card is free-form JSON but for name, version, architecture and hash: nothing else is relied on.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# What models are compared by, as `saemi evaluate` calls it and as people do.
MAIN_FIGURES = {"dice": "Dice", "ap50": "AP50", "map": "mAP", "f1": "F1"}
# What a registered model says of itself in columns of its own.
IDENTIFYING = frozenset({"name", "version", "architecture", "architecture_version", "sha256"})
# What a reader asks first, in the order of asking; whatever else a card says comes after it.
SECTION_ORDER = ("data", "split", "training", "seed", "seeds", "command", "commands", "figures")


@dataclass(frozen=True, slots=True)
class CardFigure:
    """One figure of a card, with its 95 % confidence interval where the card has one."""

    name: str
    value: float
    ci95_low: float | None = None
    ci95_high: float | None = None


def figures(content: Any) -> list[CardFigure]:
    """Return the numbers of a card's ``figures``, or of another part of the same form, in the card's order.

    A figure is a number, or an object with ``value`` and, as `saemi evaluate --json` prints it, ``ci95_low`` and ``ci95_high``.
    """
    if not isinstance(content, Mapping):
        return []
    # A whole report of `saemi evaluate` has its figures one level down.
    if isinstance(content.get("figures"), Mapping):
        return figures(content["figures"])
    found = (_figure(str(name), value) for name, value in content.items())
    return [figure for figure in found if figure is not None]


def main_figures(card: Mapping[str, Any]) -> dict[str, CardFigure | None]:
    """Return the figures that models are compared by under the names people use; None where the card does not have one."""
    known = {figure.name: figure for figure in figures(card.get("figures"))}
    return {label: known.get(name) for name, label in MAIN_FIGURES.items()}


def description(card: Mapping[str, Any]) -> str:
    """Return what the model is, in the card's words; empty where it says nothing."""
    text = card.get("description")
    return text if isinstance(text, str) else ""


def architecture(card: Mapping[str, Any]) -> str:
    """Return architecture and its version; empty where the card does not state them."""
    return " ".join(str(card[key]) for key in ("architecture", "architecture_version") if card.get(key))


def sections(card: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return the parts of a card that say more than what the model is, those first that readers ask for first."""
    rest = [key for key in card if key not in IDENTIFYING and key not in SECTION_ORDER and key != "description"]
    present = [key for key in SECTION_ORDER if key in card] + rest
    return [(key, card[key]) for key in present if card[key] not in (None, "", [], {})]


def heading(key: str) -> str:
    """Return the key of a part as a heading."""
    words = key.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def plain(value: Any) -> str:
    """Return any value of a card on one line."""
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {plain(part)}" for key, part in value.items())
    if isinstance(value, list):
        return ", ".join(plain(part) for part in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "–" if value is None else str(value)


def _figure(name: str, value: Any) -> CardFigure | None:
    if isinstance(value, Mapping):
        number = _number(value.get("value"))
        limits = (_number(value.get("ci95_low")), _number(value.get("ci95_high")))
        return None if number is None else CardFigure(name, number, *limits)
    number = _number(value)
    return None if number is None else CardFigure(name, number)


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)
