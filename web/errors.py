"""One place where errors become answers: JSON of one shape for the API, a page for people."""

import uuid

from flask import Flask, jsonify, make_response, render_template, request
from flask.typing import ResponseReturnValue
from flask.wrappers import Response
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException

from shared.errors import InputError, NotFoundError, OperatorError, SaemiError, TransientError
from shared.log import get_logger
from web.schemas import ErrorAnswer, ErrorBody
from web.validation import problems_of, sentence_of

RETRY_AFTER_S = 5
STATUS_BY_CODE = {
    "checksum_differs": 460,  # the number that the tus protocol gave it
    "export_ended": 409,
    "export_not_made": 409,
    "export_removed": 410,
    "file_too_large": 413,
    "job_done": 409,
    "job_ended": 409,
    "no_public_store": 409,
    "selection_too_large": 413,
    "side_car_differs": 409,
    "storage_full": 507,
    "table_too_large": 413,
    "too_large_for_store": 413,
    "tus_version": 412,
    "unsupported_checksum": 400,
    "unsupported_media_type": 415,
    "upload_expired": 410,
    "upload_incomplete": 409,
    "upload_offset_differs": 409,
    "upload_too_long": 413,
}

logger = get_logger(__name__)


def register_error_handlers(app: Flask) -> None:
    """Answer every error of the application."""
    app.register_error_handler(SaemiError, _answer_named)
    app.register_error_handler(HTTPException, _answer_http)
    app.register_error_handler(Exception, _answer_bug)


def invalid_request(error: ValidationError) -> Response:
    """Answer a request that does not fit the schema, every problem named."""
    problems = problems_of(error)
    body = ErrorBody(code="invalid_request", message=sentence_of(problems), details=problems)
    return make_response(_answer(422, body))


def _answer_named(error: SaemiError) -> ResponseReturnValue:
    body = ErrorBody(code=error.code, message=error.message, details=error.details)
    status = STATUS_BY_CODE.get(error.code) or _status(error)
    if status >= 500:
        body.reference = uuid.uuid4().hex[:8]
        logger.warning("request_refused", code=error.code, message=error.message, reference=body.reference)
    return _answer(status, body)


def _status(error: SaemiError) -> int:
    match error:
        case NotFoundError():
            return 404
        case InputError():
            return 422
        case TransientError() | OperatorError():
            return 503
        case _:
            return 500


def _answer_http(error: HTTPException) -> ResponseReturnValue:
    if error.code is None or error.code < 400:
        return error.get_response()
    if error.response is not None:  # a validation error that is an answer already
        return error.response
    code = error.name.lower().replace(" ", "_")
    answer = make_response(_answer(error.code, ErrorBody(code=code, message=error.description or error.name)))
    answer.headers.update((name, value) for name, value in error.get_headers() if name != "Content-Type")  # Allow, for one
    return answer


def _answer_bug(error: Exception) -> ResponseReturnValue:
    reference = uuid.uuid4().hex[:8]
    logger.exception("request_crashed", reference=reference, path=request.path, exc_info=error)
    message = f"SAEMI made an error. Its log says more under the reference {reference}."
    return _answer(500, ErrorBody(code="internal_error", message=message, reference=reference))


def _answer(status: int, body: ErrorBody) -> ResponseReturnValue:
    headers = {"Retry-After": str(RETRY_AFTER_S)} if status in (503, 507) else {}
    if request.path.startswith("/api/"):
        return jsonify(ErrorAnswer(error=body).model_dump()), status, headers
    return render_template("error.html", status=status, error=body), status, headers
