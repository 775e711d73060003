"""The models that analyses can name."""

from flask import Response

from shared import registry
from web.api.blueprint import answer, api_blueprint
from web.paging import Page, PageQuery, decode_cursor, encode_cursor, paged
from web.schemas import RegisteredModel
from web.services import services

api = api_blueprint("models", "What finds the particles.")


@api.get("/models", responses={200: Page[RegisteredModel]})
def list_models(query: PageQuery) -> Response:
    """List the models with their cards, the newest first."""
    before = decode_cursor(query.cursor, 1)
    with services().database.reading() as session:
        rows = registry.models_page(session, before=int(before[0]) if before else None, limit=query.limit + 1)
        shown, cursor = paged(rows, query.limit, lambda row: encode_cursor(row.id))
        page = Page[RegisteredModel](items=[RegisteredModel.of(row) for row in shown], next_cursor=cursor)
    return answer(page)
