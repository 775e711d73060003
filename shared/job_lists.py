"""Lists of jobs, with what is shown beside them. Functions take the session first and never commit."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shared import manifests
from shared.domain import CalibrationStatus
from shared.leases import JobState
from shared.manifest_filter import ANY_FILE, ManifestFilter, matching
from shared.manifests import SampleData
from shared.models import AnalysisRow, JobRow, SubmissionRow

# The same image in many submissions gives one analysis; so many of them are named beside it.
ORIGINS = 20


@dataclass(frozen=True, slots=True)
class ListedJob:
    """A job with what a list shows beside it."""

    job: JobRow
    submission: SubmissionRow
    analysis: AnalysisRow | None
    sample_data: SampleData


def jobs_page(
    session: Session,
    *,
    submission_id: int | None,
    state: JobState | None,
    error_code: str | None = None,
    calibration_status: CalibrationStatus | None = None,
    wanted: ManifestFilter = ANY_FILE,
    before: int | None,
    limit: int,
) -> list[JobRow]:
    """Return up to ``limit`` jobs, the newest first, that fit all that is given.

    ``calibration_status`` asks for jobs that ended with an analysis of that status, ``wanted`` for what their files are said
    to be.
    """
    query = select(JobRow).order_by(JobRow.id.desc()).limit(limit)
    if submission_id is not None:
        query = query.where(JobRow.submission_id == submission_id)
    if state is not None:
        query = query.where(JobRow.state == state)
    if error_code is not None:
        # Only failed jobs have one, and an index finds these.
        query = query.where(JobRow.state == JobState.FAILED, JobRow.error_code == error_code)
    if calibration_status is not None:
        query = query.join(AnalysisRow).where(AnalysisRow.calibration_status == calibration_status)
    if not wanted.asks_for_nothing:
        query = query.where(JobRow.id.in_(matching(JobRow.id, wanted)))
    if before is not None:
        query = query.where(JobRow.id < before)
    return list(session.scalars(query))


def listed_jobs(session: Session, rows: Sequence[JobRow]) -> list[ListedJob]:
    """Give jobs their submissions and analyses, in one query for each kind."""
    submission_ids = {row.submission_id for row in rows}
    analysis_ids = {row.analysis_id for row in rows if row.analysis_id is not None}
    found = {row.id: row for row in session.scalars(select(SubmissionRow).where(SubmissionRow.id.in_(submission_ids)))}
    analyses = {row.id: row for row in session.scalars(select(AnalysisRow).where(AnalysisRow.id.in_(analysis_ids)))}
    sample_data = manifests.sample_data_of(session, rows)
    return [ListedJob(row, found[row.submission_id], analyses.get(row.analysis_id or 0), sample_data[row.id]) for row in rows]


def origins_of(session: Session, analysis_ids: Sequence[int]) -> dict[int, list[tuple[JobRow, SampleData]]]:
    """Return the first `ORIGINS` jobs that ended with each of several analyses, the oldest first, with their sample data."""
    place = func.row_number().over(partition_by=JobRow.analysis_id, order_by=JobRow.id).label("place")
    placed = select(JobRow.id, place).where(JobRow.analysis_id.in_(analysis_ids)).subquery()
    query = select(JobRow).join(placed, placed.c.id == JobRow.id).where(placed.c.place <= ORIGINS).order_by(JobRow.id)
    rows = list(session.scalars(query))
    sample_data = manifests.sample_data_of(session, rows)
    found: dict[int, list[tuple[JobRow, SampleData]]] = {number: [] for number in analysis_ids}
    for row in rows:
        if row.analysis_id is not None:
            found[row.analysis_id].append((row, sample_data[row.id]))
    return found
