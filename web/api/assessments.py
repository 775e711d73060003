"""What follows from sizes: screening for nanomaterials, how many more particles it takes, and how particles lie."""

from flask import Response

from shared.assessments import SCREENED_QUANTITY, arranged, guided, read_field, screened
from shared.pools import population
from shared.selection import Selection
from shared.shown_sizes import POOLED_QUANTITY, read_analysis
from web.api.blueprint import answer, api_blueprint
from web.assessment_schemas import (
    ArrangementAnswer,
    GuidanceAnswer,
    GuidanceQuery,
    PoolGuidanceQuery,
    PoolScreeningQuery,
    ScreeningAnswer,
    ScreeningQuery,
)
from web.schemas import IdPath
from web.services import services

api = api_blueprint("assessments", "What follows from sizes.")


@api.get("/analyses/<int:id>/screening", responses={200: ScreeningAnswer})
def screen_analysis(path: IdPath, query: ScreeningQuery) -> Response:
    """Screen one analysis for nanomaterials by its smallest Feret diameters, in nm."""
    with services().database.reading() as session:
        _, found = read_analysis(session, path.id, SCREENED_QUANTITY, query.counting_rule)
    return answer(ScreeningAnswer.of(screened(found), query.counting_rule))


@api.get("/screening", responses={200: ScreeningAnswer})
def screen_pool(query: PoolScreeningQuery) -> Response:
    """Screen all analyses that fit all that is asked for; those without a pixel size are left out and named."""
    with services().database.reading() as session:
        found = population(session, Selection(query.filter), SCREENED_QUANTITY, query.counting_rule)
    return answer(ScreeningAnswer.of(screened(found), query.counting_rule))


@api.get("/analyses/<int:id>/guidance", responses={200: GuidanceAnswer})
def guide_analysis(path: IdPath, query: GuidanceQuery) -> Response:
    """Estimate how many particles like those of one analysis its percentiles take."""
    with services().database.reading() as session:
        quantity, found = read_analysis(session, path.id, query.quantity, query.counting_rule)
    return answer(GuidanceAnswer.of(quantity, guided(quantity, found, query.weighting, query.target), query))


@api.get("/guidance", responses={200: GuidanceAnswer})
def guide_pool(query: PoolGuidanceQuery) -> Response:
    """Estimate how many particles the percentiles of a pool take."""
    quantity = query.quantity or POOLED_QUANTITY
    with services().database.reading() as session:
        found = population(session, Selection(query.filter), quantity, query.counting_rule)
    return answer(GuidanceAnswer.of(quantity, guided(quantity, found, query.weighting, query.target), query))


@api.get("/analyses/<int:id>/arrangement", responses={200: ArrangementAnswer})
def show_arrangement(path: IdPath) -> Response:
    """Show how the particles of one analysis lie: coverage, particles per µm², and g(r) of their centroids."""
    with services().database.reading() as session:
        field = read_field(session, path.id)
    return answer(ArrangementAnswer.of(arranged(field)))
