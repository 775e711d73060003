"""What each process of a worker's pool does first: our logging, then its resources, so that the first job finds them there."""

from celery import current_app, signals

from shared.log import configure_logging
from shared.messaging import ANALYSE_TASK
from shared.settings import load_settings


@signals.setup_logging.connect
def _keep_our_logging(**_: object) -> None:
    """Keep Celery from replacing the logging of the process; a connected receiver is all it takes."""


@signals.worker_process_init.connect
def _prepare_process(**_: object) -> None:
    configure_logging(load_settings().log_format, "worker")
    _ = current_app.tasks[ANALYSE_TASK].runner
