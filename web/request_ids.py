"""An id for each request: taken from who asks, returned, and part of every line that is logged meanwhile."""

import re
import time
import uuid

from flask import Flask, Response, g, request
from structlog.contextvars import bind_contextvars, unbind_contextvars

from shared.log import get_logger

HEADER = "X-Request-ID"
# What others send ends up in the log: nothing but what such ids consist of.
_GIVEN = re.compile(r"[A-Za-z0-9._-]{1,64}")

logger = get_logger(__name__)


def follow_requests(app: Flask) -> None:
    """Have every request of an application carry an id."""
    app.before_request(_begin)
    app.after_request(_say)
    app.teardown_request(_end)


def _begin() -> None:
    given = request.headers.get(HEADER, "")
    g.request_id = given if _GIVEN.fullmatch(given) else uuid.uuid4().hex
    g.started_s = time.perf_counter()
    bind_contextvars(request_id=g.request_id)


def _say(response: Response) -> Response:
    response.headers[HEADER] = g.request_id
    if request.method not in ("GET", "HEAD"):  # pages that renew themselves would bury what people do
        taken_ms = round(1000 * (time.perf_counter() - g.started_s), 1)
        logger.info("request_done", method=request.method, path=request.path, status=response.status_code, duration_ms=taken_ms)
    return response


def _end(_error: BaseException | None) -> None:
    unbind_contextvars("request_id")
