"""The blueprint of version 1 and what its views have in common."""

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Literal
from urllib.parse import quote

from flask import Response, jsonify, make_response, stream_with_context
from flask_openapi3 import APIBlueprint, RawModel, Tag
from pydantic import BaseModel
from sqlalchemy.orm import Session
from werkzeug.http import dump_options_header

from shared.tables import csv_lines
from web.schemas import ErrorAnswer
from web.services import services

API_PREFIX = "/api/v1"
ERRORS: dict[str | int | HTTPStatus, type[BaseModel] | dict[Any, Any] | None] = {
    404: ErrorAnswer,
    422: ErrorAnswer,
    503: ErrorAnswer,
}


class FileBody(RawModel):
    """A body that is the bytes of a file; a view gets the request under the name `raw` and reads it as it arrives."""

    mimetypes = ["application/octet-stream"]  # noqa: RUF012 - the library declares it so


def api_blueprint(name: str, description: str) -> APIBlueprint:
    """Create the blueprint of one kind of resource."""
    tag = Tag(name=name, description=description)
    return APIBlueprint(f"api_{name}", __name__, url_prefix=API_PREFIX, abp_tags=[tag], abp_responses=ERRORS)


def answer(model: BaseModel, status: int = 200) -> Response:
    """Answer with a model as JSON."""
    return make_response(jsonify(model.model_dump(mode="json")), status)


def as_download(response: Response, filename: str) -> Response:
    """Have browsers save a response under a name of any script."""
    response.headers["Content-Disposition"] = content_disposition("attachment", filename)
    return response


def as_csv(columns: Sequence[str], records: Callable[[Session], Iterable[Mapping[str, Any]]], filename: str) -> Response:
    """Answer with a table that is read while it is sent."""

    def lines() -> Iterator[str]:
        with services().database.reading() as session:
            yield from csv_lines(columns, records(session))

    return as_download(Response(stream_with_context(lines()), mimetype="text/csv"), filename)


def content_disposition(kind: Literal["inline", "attachment"], filename: str) -> str:
    """Return the header that shows or saves an answer under a name (RFC 6266: a plain name, and the real one encoded)."""
    plain = unicodedata.normalize("NFKD", filename).encode("ascii", "ignore").decode()
    return dump_options_header(kind, {"filename": plain, "filename*": f"UTF-8''{quote(filename, safe='')}"})
