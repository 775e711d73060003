"""A model card as text for people, in Markdown, whatever parts the card has."""

from collections.abc import Iterator, Mapping
from typing import Any

from shared.cards import CardFigure, architecture, description, figures, heading, plain, sections
from web.schemas import RegisteredModel

COMMANDS = ("command", "commands")


def markdown(model: RegisteredModel) -> str:
    """Return the card of a model: what it is, data, split, training, commands, figures, and whatever else it says."""
    lines = [f"# {model.reference}{' (default)' if model.is_default else ''}", ""]
    if description(model.card):
        lines += [description(model.card), ""]
    lines += [
        f"- Architecture: {architecture(model.card) or 'not stated'}",
        f"- SHA-256 of the weights: {model.sha256 or 'none, a method without weights'}",
        f"- Added: {model.added_at:%Y-%m-%d %H:%M} UTC",
    ]
    for key, content in sections(model.card):
        lines += ["", f"## {heading(key)}", "", *_section(key, content)]
    return "\n".join(lines)


def _section(key: str, content: Any) -> Iterator[str]:
    if key in COMMANDS:
        # Indented text is a program's in Markdown, to be copied as it stands.
        yield from (f"    {command}" for command in (content if isinstance(content, list) else [plain(content)]))
    elif key.startswith("figures") and figures(content):
        yield from _figures(content)
    elif isinstance(content, Mapping):
        yield from (f"- {name}: {plain(value)}" for name, value in content.items())
    elif isinstance(content, list):
        yield from (f"- {plain(value)}" for value in content)
    else:
        yield plain(content)


def _figures(content: Mapping[str, Any]) -> Iterator[str]:
    found = figures(content)
    numbers = {figure.name for figure in found}
    # What is no figure says how the figures were taken.
    said = [f"- {name}: {plain(value)}" for name, value in content.items() if name not in numbers and name != "figures"]
    yield from said
    if said:
        yield ""
    yield "| figure | value | 95 % CI |"
    yield "|---|---|---|"
    yield from (f"| {figure.name} | {figure.value:.4g} | {_interval(figure)} |" for figure in found)


def _interval(figure: CardFigure) -> str:
    if figure.ci95_low is None or figure.ci95_high is None:
        return "–"
    return f"{figure.ci95_low:.4g} to {figure.ci95_high:.4g}"
