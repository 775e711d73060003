"""A database, a store and a worker's runner around a stand-in segmenter, for tests of what is handed in."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import func, select

from shared import submissions, uploads
from shared.arrays import FloatImage
from shared.database import Database
from shared.domain import Parameters, Segmentation
from shared.image_names import WhichImages
from shared.leases import JobState
from shared.models import AnalysisRow, JobRow
from shared.side_car_names import is_side_car
from shared.storage import BlobStore
from tests.integration.analyses import SIDE, DiscSegmenter
from worker.micrograph.sandbox import Decoder
from worker.runner import JobRunner

LEASE_S = 60.0
MAX_ATTEMPTS = 3
NM_PER_PX = 2.5
# What a Hitachi instrument writes beside an image that `draw_discs` draws.
HITACHI = (
    f"[SemImageFile]\r\nInstructName=SU8000\r\nDataSize={SIDE}x{SIDE}\r\nPixelSize={NM_PER_PX}\r\nMagnification=2000\r\n"
).encode()


class InterruptedSegmenter(DiscSegmenter):
    """Does something once, while the image is computed."""

    def __init__(self, action: Callable[[], object]) -> None:
        super().__init__()
        self.action = action

    def __call__(self, image: FloatImage) -> Segmentation:
        action, self.action = self.action, lambda: None
        action()
        return super().__call__(image)


@dataclass
class Bench:
    """Files go in by their names, as the portal takes them; the jobs are run when a test says so."""

    database: Database
    store: BlobStore
    decoder: Decoder
    segmenter: DiscSegmenter

    def open(self, images: WhichImages = "first") -> int:
        with self.database.writing() as session:
            return submissions.create_submission(session, "project", None, Parameters(), images).id

    def add(self, submission: int, content: bytes, name: str) -> bool:
        """Hand a file in; tells whether it is new."""
        blob = self.store.put([content])
        with self.database.writing() as session:
            if is_side_car(name):
                return uploads.add_side_car(session, submission, blob, name).is_new
            return submissions.add_job(session, submission, blob.sha256, blob.n_bytes, name).is_new

    def run(self, *job_ids: int) -> None:
        runner = JobRunner(
            self.database, self.store, self.decoder, lambda _: self.segmenter, lease_s=LEASE_S, max_attempts=MAX_ATTEMPTS
        )
        runner.run(job_ids)

    def run_all(self, submission: int) -> None:
        """Run what is queued until nothing is."""
        while queued := [job.id for job in self.jobs(submission) if job.state == JobState.QUEUED]:
            self.run(*queued)

    def jobs(self, submission: int) -> list[JobRow]:
        with self.database.reading() as session:
            return list(session.scalars(select(JobRow).filter_by(submission_id=submission).order_by(JobRow.id)))

    def analysis_of(self, job: JobRow) -> AnalysisRow:
        with self.database.reading() as session:
            return session.scalars(select(AnalysisRow).where(AnalysisRow.id == job.analysis_id)).one()

    def count(self, table: type) -> int:
        with self.database.reading() as session:
            return session.scalar(select(func.count()).select_from(table)) or 0
