"""The life of a job once it is submitted: claimed by one worker with a token and a lease, finished, failed or given back.

Functions take the session first and never commit; `leases` says how work is held.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared import leases
from shared.database import database_time
from shared.errors import LostClaimError
from shared.leases import JobState
from shared.models import JobRow, SubmissionRow


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
    token, taken = leases.take(session, JobRow, job_ids, lease_s=lease_s, max_attempts=max_attempts)
    rows = session.execute(
        select(JobRow, SubmissionRow.parameters).join(SubmissionRow).where(JobRow.id.in_(taken)).order_by(JobRow.id)
    )
    return [
        Claim(row.id, token, row.submission_id, row.image_sha256, row.source_name, parameters, row.attempts)
        for row, parameters in rows
    ]


def extend_lease(session: Session, held: Claim, lease_s: float) -> None:
    """Show a sign of life; raises LostClaimError when the job was given away."""
    _change_held(session, held, {"lease_until": database_time(lease_s)})


def finish(session: Session, held: Claim, analysis_id: int) -> None:
    """End a job with its analysis; raises LostClaimError when the job was given away."""
    _change_held(session, held, leases.ended(JobState.DONE) | {"analysis_id": analysis_id})


def fail(session: Session, held: Claim, code: str, message: str, reference: str | None = None) -> None:
    """End a job with an error for people; raises LostClaimError when the job was given away."""
    _change_held(session, held, leases.ended(JobState.FAILED, code, message, reference))


def give_back(session: Session, held: Claim, delay_s: float) -> None:
    """Put a job back into the queue, not to be taken before so many seconds.

    The attempt does not count: only those that end without a word speak against the image.
    """
    _change_held(session, held, leases.given_back(JobRow, delay_s))


def set_aside_exhausted(session: Session, max_attempts: int) -> int:
    """Fail the jobs whose last allowed attempt ended without a word; returns their number."""
    message = f"The analysis did not come to an end in {max_attempts} attempts: each time the worker died or went silent."
    return leases.set_aside_exhausted(session, JobRow, max_attempts, message)


def mark_waiting_as_sent(session: Session, limit: int, resend_after_s: float) -> list[int]:
    """Choose the oldest free jobs that no recent message announces, and note that one goes out now."""
    return leases.mark_waiting_as_sent(session, JobRow, limit, resend_after_s)


def mark_as_not_sent(session: Session, job_ids: Sequence[int]) -> None:
    """Take back the note that a message announces these jobs."""
    leases.mark_as_not_sent(session, JobRow, job_ids)


def _change_held(session: Session, held: Claim, values: dict[str, object]) -> None:
    if not leases.change_held(session, JobRow, held.job_id, held.token, **values):
        raise LostClaimError(f"Job {held.job_id} was given to another worker.", job_id=held.job_id)
