"""The blueprint of version 1 and what its views have in common."""

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any

from flask import Response, jsonify, make_response
from flask_openapi3 import APIBlueprint, Tag
from pydantic import BaseModel

from web.schemas import ErrorAnswer

API_PREFIX = "/api/v1"
ERRORS: dict[str | int | HTTPStatus, type[BaseModel] | dict[Any, Any] | None] = {
    404: ErrorAnswer,
    422: ErrorAnswer,
    503: ErrorAnswer,
}


def api_blueprint(name: str, description: str) -> APIBlueprint:
    """Create the blueprint of one kind of resource."""
    tag = Tag(name=name, description=description)
    return APIBlueprint(f"api_{name}", __name__, url_prefix=API_PREFIX, abp_tags=[tag], abp_responses=ERRORS)


def answer(model: BaseModel, status: int = 200) -> Response:
    """Answer with a model as JSON."""
    return make_response(jsonify(model.model_dump(mode="json")), status)


def paged(rows: Sequence[Any], limit: int, cursor_of: Callable[[Any], str]) -> tuple[Sequence[Any], str | None]:
    """Split the one row that was read beyond the page off; it says that there is a next page."""
    if len(rows) <= limit:
        return rows, None
    return rows[:limit], cursor_of(rows[limit - 1])
