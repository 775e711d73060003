"""The life of a job once it is submitted: claimed by one worker with a token and a lease, finished, failed or given back.

Functions take the session first and never commit; `leases` says how work is held.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import JSON, ColumnElement, Integer, TextClause, bindparam, func, or_, select, update
from sqlalchemy.orm import Session

from shared import leases, originals
from shared.database import database_time, through_index
from shared.domain import PIPELINE_VERSION
from shared.errors import LostClaimError, OutdatedClaimError
from shared.job_contents import JobContent
from shared.leases import JobState
from shared.models import IN_FLIGHT, IN_FLIGHT_INDEX, OPEN, JobRow, SubmissionRow

# Rows changed by one statement; SQLite takes 32,766 parameters at most.
CHUNK = 10_000
# So long a newer worker has time to ask for work before a job that an older one left alone is announced again.
LEFT_TO_NEWER_FOR_S = 1.0


@dataclass(frozen=True, slots=True)
class Claim:
    """A job in the hands of one worker; the token is the proof.

    The parameters are as the database has them: another release may have written some that this one does not know.
    ``claimed_at_s`` is by the clock of this process, since 1970.
    """

    job_id: int
    token: str
    submission_id: int
    image_sha256: str
    image_index: int
    source_name: str
    images: str
    stored_parameters: dict[str, Any]
    attempts: int
    content: JobContent = JobContent.IMAGE
    traceparent: str | None = None
    claimed_at_s: float = field(default_factory=time.time)


@dataclass(frozen=True, slots=True)
class Done:
    """A job that ends with an analysis; where known, how many images its file holds and how it went through its stages."""

    held: Claim
    analysis_id: int
    n_images: int | None = None
    timings: Mapping[str, float] | None = None
    network_load: Mapping[str, float] | None = None


def claim(
    session: Session, job_ids: Sequence[int], *, lease_s: float, max_attempts: int, owner: str | None = None
) -> list[Claim]:
    """Take those of the jobs that are free, queued or running under a lease that has run out, with one token for all.

    A job that someone else holds, that is finished, that has used up its attempts, whose submission is paused, or that a newer
    release took in is left alone.
    """
    token, taken = leases.take(
        session, JobRow, job_ids, may_begin(), owner=owner, lease_s=lease_s, max_attempts=max_attempts, is_outdated=False
    )
    rows = session.execute(select(JobRow, SubmissionRow).join(SubmissionRow).where(JobRow.id.in_(taken)).order_by(JobRow.id))
    return [
        Claim(
            job_id=row.id,
            token=token,
            submission_id=row.submission_id,
            image_sha256=row.image_sha256,
            image_index=row.image_index,
            source_name=row.source_name,
            images=submission.images,
            stored_parameters=submission.parameters,
            attempts=row.attempts,
            content=JobContent(row.content),
            traceparent=row.traceparent,
        )
        for row, submission in rows
    ]


def leave_to_newer(session: Session, job_ids: Sequence[int]) -> list[int]:
    """Free those of the jobs that a newer release took in for another message, after a moment; returns them.

    Whoever took their message does not understand them. Where nothing was done, no attempt counts.
    """
    newer = JobRow.submission_id.in_(select(SubmissionRow.id).where(~understood()))
    which = (JobRow.id.in_(job_ids), leases.claimable(JobRow), newer)
    left = session.scalars(select(JobRow.id).where(*which).order_by(JobRow.id).with_for_update()).all()
    session.execute(
        update(JobRow).where(JobRow.id.in_(left)).values(sent_at=None, not_before=database_time(LEFT_TO_NEWER_FOR_S))
    )
    return list(left)


def finish(session: Session, held: Claim, analysis_id: int) -> None:
    """End a job with its analysis as `finish_all` does."""
    finish_all(session, [Done(held, analysis_id)])


def finish_all(session: Session, several: Sequence[Done]) -> None:
    """End jobs with their analyses.

    Raises
    ------
    LostClaimError
        When one of the jobs was given away.
    OutdatedClaimError
        When side-cars of the image of one have come since it was claimed.
    """
    _hold(session, [one.held for one in several])
    rows = [
        {
            "job_id": one.held.job_id,
            "claim_token": one.held.token,
            "with_analysis": one.analysis_id,
            "of_images": one.n_images,
            "took": None if one.timings is None else dict(one.timings),
            "load": None if one.network_load is None else dict(one.network_load),
        }
        for one in several
    ]
    if rows:
        session.connection().execute(_FINISH, rows)


def finish_unpacked(session: Session, held: Claim, note: str) -> None:
    """End the job of an archive whose members have become jobs, with a word about them; raises as `finish` does."""
    _end(session, held, leases.ended(JobState.DONE) | {"note": note})


def fail(session: Session, held: Claim, code: str, message: str, reference: str | None = None) -> None:
    """End a job with an error for people; raises as `finish` does."""
    _end(session, held, leases.ended(JobState.FAILED, code, message, reference))


def mark_outdated(session: Session, submission_id: int, source_names: Sequence[str]) -> None:
    """Have the jobs of these files run again, because what they work with has changed.

    Those that came to an end go back into the queue, those that run follow when they do. All are locked: who claims one of them
    afterwards sees the change, and who ends one sees the mark.
    """
    named = (
        JobRow.submission_id == submission_id,
        JobRow.source_name.in_(source_names),
        JobRow.content == JobContent.IMAGE,
    )
    originals.hold(session, *named)
    # Without its bytes an image cannot be analysed again, and what was found in it stays.
    these = (*named, ~originals.removed_images())
    session.execute(select(JobRow.id).where(*these).order_by(JobRow.id).with_for_update()).all()
    session.execute(update(JobRow).where(*these, JobRow.state == JobState.RUNNING).values(is_outdated=True))
    ended = JobRow.state.in_((JobState.DONE, JobState.FAILED))
    session.execute(update(JobRow).where(*these, ended).values(**_BEGUN_ANEW))


def run_again(session: Session, held: Claim) -> None:
    """Put a job whose claim is outdated back into the queue; raises LostClaimError when the job was given away."""
    _change_held(session, held, _BEGUN_ANEW)


def give_back(session: Session, held: Claim, delay_s: float) -> None:
    """Put a job back into the queue, not to be taken before so many seconds.

    The attempt does not count: only those that end without a word speak against the image.
    """
    _change_held(session, held, leases.given_back(JobRow, delay_s))


def set_aside_exhausted(session: Session, max_attempts: int) -> int:
    """Fail the jobs whose last allowed attempt ended without a word; returns their number.

    Only among those that a worker holds or a message announces, which are few: where fewer attempts are allowed than before, a
    waiting job is announced once more and then found.
    """
    worn_out = select(JobRow.id).where(IN_FLIGHT, leases.exhausted(JobRow, max_attempts)).order_by(JobRow.id).with_for_update()
    ids = session.scalars(through_index(worn_out, JobRow, IN_FLIGHT_INDEX)).all()
    if not ids:
        return 0
    these = JobRow.id.in_(ids)
    session.execute(update(JobRow).where(these, JobRow.is_outdated).values(**_BEGUN_ANEW, **leases.NOT_HELD))
    message = f"The analysis did not come to an end in {max_attempts} attempts: each time the worker died or went silent."
    return leases.set_aside_exhausted(session, JobRow, max_attempts, message, these)


def cancel(session: Session, *which: ColumnElement[bool]) -> int:
    """Take jobs that have not ended out of the queue, running ones out of their workers' hands; returns their number."""
    values = leases.ended(JobState.CANCELLED) | leases.NOT_HELD | {"is_outdated": False}
    return _changed(session, (OPEN, *which), values)


def retry(session: Session, *which: ColumnElement[bool]) -> int:
    """Put jobs that failed or were cancelled back into the queue; returns their number."""
    again = JobRow.state.in_((JobState.FAILED, JobState.CANCELLED))
    # What was refused out of an archive would be refused again.
    which = (again, JobRow.content != JobContent.REFUSED, *which)
    originals.hold(session, *which)
    return _changed(session, which, _BEGUN_ANEW)


def mark_as_not_sent(session: Session, job_ids: Sequence[int]) -> None:
    """Take back the note that a message announces these jobs."""
    leases.mark_as_not_sent(session, JobRow, job_ids)


def announce_again(session: Session, *which: ColumnElement[bool]) -> int:
    """Take back the note that a message announces jobs that wait: whoever took it left them alone; returns their number."""
    return _changed(session, (IN_FLIGHT, JobRow.state == JobState.QUEUED, *which), {"sent_at": None})


_NOTHING_FOUND = dict.fromkeys(("analysis_id", "timings", "network_load", "note"))
_BEGUN_ANEW = leases.begun_anew() | _NOTHING_FOUND | {"is_outdated": False}


def may_begin() -> ColumnElement[bool]:
    """Tell jobs that nobody holds up, and that this release understands."""
    return JobRow.submission_id.in_(select(SubmissionRow.id).where(SubmissionRow.paused_at.is_(None), understood()))


def understood(pipeline_version: int = PIPELINE_VERSION) -> ColumnElement[bool]:
    """Tell submissions that a release with this version of the pipeline understands, by default this one."""
    return or_(SubmissionRow.pipeline_version.is_(None), SubmissionRow.pipeline_version <= pipeline_version)


def _changed(session: Session, which: Sequence[ColumnElement[bool] | TextClause], values: dict[str, object]) -> int:
    # In one order for all, so that two such changes never wait for each other.
    ids = session.scalars(select(JobRow.id).where(*which).order_by(JobRow.id).with_for_update()).all()
    for first in range(0, len(ids), CHUNK):
        session.execute(update(JobRow).where(JobRow.id.in_(ids[first : first + CHUNK])).values(**values))
    return len(ids)


def _end(session: Session, held: Claim, values: dict[str, object]) -> None:
    _hold(session, [held])
    _change_held(session, held, values)


def _hold(session: Session, claims: Sequence[Claim]) -> None:
    """Lock jobs until the transaction ends: a side-car that comes now finds them ended, and puts them back."""
    these = JobRow.id.in_([held.job_id for held in claims])
    query = select(JobRow.id, JobRow.token, JobRow.is_outdated).where(these, JobRow.state == JobState.RUNNING)
    rows = session.execute(query.order_by(JobRow.id).with_for_update())
    found = {job_id: (token, is_outdated) for job_id, token, is_outdated in rows}
    for held in claims:
        token, is_outdated = found.get(held.job_id, (None, False))
        if token != held.token:
            raise _lost(held)
        if is_outdated:
            raise OutdatedClaimError(f"Side-cars of the image of job {held.job_id} have come meanwhile.", job_id=held.job_id)


def _change_held(session: Session, held: Claim, values: dict[str, object]) -> None:
    if not leases.change_held(session, JobRow, held.job_id, held.token, **values):
        raise _lost(held)


def _lost(held: Claim) -> LostClaimError:
    return LostClaimError(f"Job {held.job_id} was given to another worker.", job_id=held.job_id)


# One statement for many jobs; what is not known stays as it is.
_FINISH = (
    update(JobRow)
    .where(JobRow.id == bindparam("job_id"), JobRow.token == bindparam("claim_token"))
    .values(
        **leases.ended(JobState.DONE),
        **leases.NOT_HELD,
        analysis_id=bindparam("with_analysis"),
        n_images=func.coalesce(bindparam("of_images", type_=Integer), JobRow.n_images),
        timings=func.coalesce(bindparam("took", type_=JSON(none_as_null=True)), JobRow.timings),
        network_load=func.coalesce(bindparam("load", type_=JSON(none_as_null=True)), JobRow.network_load),
    )
)
