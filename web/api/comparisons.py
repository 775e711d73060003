"""Selections against each other."""

from flask import Response

from shared import pools
from shared.compared_sizes import compare
from shared.errors import InputError
from shared.quantities import DIAMETERS
from shared.selection import Selection
from web.api.blueprint import answer, api_blueprint
from web.comparison_schemas import ComparisonAnswer, ComparisonQuery
from web.selection_schemas import selected
from web.services import services

api = api_blueprint("comparisons", "Whether samples differ.")


@api.get("/comparison", responses={200: ComparisonAnswer})
def show_comparison(query: ComparisonQuery) -> Response:
    """Compare the sizes of two to four selections: medians, equivalence within a limit, and whole distributions."""
    if query.quantity not in DIAMETERS:
        raise InputError(f"Diameters are compared, {query.quantity} is none.", code="no_diameter")
    asked = [selected(text) for text in query.selection]
    with services().database.reading() as session:
        found = [
            pools.population(session, Selection(wanted.filter), query.quantity, query.counting_rule) for _, wanted in asked
        ]
    pairs = compare([one.sample for one in found], query.limit)
    return answer(ComparisonAnswer.of(query, [text for text, _ in asked], found, pairs))
