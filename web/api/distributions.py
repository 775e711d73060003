"""Distributions of sizes and of every other quantity: of one analysis, and of all that a filter selects."""

from flask import Response

from shared.selection import Selection
from shared.shown_sizes import read_analysis, read_selection, shown
from web.api.blueprint import answer, api_blueprint
from web.distribution_schemas import DistributionAnswer, LookQuery, PoolQuery
from web.schemas import IdPath
from web.services import services

api = api_blueprint("distributions", "How sizes are distributed.")


@api.get("/analyses/<int:id>/distribution", responses={200: DistributionAnswer})
def show_distribution(path: IdPath, query: LookQuery) -> Response:
    """Show the distribution of a quantity of the particles of one analysis."""
    with services().database.reading() as session:
        quantity, found = read_analysis(session, path.id, query.quantity, query.counting_rule)
    return answer(DistributionAnswer.of(shown(quantity, found, query.counting_rule, query.look)))


@api.get("/distribution", responses={200: DistributionAnswer})
def show_pool(query: PoolQuery) -> Response:
    """Show the distribution of a quantity of the particles of all analyses that fit all that is asked for.

    Analyses without this quantity, such as those without a pixel size for sizes in nm, are left out and named.
    """
    with services().database.reading() as session:
        quantity, found = read_selection(session, Selection(query.filter), query.quantity, query.counting_rule, query.made_from)
    return answer(DistributionAnswer.of(shown(quantity, found, query.counting_rule, query.look)))
