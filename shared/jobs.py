"""The life of a job once it is submitted: claimed by one worker with a token and a lease, finished, failed or given back.

Functions take the session first and never commit. Every change of a running job is conditional on its token, so that a worker
whose lease was given away can change nothing any more. All times are the database's own.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.orm import Session

from shared.database import database_time
from shared.errors import LostClaimError
from shared.models import JobRow, SubmissionRow


class JobState(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Claim:
    """A job in the hands of one worker; the token is the proof.

    The parameters are as the database has them: another release may have written some that this one does not know.
    """

    job_id: int
    token: str
    submission_id: int
    image_sha256: str
    source_name: str
    stored_parameters: dict[str, Any]
    attempts: int


def claim(session: Session, job_ids: Sequence[int], *, lease_s: float, max_attempts: int) -> list[Claim]:
    """Take those of the jobs that are free: queued, or running under a lease that has run out.

    A job that someone else holds, that is finished or that has used up its attempts is left alone.
    """
    token = uuid.uuid4().hex
    taken = session.scalars(
        update(JobRow)
        .where(JobRow.id.in_(job_ids), _claimable(), JobRow.attempts < max_attempts)
        .values(
            state=JobState.RUNNING,
            token=token,
            lease_until=database_time(lease_s),
            attempts=JobRow.attempts + 1,
            started_at=database_time(),
        )
        .returning(JobRow.id)
    ).all()
    rows = session.execute(
        select(JobRow, SubmissionRow.parameters).join(SubmissionRow).where(JobRow.id.in_(taken)).order_by(JobRow.id)
    )
    return [
        Claim(row.id, token, row.submission_id, row.image_sha256, row.source_name, parameters, row.attempts)
        for row, parameters in rows
    ]


def extend_lease(session: Session, held: Claim, lease_s: float) -> None:
    """Show a sign of life; raises LostClaimError when the job was given away."""
    _change_held(session, held, lease_until=database_time(lease_s))


def finish(session: Session, held: Claim, analysis_id: int) -> None:
    """End a job with its analysis; raises LostClaimError when the job was given away."""
    _change_held(
        session,
        held,
        state=JobState.DONE,
        analysis_id=analysis_id,
        finished_at=database_time(),
        error_code=None,
        error_message=None,
        error_reference=None,
    )


def fail(session: Session, held: Claim, code: str, message: str, reference: str | None = None) -> None:
    """End a job with an error for people; raises LostClaimError when the job was given away."""
    _change_held(
        session,
        held,
        state=JobState.FAILED,
        finished_at=database_time(),
        error_code=code,
        error_message=message,
        error_reference=reference,
    )


def give_back(session: Session, held: Claim, delay_s: float) -> None:
    """Put a job back into the queue, not to be taken before so many seconds.

    The attempt does not count: only those that end without a word speak against the image.
    """
    _change_held(
        session,
        held,
        state=JobState.QUEUED,
        not_before=database_time(delay_s),
        sent_at=None,
        attempts=JobRow.attempts - 1,
    )


def set_aside_exhausted(session: Session, max_attempts: int) -> int:
    """Fail the jobs whose last allowed attempt ended without a word; returns their number."""
    message = f"The analysis did not come to an end in {max_attempts} attempts: each time the worker died or went silent."
    result = session.execute(
        update(JobRow)
        .where(_claimable(), JobRow.attempts >= max_attempts)
        .values(
            state=JobState.FAILED,
            token=None,
            lease_until=None,
            finished_at=database_time(),
            error_code="attempts_exhausted",
            error_message=message,
        )
        .returning(JobRow.id)
    )
    return len(result.all())


def mark_waiting_as_sent(session: Session, limit: int, resend_after_s: float) -> list[int]:
    """Choose the oldest free jobs that no recent message announces, and note that one goes out now."""
    unannounced = or_(JobRow.sent_at.is_(None), JobRow.sent_at < database_time(-resend_after_s))
    free = select(JobRow.id).where(_claimable(), unannounced).order_by(JobRow.id).limit(limit)
    chosen = session.scalars(free).all()
    session.execute(update(JobRow).where(JobRow.id.in_(chosen)).values(sent_at=database_time()))
    return list(chosen)


def mark_as_not_sent(session: Session, job_ids: Sequence[int]) -> None:
    """Take back the note that a message announces these jobs."""
    session.execute(update(JobRow).where(JobRow.id.in_(job_ids)).values(sent_at=None))


def _claimable() -> ColumnElement[bool]:
    queued = and_(JobRow.state == JobState.QUEUED, or_(JobRow.not_before.is_(None), JobRow.not_before <= database_time()))
    return or_(queued, and_(JobRow.state == JobState.RUNNING, JobRow.lease_until < database_time()))


def _change_held(session: Session, held: Claim, **values: object) -> None:
    if values.get("state", JobState.RUNNING) != JobState.RUNNING:
        values |= {"token": None, "lease_until": None}
    changed = session.execute(
        update(JobRow)
        .where(JobRow.id == held.job_id, JobRow.token == held.token, JobRow.state == JobState.RUNNING)
        .values(**values)
        .returning(JobRow.id)
    ).all()
    if not changed:
        raise LostClaimError(f"Job {held.job_id} was given to another worker.", job_id=held.job_id)
