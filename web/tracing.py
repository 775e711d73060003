"""Requests as spans, each with the id that the log has; what they hand in is linked to them."""

from contextlib import ExitStack

from flask import Flask, Response, g, request

from shared import tracing

# Asked for again and again by machines.
UNTRACED = frozenset({"static", "metrics", "probes.healthz", "probes.readyz"})


def trace_requests(app: Flask) -> None:
    """Have every request of an application that is none of a probe be a span, where tracing is on."""
    app.before_request(_begin)
    app.after_request(_note_status)
    app.teardown_request(_end)


def _begin() -> None:
    if request.endpoint in UNTRACED:
        return
    route = request.url_rule.rule if request.url_rule else "unknown"
    attributes = {"http.request.method": request.method, "http.route": route, "saemi.request_id": g.request_id}
    if request.view_args and "submission" in route and isinstance(number := request.view_args.get("id"), int):
        attributes["saemi.submission_id"] = number
    g.tracing = ExitStack()
    parent = request.headers.get(tracing.HEADER)
    g.span = g.tracing.enter_context(tracing.request_span(f"{request.method} {route}", parent, attributes))


def _note_status(response: Response) -> Response:
    if (span := g.get("span")) is not None:
        span.set_attribute("http.response.status_code", response.status_code)
    return response


def _end(_error: BaseException | None) -> None:
    if (open_span := g.pop("tracing", None)) is not None:
        open_span.close()
