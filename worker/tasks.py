"""The tasks a message can name. Each is as thin as a view: ids in, the runner does the rest."""

import os
from functools import cached_property

from celery import Task, shared_task

from shared.database import FEW_CONNECTIONS, Database
from shared.errors import DeviceFailedError
from shared.log import get_logger
from shared.messaging import ANALYSE_TASK, EXPORT_TASK, RECALIBRATE_TASK
from shared.settings import load_settings
from shared.stores import blob_store
from worker.acknowledgement import InsistentRequest
from worker.arrangement import create_runner
from worker.exporter import Exporter
from worker.pool_process import stopping
from worker.recalibrator import Recalibrator
from worker.runner import JobRunner

EXIT_DEVICE_FAILED = 71

logger = get_logger(__name__)


class InsistentTask(Task):  # type: ignore[misc]  # Celery has no types
    """Messages for it never leave a worker deaf."""

    Request = InsistentRequest


class RecalibratorTask(InsistentTask):
    """Holds the resources of its process that decisions need: a database, no images."""

    @cached_property
    def recalibrator(self) -> Recalibrator:
        """What applies decisions in this process."""
        settings = load_settings()
        database = Database(settings.effective_database_url, settings.database_connections(FEW_CONNECTIONS))
        return Recalibrator(database, lease_s=settings.lease_s, max_attempts=settings.max_attempts)


class ExporterTask(InsistentTask):
    """Holds the resources of its process that exports need."""

    @cached_property
    def exporter(self) -> Exporter:
        """What makes outputs in this process."""
        settings = load_settings()
        return Exporter(
            Database(settings.effective_database_url, settings.database_connections(FEW_CONNECTIONS)),
            blob_store(settings),
            settings.export_dir,
            lease_s=settings.lease_s,
            max_attempts=settings.max_attempts,
            timeout_s=settings.job_timeout_s,
            must_stop=stopping.is_set,
        )


class RunnerTask(InsistentTask):
    """Holds the resources of its process, made when the first message arrives, after the pool has started its processes."""

    @cached_property
    def runner(self) -> JobRunner:
        """The runner of this process."""
        return create_runner(load_settings(), stopping.is_set)


@shared_task(bind=True, base=RunnerTask, name=ANALYSE_TASK)
def analyse(self: RunnerTask, job_ids: list[int]) -> None:
    """Analyse the micrographs of those of the jobs that are still free."""
    try:
        self.runner.run(job_ids, owner=self.request.hostname)
    except DeviceFailedError as error:
        # A new process of the pool takes this one's place, and touches the device anew.
        logger.exception("process_ends_itself", code=error.code, message=error.message)
        os._exit(EXIT_DEVICE_FAILED)


@shared_task(bind=True, base=RecalibratorTask, name=RECALIBRATE_TASK)
def recalibrate(self: RecalibratorTask, decision_id: int) -> None:
    """Apply what a person decided of pixel sizes, if nobody does yet."""
    self.recalibrator.run(decision_id, owner=self.request.hostname)


@shared_task(bind=True, base=ExporterTask, name=EXPORT_TASK)
def export(self: ExporterTask, export_id: int) -> None:
    """Make the output that a person asked for, if nobody does yet."""
    self.exporter.run(export_id, owner=self.request.hostname)
