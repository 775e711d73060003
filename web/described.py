"""Rows of what was handed in as the API gives them, with what is counted of them and stated about them elsewhere."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from shared import manifests, retention, side_cars, submissions
from shared.models import JobRow, SideCarRow, SubmissionRow
from shared.retention import RetentionRule
from shared.settings import Settings
from web.schemas import AddedFile, Job, SideCar, Submission


def described_submission(session: Session, row: SubmissionRow, settings: Settings) -> Submission:
    """Describe a submission with all that is counted of it, and how long it is kept."""
    counts, analyses = submissions.counts(session, row.id), submissions.analysis_counts(session, row.id)
    planned = retention.planned(session, row, RetentionRule.of(settings))
    return Submission.of(row, counts, side_cars.counts_of(session, [row.id])[row.id], analyses, planned)


def described_jobs(session: Session, rows: Sequence[JobRow]) -> list[Job]:
    """Describe jobs with sample and metadata of their files."""
    sample_data = manifests.sample_data_of(session, rows)
    return [Job.of(row, sample_data[row.id]) for row in rows]


def described_file(session: Session, row: JobRow | SideCarRow) -> AddedFile:
    """Describe what became of an uploaded file."""
    return AddedFile(described_jobs(session, [row])[0] if isinstance(row, JobRow) else SideCar.of(row))
