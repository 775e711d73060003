"""Outputs that people asked for."""

from flask import render_template

from shared import exports
from web.pages.exports import export_line
from web.services import services
from web.views.addresses import ROWS, ListQuery, asked


def exports_page() -> str:
    """Show the exports, the newest first."""
    query = asked(ListQuery)
    with services().database.reading() as session:
        rows = exports.exports_page(session, before=query.before, limit=ROWS + 1)
        lines = [export_line(row) for row in rows[:ROWS]]
    return render_template(
        "exports.html",
        lines=lines,
        before=query.before,
        older=lines[-1].id if len(rows) > ROWS else None,
        unfinished=any(line.is_under_way for line in lines),
        keep_days=services().settings.keep_exports_days,
    )
