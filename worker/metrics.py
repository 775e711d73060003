"""What Prometheus reads of a worker: its jobs by outcome, how long their stages took, what it holds, and its GPUs.

The main process gives them and takes them from the rows: its pool's processes may be killed at any moment, and what they would
have counted in their memory would be gone, while a row that has ended stays.
"""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, Counter, Histogram, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from sqlalchemy import select

from shared import exports, usage
from shared.database import Database, database_time
from shared.errors import OperatorError, TransientError
from shared.exports import EndedExport
from shared.log import get_logger
from shared.usage import EndedJob
from shared.workers import WorkerDescription
from worker.gpu_metrics import gpu_metrics

# An end is dated when it is written and seen when it is committed: so far back is looked again.
OVERLAP = timedelta(seconds=60)
# Clocks of this machine and the database may differ; a worker has a name of its own, so that nothing of others is counted.
BEFORE_START = timedelta(hours=1)
BUCKETS_S = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, float("inf"))

logger = get_logger(__name__)


class WorkerCollector(Collector):
    """Counts what came to an end in the hands of a worker since it was asked last."""

    def __init__(self, database: Database, worker: WorkerDescription) -> None:
        self._database = database
        self._worker = worker
        self._outcomes = Counter("saemi_worker_jobs", "Jobs that ended, by outcome.", ("outcome",), registry=None)
        self._durations = Histogram("saemi_job_duration_seconds", "Time from claim to end.", registry=None, buckets=BUCKETS_S)
        self._stages = Histogram(
            "saemi_stage_duration_seconds", "Time in a stage.", ("stage",), registry=None, buckets=BUCKETS_S
        )
        self._exports = Histogram(
            "saemi_export_duration_seconds",
            "Time in which exports ended, by outcome.",
            ("outcome",),
            registry=None,
            buckets=BUCKETS_S,
        )
        self._load = {
            "n_passes": Counter("saemi_network_passes", "Passes of the network.", registry=None),
            "n_tiles": Counter("saemi_network_tiles", "Tiles that went through the network.", registry=None),
            "n_places": Counter("saemi_network_places", "Tiles that its passes had room for.", registry=None),
        }
        self._since = datetime.now(UTC) - BEFORE_START
        self._counted: set[tuple[type, int, datetime]] = set()
        self._one_at_a_time = threading.Lock()

    def collect(self) -> Iterator[Metric]:
        """Yield what is counted so far; while the database is away, what was counted before."""
        with self._one_at_a_time:
            try:
                held = self._read()
            except (TransientError, OperatorError) as error:
                logger.warning("worker_not_measured", code=error.code)
                held = []
        yield GaugeMetricFamily("saemi_worker_pool_processes", "Processes of this worker.", value=self._worker.n_processes)
        yield from held
        for metric in (self._outcomes, self._durations, self._stages, self._exports, *self._load.values()):
            yield from metric.collect()
        yield from gpu_metrics()

    def _read(self) -> list[Metric]:
        with self._database.reading() as session:
            now = session.scalars(select(database_time())).one()
            ended: list[EndedJob | EndedExport] = [
                *usage.ended_by(session, self._worker.name, self._since),
                *exports.ended_by(session, self._worker.name, self._since),
            ]
            n_jobs, n_messages = usage.in_hand(session, self._worker.name)
        for one in ended:
            if _key(one) not in self._counted:
                self._count(one)
        self._since = now - OVERLAP
        self._counted = {_key(one) for one in ended if one.finished_at >= self._since}
        fill = n_jobs / n_messages if n_messages else 0.0
        return [
            GaugeMetricFamily("saemi_worker_jobs_in_hand", "Jobs that this worker holds.", value=n_jobs),
            GaugeMetricFamily("saemi_worker_batch_jobs", "Jobs it holds by one message, on average.", value=fill),
        ]

    def _count(self, ended: EndedJob | EndedExport) -> None:
        if isinstance(ended, EndedExport):
            self._exports.labels(ended.state).observe(ended.duration_s)
        else:
            self._count_job(ended)

    def _count_job(self, job: EndedJob) -> None:
        self._outcomes.labels(job.state).inc()
        if job.duration_s is not None:
            self._durations.observe(job.duration_s)
        for name, seconds in job.timings.items():
            self._stages.labels(name.removesuffix("_s")).observe(seconds)
        for name, amount in job.network_load.items():
            self._load[name].inc(amount)


def _key(ended: EndedJob | EndedExport) -> tuple[type, int, datetime]:
    return type(ended), ended.id if isinstance(ended, EndedExport) else ended.job_id, ended.finished_at


def serve_metrics(collector: Collector, port: int) -> WSGIServer | None:
    """Give metrics on a port of this machine from a thread of its own, as long as the process lives; 0 gives none.

    Raises OperatorError ``port_unavailable`` where the port is taken.
    """
    if port == 0:
        return None
    registry = CollectorRegistry()
    registry.register(collector)
    try:
        server, _ = start_http_server(port, registry=registry)
    except OSError as error:
        message = f"The metrics cannot be given on port {port}: {error.strerror}. SAEMI_METRICS_PORT sets another one."
        raise OperatorError(message, code="port_unavailable") from error
    return server
