"""The Celery worker: a process pool that is woken by messages and takes its work from the job rows."""

import celery
from celery import Celery
from celery.app.defaults import NAMESPACES, flatten

from shared.errors import OperatorError
from shared.messaging import create_celery
from shared.settings import Settings

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


def run_worker(settings: Settings) -> None:
    """Run a worker until it is told to stop; it then finishes what it has begun."""
    create_worker(settings).worker_main(
        [
            "--quiet",  # no banner: the log is JSON from its first line
            "worker",
            f"--concurrency={settings.effective_worker_processes}",
            # Our own logging decides; this is the level of the pool's library, which writes lines of its own form.
            "--loglevel=WARNING",
            "--without-gossip",
            "--without-mingle",
            "--without-heartbeat",
        ]
    )
