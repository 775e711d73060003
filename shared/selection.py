"""Analyses that are looked at together, and why a pool of their sizes leaves some of them out."""

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Select
from sqlalchemy.orm import Session

from shared.analysis_filter import EVERY_ANALYSIS, AnalysisFilter, Columns, narrowed
from shared.models import AnalysisRow

# Why the particles of an analysis are not in a pool: the last one where a release before made it, or for the distances to
# neighbours where there is one particle only.
Reason = Literal["no pixel size", "pixel size in conflict", "not measured"]


@dataclass(frozen=True, slots=True)
class Selection:
    """Analyses that fit a filter; with numbers given, those of them only."""

    wanted: AnalysisFilter = EVERY_ANALYSIS
    analysis_ids: tuple[int, ...] | None = None

    def narrow(self, session: Session, query: Select[*Columns]) -> Select[*Columns]:
        """Add the conditions to a query of analyses, or of columns of theirs."""
        query = narrowed(query, self.wanted, session.get_bind().dialect)
        return query if self.analysis_ids is None else query.where(AnalysisRow.id.in_(self.analysis_ids))


@dataclass(frozen=True, slots=True)
class Excluded:
    """An analysis of a selection whose particles are not in the pool, and why."""

    analysis_id: int
    reason: Reason


def reason_without_nm(calibration_status: str) -> Reason:
    """Say why an analysis has nothing in nanometres."""
    return "pixel size in conflict" if calibration_status == "conflict" else "no pixel size"
