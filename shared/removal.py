"""The rows of a submission that is being removed: chunk by chunk, with what no other submission shares, and at the end itself.

Functions take the session first and never commit. `retention.mark_submissions` took the submission away from everybody else.
"""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import delete, exists, or_, select, update
from sqlalchemy.orm import Session

from shared.database import database_time
from shared.finding_rows import RecordingRow
from shared.leases import JobState
from shared.manifest_rows import ManifestRow
from shared.models import OPEN, AnalysisRow, ChangeRow, DecisionRow, ImageRow, JobRow, SideCarRow, SubmissionRow
from shared.upload_rows import UploadRow

# A transaction of less than a second: on SQLite everybody else who writes waits for it.
JOBS_AT_ONCE = 200
PARTICLES_AT_ONCE = 20_000


@dataclass(frozen=True, slots=True)
class _Job:
    id: int
    image_sha256: str
    analysis_id: int | None


def remove_jobs(session: Session, submission_id: int, after_id: int, days: int) -> int | None:
    """Remove the next jobs, and what was found in their images unless another submission shares it.

    Images on which somebody works at this moment are left for the next time, with their jobs.

    Returns
    -------
    int or None
        The last job that was looked at; None where there was none.
    """
    jobs = _next_jobs(session, submission_id, after_id)
    if not jobs:
        return None
    free = _lock_free(session, {job.image_sha256 for job in jobs})
    free -= _busy(session, free)
    mine = [job for job in jobs if job.image_sha256 in free]
    session.execute(delete(JobRow).where(JobRow.id.in_([job.id for job in mine])))
    _remove_findings(session, free, {job.analysis_id for job in mine})
    _remove_images(session, free, days)
    return jobs[-1].id


def remove_submission(session: Session, submission_id: int) -> bool:
    """Remove a submission whose jobs are gone; false where something of it is left, for the next time.

    Decisions about it stay, as decisions about a submission that is no more.
    """
    here = select(SubmissionRow.id).where(SubmissionRow.id == submission_id, SubmissionRow.removed_at.is_not(None))
    if session.scalar(here.with_for_update(skip_locked=True)) is None:
        return False
    under_way = DecisionRow.state.in_((JobState.QUEUED, JobState.RUNNING))
    left = (
        exists().where(JobRow.submission_id == submission_id),
        exists().where(SideCarRow.submission_id == submission_id),
        exists().where(UploadRow.submission_id == submission_id),
        exists().where(DecisionRow.submission_id == submission_id, under_way),
    )
    if any(session.scalar(select(one)) for one in left):
        return False
    session.execute(update(DecisionRow).where(DecisionRow.submission_id == submission_id).values(submission_id=None))
    session.execute(delete(ManifestRow).where(ManifestRow.submission_id == submission_id))  # its entries go with it
    session.execute(delete(SubmissionRow).where(SubmissionRow.id == submission_id))
    return True


def remove_side_cars(session: Session, submission_id: int) -> int:
    """Remove the next side-cars; returns their number."""
    some = select(SideCarRow.id).where(SideCarRow.submission_id == submission_id).limit(JOBS_AT_ONCE)
    return len(session.execute(delete(SideCarRow).where(SideCarRow.id.in_(some)).returning(SideCarRow.id)).all())


def _next_jobs(session: Session, submission_id: int, after_id: int) -> list[_Job]:
    """Return the next jobs by number, as many as make a short transaction."""
    columns = (JobRow.id, JobRow.image_sha256, JobRow.analysis_id, AnalysisRow.n_particles)
    query = select(*columns).outerjoin(AnalysisRow, AnalysisRow.id == JobRow.analysis_id)
    query = query.where(JobRow.submission_id == submission_id, JobRow.id > after_id).order_by(JobRow.id).limit(JOBS_AT_ONCE)
    jobs: list[_Job] = []
    n_particles = 0
    for row in session.execute(query):
        n_particles += row.n_particles or 0
        if jobs and n_particles > PARTICLES_AT_ONCE:
            break
        jobs.append(_Job(row.id, row.image_sha256, row.analysis_id))
    return jobs


def _lock_free(session: Session, images: Collection[str]) -> set[str]:
    """Lock those of the images that nobody holds; no job or analysis of them is added from now on."""
    which = select(ImageRow.sha256).where(ImageRow.sha256.in_(images)).order_by(ImageRow.sha256)
    locked = set(session.scalars(which.with_for_update(skip_locked=True)))
    at_work = select(JobRow.image_sha256).where(JobRow.image_sha256.in_(locked), OPEN)
    return locked - set(session.scalars(at_work))


def _busy(session: Session, images: Collection[str]) -> set[str]:
    """Lock the analyses of images, and return the images of those that somebody else holds."""
    which = (
        select(AnalysisRow.id, AnalysisRow.image_sha256).where(AnalysisRow.image_sha256.in_(images)).order_by(AnalysisRow.id)
    )
    locked = {row.id for row in session.execute(which.with_for_update(skip_locked=True))}
    return {row.image_sha256 for row in session.execute(which) if row.id not in locked}


def _remove_findings(session: Session, images: Collection[str], analysis_ids: Collection[int | None]) -> None:
    """Remove analyses with which no job ended any more, and recordings on which no analysis rests.

    Of an image that others handed in as well these are the analyses given, of one that nobody did all of them.
    """
    here = AnalysisRow.image_sha256.in_(images)
    of_no_job = ~exists().where(JobRow.analysis_id == AnalysisRow.id)
    is_alone = ~exists().where(JobRow.image_sha256 == AnalysisRow.image_sha256)
    given = AnalysisRow.id.in_([number for number in analysis_ids if number is not None])
    gone = session.scalars(select(AnalysisRow.id).where(here, of_no_job, or_(is_alone, given))).all()
    session.execute(delete(ChangeRow).where(ChangeRow.analysis_id.in_(gone)))
    session.execute(delete(AnalysisRow).where(AnalysisRow.id.in_(gone)))  # the particles go with them
    of_no_analysis = ~exists().where(AnalysisRow.recording_id == RecordingRow.id)
    session.execute(delete(RecordingRow).where(RecordingRow.image_sha256.in_(images), of_no_analysis))


def _remove_images(session: Session, images: Collection[str], days: int) -> None:
    """Remove images that belong to no job any more; of those that somebody decided about the row stays, without the bytes."""
    alone = (ImageRow.sha256.in_(images), ~exists().where(JobRow.image_sha256 == ImageRow.sha256))
    is_decided = exists().where(DecisionRow.image_sha256 == ImageRow.sha256)
    values = {"removed_at": database_time(), "removed_after_days": days}
    session.execute(update(ImageRow).where(*alone, is_decided, ImageRow.removed_at.is_(None)).values(**values))
    session.execute(delete(ImageRow).where(*alone, ~is_decided))
