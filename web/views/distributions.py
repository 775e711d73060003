"""The distribution of all analyses that fit a filter."""

from urllib.parse import urlencode

from flask import render_template

from shared.analysis_lists import analyses_page
from web.pages import distribution
from web.services import services
from web.views.addresses import SelectionQuery, asked


def distribution_page() -> str:
    """Show the distribution of the analyses that fit the filter of the address."""
    query = asked(SelectionQuery)
    with services().database.reading() as session:
        is_empty = not analyses_page(session, limit=1, wanted=query.filter)
    wanted = query.model_dump(mode="json", exclude={"sort", "order"}, exclude_defaults=True)
    return render_template(
        "distribution.html",
        is_empty=is_empty,
        wanted=wanted,
        filters=distribution.filters(wanted),
        selection=urlencode(wanted, doseq=True),
        offered=distribution.card_of_selection(),
        **distribution.VOCABULARY,
    )
