"""The audit trail: who decided which pixel size, when, for what, and how far it is applied."""

from flask import render_template

from shared import audit, decisions
from web.pages.decisions import decision_line
from web.services import services
from web.views.addresses import ROWS, ListQuery, asked


def decisions_page() -> str:
    """Show the decisions about pixel sizes, the newest first."""
    query = asked(ListQuery)
    with services().database.reading() as session:
        rows = decisions.decisions_page(session, before=query.before, limit=ROWS + 1)
        lines = [decision_line(listed) for listed in audit.listed_decisions(session, rows[:ROWS])]
    return render_template(
        "decisions.html",
        lines=lines,
        before=query.before,
        older=lines[-1].id if len(rows) > ROWS else None,
        unfinished=any(line.is_under_way for line in lines),
    )
