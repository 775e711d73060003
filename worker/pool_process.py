"""What each process of a worker's pool does first: our logging, then its resources, so that the first job finds them there."""

import os
import signal
import threading
from contextlib import suppress

from billiard.process import active_children
from celery import current_app, signals

from shared.log import configure_logging
from shared.messaging import ANALYSE_TASK
from shared.settings import load_settings
from shared.tracing import start_tracing, stop_tracing

# Tells a process of the pool to begin nothing more. Celery asks the main process alone to stop, which then waits for its pool.
BEGIN_NOTHING_MORE = signal.SIGUSR2
# Set in a process that was told so.
stopping = threading.Event()


@signals.setup_logging.connect
def _keep_our_logging(**_: object) -> None:
    """Keep Celery from replacing the logging of the process; a connected receiver is all it takes."""


@signals.worker_process_init.connect
def _prepare_process(**_: object) -> None:
    signal.signal(BEGIN_NOTHING_MORE, lambda *_: stopping.set())
    settings = load_settings()
    configure_logging(settings.log_format, "worker")
    start_tracing(settings, "worker")
    _ = current_app.tasks[ANALYSE_TASK].runner


@signals.worker_process_shutdown.connect
def _end_process(**_: object) -> None:
    stop_tracing()


@signals.worker_shutting_down.connect
def _pass_on(**_: object) -> None:
    """Have the pool finish what it is at and give back the rest of each message."""
    for child in active_children():
        with suppress(ProcessLookupError):  # it ended meanwhile
            os.kill(child.pid, BEGIN_NOTHING_MORE)
