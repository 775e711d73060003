"""Particles of many analyses as rows of a table."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.conditions import Condition
from shared.finding_rows import ParticleRow
from shared.quantities import PARTICLE_QUANTITIES
from web.pages.result import LABELS
from web.pages.writing import count, number

# Without unit suffix: in nm where the image is calibrated, else in px.
USUAL = ("ecd", "feret_max", "feret_min", "aspect_ratio", "circularity", "solidity", "touches_border")
_KNOWN = {quantity.name: quantity for quantity in PARTICLE_QUANTITIES}


@dataclass(frozen=True, slots=True)
class ParticleColumn:
    """A quantity, or a length in nm or px; ``name`` is that of the column or what it is called without its unit."""

    name: str
    label: str
    definition: str


@dataclass(frozen=True, slots=True)
class ParticleLine:
    """A particle as one row."""

    analysis_id: int
    label: int
    file: str
    cells: list[str]


def columns(conditions: Sequence[Condition]) -> list[ParticleColumn]:
    """Return the usual columns, and behind them what is asked for besides."""
    asked = dict.fromkeys(condition.quantity.name for condition in conditions)
    further = [name for name in asked if name not in (*USUAL, "label") and name.rpartition("_")[0] not in USUAL]
    return [_column(name) for name in (*USUAL, *further)]


def line(row: ParticleRow, file: str | None, shown: Sequence[ParticleColumn]) -> ParticleLine:
    """Describe a particle."""
    cells = [_cell(row, column.name) for column in shown]
    return ParticleLine(row.analysis_id, row.label, file or f"Analysis {row.analysis_id}", cells)


def _column(name: str) -> ParticleColumn:
    quantity = _KNOWN.get(name) or _KNOWN[f"{name}_nm"]
    return ParticleColumn(name, LABELS.get(name) or LABELS[name.rpartition("_")[0]], quantity.definition)


def _cell(row: ParticleRow, name: str) -> str:
    if name not in _KNOWN:
        name = f"{name}_px" if getattr(row, f"{name}_nm") is None else f"{name}_nm"
    value = getattr(row, name)
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = count(value) if isinstance(value, int) else number(value)
    return f"{text} {_KNOWN[name].unit}".rstrip()
