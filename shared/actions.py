"""What people do to work that is handed in: pause, resume, cancel, retry, keep, release.

Whatever is so already stays so, and nothing fails. Functions take the session first and never commit.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Literal

from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session

from shared import jobs, retention, side_cars, submissions
from shared.errors import InputError
from shared.leases import JobState
from shared.models import JobRow

# Which jobs are taken up again; those that were cancelled only where somebody asks for them.
Retried = Literal["failed", "cancelled"]


class Action(StrEnum):
    """What can be done to a submission."""

    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"
    RETRY = "retry"
    KEEP = "keep"
    RELEASE = "release"


def act_on_submissions(
    session: Session, action: Action, submission_ids: Sequence[int], *, person: str | None = None, retried: Retried = "failed"
) -> dict[int, int]:
    """Do the same to several submissions, all or none; returns how many jobs of each it changed.

    Raises NotFoundError for a submission that does not exist.
    """
    # In the order of their numbers: two people who act on the same ones wait for each other instead of blocking both.
    return {number: _act(session, action, number, person, retried) for number in sorted(set(submission_ids))}


def cancel_job(session: Session, job_id: int) -> JobRow:
    """Take a job out of the queue or out of its worker's hands; raises InputError ``job_ended`` where there is a result."""
    row = submissions.job(session, job_id)
    jobs.cancel(session, _of_job(job_id))
    session.refresh(row)
    if row.state != JobState.CANCELLED:
        raise InputError(f"Job {job_id} is {row.state}: only a job that waits or runs can be cancelled.", code="job_ended")
    return row


def retry_job(session: Session, job_id: int) -> JobRow:
    """Put a job that failed or was cancelled back into the queue; raises InputError ``job_done`` where there is a result."""
    row = submissions.job(session, job_id)
    side_cars.hold_submission(session, row.submission_id)
    jobs.retry(session, _of_job(job_id))
    session.refresh(row)
    if row.state == JobState.DONE:
        raise InputError(f"Job {job_id} is done: there is nothing to retry.", code="job_done")
    return row


def _act(session: Session, action: Action, submission_id: int, person: str | None, retried: Retried) -> int:
    side_cars.hold_submission(session, submission_id)
    of_submission = JobRow.submission_id == submission_id
    match action:
        case Action.PAUSE:
            submissions.pause(session, submission_id, person)
        case Action.RESUME:
            submissions.resume(session, submission_id)
        case Action.KEEP:
            retention.keep(session, submission_id, person)
        case Action.RELEASE:
            retention.release(session, submission_id)
        case Action.CANCEL:
            return jobs.cancel(session, of_submission)
        case Action.RETRY:
            return jobs.retry(session, of_submission, JobRow.state == retried)
    return 0


def _of_job(job_id: int) -> ColumnElement[bool]:
    return JobRow.id == job_id
