"""The tasks a message can name. Each is as thin as a view: ids in, the runner does the rest."""

from functools import cached_property

import cv2
from celery import Task, shared_task

from shared.database import Database
from shared.messaging import ANALYSE_TASK, RECALIBRATE_TASK
from shared.settings import load_settings
from shared.storage import FolderBlobStore
from worker.acknowledgement import InsistentRequest
from worker.micrograph.limits import DecodeLimits
from worker.micrograph.sandbox import Decoder
from worker.pool_process import stopping
from worker.recalibrator import Recalibrator
from worker.runner import JobRunner
from worker.segmenters import RegisteredSegmenters
from worker.text_reader import RapidTextReader


class InsistentTask(Task):  # type: ignore[misc]  # Celery has no types
    """Messages for it never leave a worker deaf."""

    Request = InsistentRequest


class RecalibratorTask(InsistentTask):
    """Holds the resources of its process that decisions need: a database, no images."""

    @cached_property
    def recalibrator(self) -> Recalibrator:
        """What applies decisions in this process."""
        settings = load_settings()
        database = Database(settings.effective_database_url)
        return Recalibrator(database, lease_s=settings.lease_s, max_attempts=settings.max_attempts)


class RunnerTask(InsistentTask):
    """Holds the resources of its process, made when the first message arrives, after the pool has started its processes."""

    @cached_property
    def runner(self) -> JobRunner:
        """The runner of this process."""
        settings = load_settings()
        # As many processes as cores run side by side, so that each has one.
        cv2.setNumThreads(1)
        limits = DecodeLimits.of(settings)
        database = Database(settings.effective_database_url)
        store = FolderBlobStore(settings.blob_dir, settings.min_free_bytes)
        return JobRunner(
            database,
            store,
            Decoder(limits),
            RegisteredSegmenters(database, store, settings.device),
            RapidTextReader(),
            lease_s=settings.lease_s,
            max_attempts=settings.max_attempts,
            job_timeout_s=settings.job_timeout_s,
            must_stop=stopping.is_set,
        )


@shared_task(bind=True, base=RunnerTask, name=ANALYSE_TASK)
def analyse(self: RunnerTask, job_ids: list[int]) -> None:
    """Analyse the micrographs of those of the jobs that are still free."""
    self.runner.run(job_ids, owner=self.request.hostname)


@shared_task(bind=True, base=RecalibratorTask, name=RECALIBRATE_TASK)
def recalibrate(self: RecalibratorTask, decision_id: int) -> None:
    """Apply what a person decided of pixel sizes, if nobody does yet."""
    self.recalibrator.run(decision_id)
