"""The Celery worker: a process pool that is woken by messages and takes its work from the job rows."""

import socket
import uuid
from collections.abc import Sequence

import celery
from celery import Celery
from celery.app.defaults import NAMESPACES, flatten

from shared.database import Database
from shared.domain import PIPELINE_VERSION
from shared.errors import OperatorError
from shared.messaging import create_celery
from shared.queues import QUEUES
from shared.results import SOFTWARE_VERSION
from shared.settings import Settings
from shared.workers import WorkerDescription
from worker.metrics import WorkerCollector, serve_metrics
from worker.presence import Presence

CELERY_SERIES = "5.7."

WORKER_SETTINGS = {
    "include": ["worker.tasks", "worker.pool_process"],
    # Fresh interpreters: a forked child would share connections, threads and, later, a CUDA context.
    "worker_pool": "prefork",
    "worker_pool_start_method": "spawn",
    "worker_proc_alive_timeout": 60.0,
    # A message is acknowledged when it is taken: what a dead worker held is found in the job rows, not in the broker.
    "task_acks_late": False,
    "worker_prefetch_multiplier": 1,
    "broker_connection_retry": True,
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,
    "worker_enable_remote_control": False,
    "worker_send_task_events": False,
    "worker_hijack_root_logger": False,
    "worker_redirect_stdouts": False,
}
# A waiting worker reads only when there is something to read, so this never cuts a wait short.
CONSUMER_TRANSPORT_OPTIONS = {"socket_timeout": 30.0, "socket_connect_timeout": 5.0, "socket_keepalive": True}


def create_worker(settings: Settings) -> Celery:
    """Create the application of a worker; raises OperatorError when Celery would not do what the settings say."""
    if not celery.__version__.startswith(CELERY_SERIES):
        raise OperatorError(f"Celery {celery.__version__} is installed; SAEMI works with {CELERY_SERIES}x.")
    # Celery ignores a setting it does not know without a word.
    unknown = set(WORKER_SETTINGS) - {name for name, _ in flatten(NAMESPACES)}
    if unknown:
        raise OperatorError(f"Celery does not know the settings {sorted(unknown)}.")
    app = create_celery(settings.broker_url, settings.broker_timeout_s)
    app.conf.update(WORKER_SETTINGS, broker_transport_options=CONSUMER_TRANSPORT_OPTIONS)
    app.set_current()
    app.loader.import_default_modules()
    return app


def run_worker(settings: Settings, queues: Sequence[str] = QUEUES) -> None:
    """Run a worker until it is told to stop; it then finishes what it has begun."""
    app = create_worker(settings)
    worker = describe_worker(settings, queues)
    database = Database(settings.effective_database_url)
    presence = Presence(database, worker, settings.watchdog_s)
    serve_metrics(WorkerCollector(database, worker), settings.metrics_port)
    presence.start()
    try:
        _run(app, worker)
    finally:
        presence.stop()
        database.dispose()


def describe_worker(settings: Settings, queues: Sequence[str]) -> WorkerDescription:
    """Give a worker that starts a name of its own."""
    host = socket.gethostname()
    return WorkerDescription(
        name=f"saemi@{host}-{uuid.uuid4().hex[:8]}",
        host=host,
        software_version=SOFTWARE_VERSION,
        pipeline_version=PIPELINE_VERSION,
        device=settings.device,
        queues=list(queues),
        n_processes=settings.effective_worker_processes,
    )


def _run(app: Celery, worker: WorkerDescription) -> None:
    app.worker_main(
        [
            "--quiet",  # no banner: the log is JSON from its first line
            "worker",
            f"--hostname={worker.name}",
            f"--queues={','.join(worker.queues)}",
            f"--concurrency={worker.n_processes}",
            # Our own logging decides; this is the level of the pool's library, which writes lines of its own form.
            "--loglevel=WARNING",
            "--without-gossip",
            "--without-mingle",
            "--without-heartbeat",
        ]
    )
