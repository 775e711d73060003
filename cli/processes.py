"""The long-running processes of an installation: portal, worker and scheduler, each until it is told to stop."""

import atexit
import signal
import threading
from collections.abc import Sequence

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from shared import tracing
from shared.database import FEW_CONNECTIONS, Database
from shared.errors import OperatorError
from shared.log import configure_logging
from shared.messaging import JobSender
from shared.retention import RetentionRule
from shared.schema import require_current
from shared.settings import Settings
from shared.stores import blob_store, chunk_spool

# The most that gunicorn takes; a file's name is part of it, percent-encoded.
REQUEST_LINE_BYTES = 8190
# A slow line may need minutes for a large file; a thread, not a process, waits for it.
REQUEST_TIMEOUT_S = 600
GRACEFUL_STOP_S = 10


class PropagatingLogger(Logger):  # type: ignore[misc]  # gunicorn has no types
    """Leaves gunicorn's messages to the logging of the process."""

    def setup(self, cfg: object) -> None:  # noqa: ARG002 - the signature is gunicorn's
        """Add no handlers of its own."""
        self.error_log.propagate = True


class PortalServer(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """Gunicorn around the portal: one process, many threads, so that uploads never block each other."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        super().__init__()

    def load_config(self) -> None:
        """Set gunicorn up from our settings alone."""
        for name, value in {
            "bind": f"[{self._settings.host}]:{self._settings.port}"
            if ":" in self._settings.host
            else f"{self._settings.host}:{self._settings.port}",
            "worker_class": "gthread",
            "workers": 1,
            "threads": self._settings.web_threads,
            "limit_request_line": REQUEST_LINE_BYTES,
            "timeout": REQUEST_TIMEOUT_S,
            "graceful_timeout": GRACEFUL_STOP_S,
            "control_socket_disable": True,
            "logger_class": PropagatingLogger,
        }.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """Build the portal inside the serving process."""
        from web.app import create_app

        tracing.start_tracing(self._settings, "web")
        atexit.register(tracing.stop_tracing)
        return create_app(self._settings)


def run_web(settings: Settings) -> None:
    """Serve the portal."""
    _prepare(settings, "web")
    PortalServer(settings).run()


def run_worker(settings: Settings, queues: Sequence[str]) -> None:
    """Analyse micrographs that the named queues announce."""
    from worker.celery_app import run_worker as run_celery
    from worker.segmenters import compute_device

    _require_broker(settings)
    _prepare(settings, "worker")
    if settings.device == "cuda":
        # Said once at the start, not with every job. Only who asks for a GPU waits for PyTorch here.
        compute_device(settings.device)
    run_celery(settings, queues)


def run_scheduler(settings: Settings) -> None:
    """Announce waiting work and keep the house, while no other scheduler does."""
    from worker.dispatcher import Dispatcher
    from worker.housekeeper import Housekeeper
    from worker.metrics import serve_metrics
    from worker.retainer import Retainer
    from worker.scheduler import Scheduler
    from worker.scheduler_metrics import SchedulerCollector

    _require_broker(settings)
    _prepare(settings, "scheduler")
    tracing.start_tracing(settings, "scheduler")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    sender = JobSender(settings.broker_url, settings.broker_timeout_s)
    database = Database(settings.effective_database_url, settings.database_connections(FEW_CONNECTIONS))
    scheduler = Scheduler(database, Dispatcher(database, sender, settings), settings)
    serve_metrics(SchedulerCollector(scheduler), settings.metrics_port)
    store = blob_store(settings)
    spool = chunk_spool(settings, store)
    retainer = Retainer(database, RetentionRule.of(settings))
    keeper = Housekeeper(
        database,
        store,
        spool,
        retainer,
        keep_exports_days=settings.keep_exports_days,
        interval_s=settings.housekeeping_interval_s,
        leads=lambda: scheduler.leads,
    )
    keeping = threading.Thread(target=keeper.run, args=(stop,), name="housekeeper", daemon=True)
    keeping.start()
    scheduler.run(stop)
    tracing.stop_tracing()
    sender.close()
    database.dispose()


def _require_broker(settings: Settings) -> None:
    if not settings.broker_url:
        raise OperatorError("No message broker is set: SAEMI_BROKER_URL says where it is.", code="no_broker")


def _prepare(settings: Settings, process: str) -> None:
    configure_logging(settings.log_format, process)
    tracing.is_wanted(settings)  # what is missing for it is said at the start
    database = Database(settings.effective_database_url)
    require_current(database)
    database.dispose()
