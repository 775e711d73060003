"""What Prometheus reads of the portal: how long requests take, and how the queue stands by the rows.

The figures of the queue are the same from every portal of an installation: take the largest, never the sum.
"""

import time
from collections.abc import Iterator

from flask import Flask, Response, g, request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from sqlalchemy import select
from sqlalchemy.orm import Session

from shared import election, exports, submissions, usage, workers
from shared.database import Database, database_time
from shared.errors import OperatorError, TransientError
from shared.leases import JobState
from shared.log import get_logger
from shared.queues import QUEUES
from shared.turns import Priority

# Requests with these methods carry files.
UPLOADS = ("PUT", "PATCH")

logger = get_logger(__name__)


def measure_requests(app: Flask, database: Database) -> None:
    """Measure every request of an application, and give the figures under /metrics."""
    registry = CollectorRegistry()
    durations = Histogram(
        "saemi_request_duration_seconds", "Time to the answer.", ("method", "endpoint", "status"), registry=registry
    )
    uploads = Gauge("saemi_uploads_under_way", "Requests that carry files at this moment.", registry=registry)
    registry.register(QueueCollector(database))

    def begin() -> None:
        g.measured_from_s = time.perf_counter()
        g.is_upload = request.method in UPLOADS
        if g.is_upload:
            uploads.inc()

    def observe(response: Response) -> Response:
        labels = (request.method, request.endpoint or "none", str(response.status_code))
        durations.labels(*labels).observe(time.perf_counter() - g.measured_from_s)
        return response

    def end(_error: BaseException | None) -> None:
        if g.pop("is_upload", False):
            uploads.dec()

    app.before_request(begin)
    app.after_request(observe)
    app.teardown_request(end)
    app.add_url_rule(
        "/metrics", "metrics", lambda: Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST), methods=["GET"]
    )


class QueueCollector(Collector):
    """Reads from the rows how the queue stands, each time it is asked."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def collect(self) -> Iterator[Metric]:
        """Yield what the rows say; without a database that it is away."""
        try:
            with self._database.reading() as session:
                found = [*_of_jobs(session), *_of_queue(session), *_of_exports(session), *_of_processes(session)]
        except (TransientError, OperatorError) as error:
            logger.warning("queue_not_measured", code=error.code)
            found = []
        yield GaugeMetricFamily("saemi_database_up", "Whether the database answered.", value=bool(found))
        yield from found


def _of_jobs(session: Session) -> list[Metric]:
    by_state = GaugeMetricFamily("saemi_jobs", "Jobs by state, of all time.", labels=["state"])
    counts = submissions.counts(session)
    for state in JobState:
        by_state.add_metric([state], getattr(counts, state))
    by_code = GaugeMetricFamily("saemi_failed_jobs", "Jobs that failed, by reason.", labels=["code"])
    for code, n in usage.failures_by_code(session).items():
        by_code.add_metric([code], n)
    return [by_state, by_code]


def _of_queue(session: Session) -> list[Metric]:
    queued = GaugeMetricFamily("saemi_queue_jobs", "Jobs that wait for a worker.", labels=["priority"])
    running = GaugeMetricFamily("saemi_running_jobs", "Jobs that workers hold.", labels=["priority"])
    paused = GaugeMetricFamily("saemi_paused_jobs", "Jobs that wait because they are paused.", labels=["priority"])
    age = GaugeMetricFamily("saemi_queue_oldest_seconds", "How long the oldest of them has waited.", labels=["priority"])
    now = session.scalars(select(database_time())).one()
    shares = usage.open_shares(session)
    for priority in Priority:
        of = [share for share in shares if share.priority is priority]
        queued.add_metric([priority], sum(share.n_queued for share in of))
        running.add_metric([priority], sum(share.n_running for share in of))
        paused.add_metric([priority], sum(share.n_paused for share in of))
        waiting = [share.oldest for share in of if share.oldest is not None]
        age.add_metric([priority], (now - min(waiting)).total_seconds() if waiting else 0)
    n_open = GaugeMetricFamily(
        "saemi_open_submissions", "Submissions with jobs that have not ended.", value=usage.n_open_submissions(session)
    )
    return [queued, running, paused, age, n_open]


def _of_exports(session: Session) -> list[Metric]:
    by_state = GaugeMetricFamily("saemi_exports", "Exports by state, of all time.", labels=["state"])
    for state, n in exports.counts(session).items():
        by_state.add_metric([state], n)
    return [by_state]


def _of_processes(session: Session) -> list[Metric]:
    processes = GaugeMetricFamily("saemi_worker_processes", "Processes of workers that live.", labels=["queue"])
    living = workers.living(session)
    for queue in QUEUES:
        processes.add_metric([queue], sum(worker.n_processes for worker in living if queue in worker.queues))
    is_led = election.is_office_held(session, election.SCHEDULER)
    return [
        GaugeMetricFamily("saemi_workers", "Workers that live.", value=len(living)),
        processes,
        GaugeMetricFamily("saemi_scheduler_leads", "Whether a scheduler announces work.", value=is_led),
    ]
