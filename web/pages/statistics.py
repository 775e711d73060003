"""Columns of the list of analyses: those that are asked for beside the usual ones, and the heads that sort."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from shared.analysis_lists import CREATED_AT
from shared.conditions import Condition
from shared.models import AnalysisRow
from shared.quantities import STATISTIC_QUANTITIES, Quantity
from web.pages.writing import count, number

# What every line shows anyway.
SHOWN = (CREATED_AT, "n_particles", "ecd_mean_nm", "ecd_sd_nm", "ecd_mean_px", "ecd_sd_px")
HEADS = {"file": CREATED_AT, "n_particles": "n_particles", "size": "ecd_mean_nm"}


@dataclass(frozen=True, slots=True)
class ExtraColumn:
    """A statistic that the list shows because it is asked for."""

    quantity: Quantity

    def written(self, row: AnalysisRow) -> str:
        """Write the statistic of an analysis; a dash where there is none."""
        value = getattr(row, self.quantity.name)
        return count(value) if isinstance(value, int) else number(value)


@dataclass(frozen=True, slots=True)
class SortHead:
    """The head of a column that sorts: where a click leads, and how ARIA calls the order that it is in."""

    address: str
    aria_sort: str


def extra_columns(sort: str, conditions: Sequence[Condition]) -> list[ExtraColumn]:
    """Return the columns of what a list is sorted and narrowed by."""
    names = dict.fromkeys([sort, *(condition.quantity.name for condition in conditions)])
    known = {quantity.name: quantity for quantity in STATISTIC_QUANTITIES}
    return [ExtraColumn(known[name]) for name in names if name not in SHOWN]


def sort_heads(sort: str, order: str, address: Callable[[Mapping[str, str]], str]) -> dict[str, SortHead]:
    """Return the heads of all columns that can sort; a click on the one that does turns the order round."""
    names = HEADS | {quantity.name: quantity.name for quantity in STATISTIC_QUANTITIES}
    heads = {}
    for key, name in names.items():
        turned = "asc" if name == sort and order == "desc" else "desc"
        aria = {"asc": "ascending", "desc": "descending"}[order] if name == sort else "none"
        heads[key] = SortHead(address({"sort": name, "order": turned}), aria)
    return heads
