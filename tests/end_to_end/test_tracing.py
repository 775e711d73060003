"""Traces as a collector of OpenTelemetry gets them: from the request that hands a file in to the stages of its analysis."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from shared import tracing
from shared.errors import OperatorError
from shared.settings import Settings
from tests.end_to_end.drawn import draw_discs
from tests.stack import PROJECT, start_stack, wait_until

TRACE_ID, ASKER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


class Collector(ThreadingHTTPServer):
    """Takes in spans over HTTP, as any collector does."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Receiver)
        self.spans: list[tuple[str, Span]] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def named(self, name: str, **attributes: object) -> list[Span]:
        return [span for _, span in list(self.spans) if span.name == name and attributes.items() <= values(span).items()]


class _Receiver(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        assert self.path == "/v1/traces"
        sent = ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["Content-Length"])))
        for group in sent.resource_spans:
            service = next(one.value.string_value for one in group.resource.attributes if one.key == "service.name")
            self.server.spans += [(service, span) for scope in group.scope_spans for span in scope.spans]
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.end_headers()
        self.wfile.write(ExportTraceServiceResponse().SerializeToString())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def values(span: Span) -> dict[str, object]:
    """The attributes of a span, `saemi.` left out."""
    found = {}
    for one in span.attributes:
        kind = one.value.WhichOneof("value")
        value = getattr(one.value, kind)
        found[one.key.removeprefix("saemi.")] = [each.int_value for each in value.values] if kind == "array_value" else value
    return found


@pytest.fixture
def collector() -> Iterator[Collector]:
    server = Collector()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_job_and_its_stages_are_linked_to_the_request_that_handed_the_image_in(
    collector: Collector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
    draw_discs(tmp_path / "a.png", seed=1)
    settings = {"otlp_endpoint": collector.address, "worker_processes": 1, "interactive_processes": 0, "device": "cpu"}
    with start_stack(tmp_path / "data", **settings) as stack, httpx.Client(base_url=stack.address, trust_env=False) as http:
        submission = http.post("/api/v1/submissions", json={"project": "traces", "model": "classical-1"}).json()["id"]
        headers = {"traceparent": f"00-{TRACE_ID}-{ASKER}-01", "X-Request-ID": "from-the-microscope"}
        content = (tmp_path / "a.png").read_bytes()
        job = http.put(f"/api/v1/submissions/{submission}/files?name=a.png", content=content, headers=headers).json()["id"]
        wait_until(lambda: collector.named("job", job_id=job), "the job was traced")
        wait_until(lambda: any(job in values(span)["job_ids"] for span in collector.named("announce")), "so was its message")
        http.get("/healthz")
    (request,) = collector.named("PUT /api/v1/submissions/<int:id>/files", request_id="from-the-microscope")
    assert (request.trace_id.hex(), request.parent_span_id.hex()) == (TRACE_ID, ASKER), "part of the trace of who asks"
    assert values(request)["submission_id"] == submission
    assert values(request)["http.response.status_code"] == 201
    (work,) = collector.named("job", job_id=job)
    assert [(link.trace_id, link.span_id) for link in work.links] == [(request.trace_id, request.span_id)]
    assert (values(work)["submission_id"], values(work)["source_name"], values(work)["attempt"]) == (submission, "a.png", 1)
    stages = [span for _, span in collector.spans if span.parent_span_id == work.span_id]
    stages.sort(key=lambda span: span.start_time_unix_nano)
    assert [span.name for span in stages] == ["decode", "inscriptions", "split", "measure", "encode", "save"]
    assert {span.trace_id for span in stages} == {work.trace_id}
    for span in stages:
        assert work.start_time_unix_nano <= span.start_time_unix_nano <= span.end_time_unix_nano <= work.end_time_unix_nano
    assert {service for service, _ in collector.spans} == {"saemi-web", "saemi-worker", "saemi-scheduler"}
    assert not any("healthz" in span.name for _, span in collector.spans)


def test_an_address_without_the_packages_is_said_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracing, "PACKAGES", ("nobody_has_this.sdk",))
    with pytest.raises(OperatorError, match=r"install saemi\[tracing\]"):
        tracing.start_tracing(Settings(otlp_endpoint="http://collector:4318"), "web")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318")
    with pytest.raises(OperatorError):
        tracing.is_wanted(Settings())
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT")
    assert not tracing.is_wanted(Settings()), "without an address nobody needs them"


def test_where_tracing_is_off_nothing_of_it_is_loaded() -> None:
    program = (
        "import sys\n"
        "from shared import tracing\n"
        "from shared.settings import Settings\n"
        "tracing.start_tracing(Settings(), 'web')\n"
        "tracing.record('job', 0.0, 1.0, {})\n"
        "with tracing.request_span('GET', None, {}) as span: assert span is None and tracing.traceparent() is None\n"
        "sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))\n"
    )
    environment = {"PYTHONPATH": str(PROJECT), "PATH": "/usr/bin:/bin"}
    assert subprocess.run([sys.executable, "-c", program], env=environment, check=False).returncode == 0
