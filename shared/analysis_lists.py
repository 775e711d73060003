"""Lists of analyses that fit a filter, in the order of any statistic. Functions take the session first and never commit."""

from collections.abc import Iterator

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from shared.analysis_filter import EVERY_ANALYSIS, AnalysisFilter, Columns, narrowed
from shared.models import AnalysisRow
from shared.quantities import STATISTIC_QUANTITIES
from shared.searching import Order, Place, in_order, patiently

CREATED_AT = "created_at"
SORTS = (CREATED_AT, *(quantity.name for quantity in STATISTIC_QUANTITIES))
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
    # Numbers first: a row has kilobytes with what is read beside it, too much to sort.
    numbers: list[int] = []
    with patiently():
        for query in in_order(_fitting(session, wanted, select(AnalysisRow.id)), order, after):
            numbers += session.scalars(query.limit(limit - len(numbers)))
            if len(numbers) == limit:
                break
    rows = {row.id: row for row in session.scalars(select(AnalysisRow).where(AnalysisRow.id.in_(numbers)))}
    return [rows[number] for number in numbers]


def all_analyses(session: Session, *, order: Order, wanted: AnalysisFilter) -> Iterator[list[AnalysisRow]]:
    """Yield all analyses that fit a filter in batches, without holding them all; raises as `analyses_page` does."""
    with patiently():
        for query in in_order(_fitting(session, wanted, select(AnalysisRow)), order, None):
            for batch in session.scalars(query, execution_options={"yield_per": BATCH}).partitions():
                yield list(batch)
                session.expunge_all()


def _fitting(session: Session, wanted: AnalysisFilter, query: Select[*Columns]) -> Select[*Columns]:
    return narrowed(query, wanted, session.get_bind().dialect)
