"""A laboratory that looks back on years: submissions of any age, and what removal by age leaves of them."""

from dataclasses import fields
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select, update

from shared import submissions
from shared.database import Database, database_time
from shared.finding_rows import ParticleRow, RecordingRow
from shared.housekeeping import GRACE, clean_blobs, survey_blobs
from shared.models import AnalysisRow, ImageRow, JobRow, SideCarRow, SubmissionRow
from shared.results import AnalysisFiles
from shared.retention import RetentionRule
from shared.storage import FolderBlobStore, put_bytes
from tests.integration.analyses import MODEL
from tests.integration.laboratory import Laboratory
from worker.retainer import Removed, Retainer

DAYS = 30
ORIGINALS = RetentionRule(DAYS, 0)
SUBMISSIONS = RetentionRule(0, DAYS)
TABLES = (SubmissionRow, JobRow, ImageRow, AnalysisRow, ParticleRow, RecordingRow)


class Facility(Laboratory):
    """A laboratory that keeps its files in a store and looks back on years."""

    def __init__(self, database: Database, store: FolderBlobStore) -> None:
        super().__init__(database)
        self.store = store
        # Numbers are never given twice, so what came last stays: each test looks at what came before.
        self.newest = ""

    def hand_in(self, image: str, submission: int | None = None) -> tuple[int, int, int]:
        """Store, hand in and analyse an image; returns submission, job and analysis."""
        submission = submission or self.submit()
        put_bytes(self.store, image.encode())
        job = self.add(submission, image)
        kinds = [field.name for field in fields(AnalysisFiles) if field.name != "scale_bar_crop_sha256"]
        files = AnalysisFiles(**{kind: put_bytes(self.store, f"{image} {kind}".encode()) for kind in kinds})
        return submission, job, self.analyse(job, files=files)

    def age(self, *submission_ids: int, days: float = DAYS + 1) -> None:
        """Let submissions be so old, and their images, unless others have them too."""
        then = database_time(-days * 86_400)
        with self.database.writing() as session:
            of_them = JobRow.submission_id.in_(submission_ids)
            session.execute(update(SubmissionRow).where(SubmissionRow.id.in_(submission_ids)).values(created_at=then))
            session.execute(update(JobRow).where(of_them, JobRow.finished_at.is_not(None)).values(finished_at=then))
            session.execute(update(SideCarRow).where(SideCarRow.submission_id.in_(submission_ids)).values(created_at=then))
            images = ImageRow.sha256.in_(select(JobRow.image_sha256).where(of_them))
            session.execute(update(ImageRow).where(images).values(created_at=then))

    def remove(self, rule: RetentionRule) -> Removed:
        return Retainer(self.database, rule).run(lambda: True)

    def counts(self) -> dict[str, int]:
        with self.database.reading() as session:
            counted = {table: session.scalar(select(func.count()).select_from(table)) or 0 for table in TABLES}
        return {table.__tablename__: n for table, n in counted.items()}

    def is_stored(self, image: str) -> bool:
        with self.database.reading() as session:
            row = session.scalars(select(ImageRow).join(JobRow).where(JobRow.source_name == f"{image}.tif")).first()
            return row is not None and row.removed_at is None

    def require_agreement(self) -> None:
        """After the days that blobs are given, those that are there are those that rows name."""
        for days in (1, 2, 3):
            now = datetime.now(UTC) + days * GRACE + timedelta(minutes=days)
            with self.database.reading() as session:
                survey = survey_blobs(session, self.store, now)
            assert [blob for blob in survey.missing if blob.sha256 != MODEL.sha256] == [], "the model is drawn too"
            clean_blobs(self.store, survey, now)
        with self.database.reading() as session:
            survey = survey_blobs(session, self.store, datetime.now(UTC) + 9 * GRACE)
        assert (survey.orphans, survey.to_discard) == ((), ())


def row_of(database: Database, table: type, key: object) -> object | None:
    with database.reading() as session:
        return session.get(table, key)


def job_of(facility: Facility, job: int) -> JobRow:
    with facility.database.reading() as session:
        return submissions.job(session, job)
