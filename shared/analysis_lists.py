"""Lists of analyses that fit a filter, in the order of any statistic. Functions take the session first and never commit."""

from collections.abc import Iterator

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from shared.analysis_filter import AnalysisFilter, narrowed
from shared.models import AnalysisRow
from shared.quantities import STATISTIC_QUANTITIES
from shared.searching import Order, Place, in_order, patiently

CREATED_AT = "created_at"
SORTS = (CREATED_AT, *(quantity.name for quantity in STATISTIC_QUANTITIES))
EVERY_ANALYSIS = AnalysisFilter()
# Rows that a list of all hits holds at a time.
BATCH = 500


def analysis_order(sort: str, *, is_descending: bool) -> Order:
    """Return the order of analyses by one of `SORTS`."""
    return Order(getattr(AnalysisRow, sort), AnalysisRow.id, is_descending)


NEWEST_FIRST = analysis_order(CREATED_AT, is_descending=True)


def analyses_page(
    session: Session,
    *,
    limit: int,
    after: Place | None = None,
    order: Order = NEWEST_FIRST,
    wanted: AnalysisFilter = EVERY_ANALYSIS,
) -> list[AnalysisRow]:
    """Return up to ``limit`` analyses that fit a filter, those behind a place only; raises InputError ``search_too_wide``."""
    found: list[AnalysisRow] = []
    with patiently():
        for query in in_order(_fitting(session, wanted), order, after):
            found += session.scalars(query.limit(limit - len(found)))
            if len(found) == limit:
                break
    return found


def all_analyses(session: Session, *, order: Order, wanted: AnalysisFilter) -> Iterator[list[AnalysisRow]]:
    """Yield all analyses that fit a filter in batches, without holding them all; raises as `analyses_page` does."""
    with patiently():
        for query in in_order(_fitting(session, wanted), order, None):
            for batch in session.scalars(query, execution_options={"yield_per": BATCH}).partitions():
                yield list(batch)
                session.expunge_all()


def _fitting(session: Session, wanted: AnalysisFilter) -> Select[tuple[AnalysisRow]]:
    return narrowed(select(AnalysisRow), wanted, session.get_bind().dialect)
