"""Pages of a selection, as the API and the portal read them."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from shared import job_lists, particle_search
from shared.analysis_lists import analyses_page, analysis_order
from shared.finding_rows import ParticleRow
from shared.models import AnalysisRow
from shared.particle_search import BEGIN, Seen
from shared.searching import Order, Place
from web.paging import decode_cursor, decode_place, encode_cursor, encode_place, paged
from web.selection_schemas import AnalysisQuery, AnalysisSelection, ParticleSearchQuery


def order_of(query: AnalysisSelection) -> Order:
    """Return the order that is asked for."""
    return analysis_order(query.sort, is_descending=query.order == "desc")


def analyses_of(session: Session, query: AnalysisQuery, limit: int) -> tuple[Sequence[AnalysisRow], str | None]:
    """Return one page of the analyses that are asked for, and the cursor of the next one."""
    order = order_of(query)
    after = decode_place(query.cursor, query.sort, query.order, order.column.type.python_type)
    rows = analyses_page(session, limit=limit + 1, after=after, order=order, wanted=query.filter)

    def cursor_of(row: AnalysisRow) -> str:
        return encode_place(query.sort, query.order, Place(getattr(row, query.sort), row.id))

    return paged(rows, limit, cursor_of)


def particles_of(session: Session, query: ParticleSearchQuery, limit: int) -> tuple[Sequence[ParticleRow], str | None]:
    """Return one page of the particles that are asked for, which may end early, and the cursor of the next one."""
    key = decode_cursor(query.cursor, 2)
    after = Seen(int(key[0]), int(key[1])) if key else BEGIN
    page = particle_search.particles_page(session, query.filter, query.about_particles, after=after, limit=limit)
    return page.particles, encode_cursor(page.seen.analysis_id, page.seen.label) if page.seen else None


def first_names(session: Session, analysis_ids: Sequence[int]) -> dict[int, str]:
    """Return the name under which the image of each analysis was first handed in, of those that still have one."""
    origins = job_lists.origins_of(session, list(dict.fromkeys(analysis_ids)))
    return {number: found[0][0].source_name for number, found in origins.items() if found}
