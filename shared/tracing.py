"""Traces by OpenTelemetry, off unless an address of a collector is set: requests, announcements, and jobs with their stages.

The trace of a job is one of its own, linked to the request that handed its file in: a submission of thousands of files would
otherwise be one trace that no viewer opens. Attributes carry the ids that the logs have. Where tracing is off nothing of
OpenTelemetry is loaded, and every function here returns at once.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

from shared.errors import OperatorError
from shared.settings import Settings

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Link, Span

# What OpenTelemetry's own exporters go by.
STANDARD_VARIABLES = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
PACKAGES = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")
HEADER = "traceparent"
NS = 1_000_000_000

Value = str | int | float | bool | Sequence[int]


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of some work: when it began, s since 1970, and how long it took, s."""

    name: str
    began_s: float
    duration_s: float


@dataclass(slots=True)
class _Process:
    """What traces this process; one in each, as its logging is."""

    provider: "TracerProvider | None" = None


_process = _Process()


def is_wanted(settings: Settings) -> bool:
    """Tell whether traces are to be sent.

    Raises
    ------
    OperatorError
        ``tracing_not_installed`` where they are and the packages for it are missing.
    """
    if not settings.otlp_endpoint and not any(os.environ.get(name) for name in STANDARD_VARIABLES):
        return False
    if not _is_installed():
        message = "Traces are to be sent, but OpenTelemetry is missing: install saemi[tracing], or unset the address."
        raise OperatorError(message, code="tracing_not_installed")
    return True


def start_tracing(settings: Settings, process: str) -> None:
    """Begin to trace this process where that is wanted: after it was forked, because the sender is a thread.

    Raises OperatorError as `is_wanted` does.
    """
    if _process.provider is not None or not is_wanted(settings):
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    endpoint = f"{settings.otlp_endpoint}/v1/traces" if settings.otlp_endpoint else None
    resource = Resource.create({"service.namespace": "saemi", "service.name": f"saemi-{process}", "process.pid": os.getpid()})
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint)))
    _process.provider = provider


def stop_tracing() -> None:
    """Send what is left, and trace no more."""
    provider, _process.provider = _process.provider, None
    if provider is not None:
        provider.shutdown()


@contextmanager
def request_span(name: str, parent: str | None, attributes: Mapping[str, Value]) -> Iterator["Span | None"]:
    """Trace what is done in the block as the answer to a request, as part of the asker's trace where one is named."""
    if _process.provider is None:
        yield None
        return
    from opentelemetry.trace import SpanKind  # noqa: PLC0415

    tracer = _process.provider.get_tracer("saemi")
    with tracer.start_as_current_span(
        name, context=_context(parent), kind=SpanKind.SERVER, attributes=dict(attributes)
    ) as span:
        yield span


def traceparent() -> str | None:
    """Return the span in whose block this is called, in the form of the W3C; None where there is none."""
    if _process.provider is None:
        return None
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415

    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier)
    return carrier.get(HEADER)


def record(
    name: str,
    began_s: float,
    ended_s: float,
    attributes: Mapping[str, Value | None],
    *,
    stages: Sequence[Stage] = (),
    linked: str | None = None,
    error: str | None = None,
) -> None:
    """Trace work that is over, as a trace of its own.

    Parameters
    ----------
    name
        Of the work.
    began_s, ended_s
        Since 1970, s.
    attributes
        What identifies it; None is left out.
    stages
        Its parts.
    linked
        The span that asked for it, as `traceparent` gave it.
    error
        The code by which it failed.
    """
    if _process.provider is None:
        return
    from opentelemetry.context import Context  # noqa: PLC0415
    from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context  # noqa: PLC0415

    tracer = _process.provider.get_tracer("saemi")
    known = {key: value for key, value in attributes.items() if value is not None}
    span = tracer.start_span(
        name,
        context=Context(),
        kind=SpanKind.CONSUMER,
        attributes=known,
        links=_links(linked),
        start_time=round(began_s * NS),
    )
    inside = set_span_in_context(span, Context())
    for stage in stages:
        part = tracer.start_span(stage.name, context=inside, start_time=round(stage.began_s * NS))
        part.end(round((stage.began_s + stage.duration_s) * NS))
    if error is not None:
        span.set_attribute("error.type", error)
        span.set_status(Status(StatusCode.ERROR, error))
    span.end(round(ended_s * NS))


def _is_installed() -> bool:
    try:
        return all(find_spec(name) for name in PACKAGES)
    except ModuleNotFoundError:  # of a package that holds one of them
        return False


def _context(given: str | None) -> "Context":
    from opentelemetry.context import Context  # noqa: PLC0415
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415

    return TraceContextTextMapPropagator().extract({HEADER: given} if given else {}, context=Context())


def _links(given: str | None) -> "list[Link]":
    from opentelemetry.trace import Link, get_current_span  # noqa: PLC0415

    context = get_current_span(_context(given)).get_span_context()
    return [Link(context)] if context.is_valid else []
