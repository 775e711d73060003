"""Models as pages show them: by their cards, whatever these have."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared import cards, registry
from shared.cards import CardFigure
from shared.model_rows import ModelRow
from web.pages.writing import Fact, short_hash


@dataclass(frozen=True, slots=True)
class ModelLine:
    """A model as an entry of a choice or of the page of models."""

    reference: str
    is_default: bool
    sha256: str
    short_sha256: str
    added_at: datetime
    architecture: str
    description: str
    main_figures: dict[str, str]
    figures: list[CardFigure]
    facts: list[Fact]


def model_line(row: ModelRow) -> ModelLine:
    """Describe a registered model by its card, whatever the card has."""
    main = {label: f"{figure.value:.3f}" if figure else "–" for label, figure in cards.main_figures(row.card).items()}
    return ModelLine(
        reference=registry.identity(row).reference,
        is_default=row.is_default,
        sha256=row.sha256 or "",
        short_sha256=short_hash(row.sha256),
        added_at=row.added_at,
        architecture=cards.architecture(row.card),
        description=cards.description(row.card),
        main_figures=main,
        figures=cards.figures(row.card.get("figures")),
        facts=_card_facts(row),
    )


def _card_facts(row: ModelRow) -> list[Fact]:
    """List what a card says beside its description and its figures, each part on one line."""
    parts = cards.sections(row.card)
    figures = cards.figures(row.card.get("figures"))
    facts = [Fact(cards.heading(key), cards.plain(content)) for key, content in parts if key != "figures" or not figures]
    return facts + _how_figures_were_taken(row.card.get("figures"), {figure.name for figure in figures})


def _how_figures_were_taken(content: Any, numbers: set[str]) -> list[Fact]:
    if not isinstance(content, dict):
        return []
    said = {key: value for key, value in content.items() if key not in numbers and key != "figures"}
    return [Fact("Figures taken", cards.plain(said))] if numbers and said else []
