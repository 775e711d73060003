"""The life of a job: submitted, claimed by one worker with a token and a lease, finished, failed or given back.

Functions take the session first and never commit. Every change of a running job is conditional on its token, so that a worker
whose lease was given away can change nothing any more. All times are the database's own.
"""

import re
import unicodedata
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, case, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from shared.database import database_time
from shared.domain import Parameters
from shared.errors import InputError, LostClaimError, NotFoundError
from shared.models import ImageRow, JobRow, SubmissionRow

MAX_NAME_LENGTH = 1024


class JobState(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Claim:
    """A job in the hands of one worker; the token is the proof."""

    job_id: int
    token: str
    submission_id: int
    image_sha256: str
    source_name: str
    parameters: Parameters
    attempts: int


@dataclass(frozen=True, slots=True)
class JobCounts:
    """Number of jobs in each state."""

    queued: int
    running: int
    done: int
    failed: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.queued + self.running + self.done + self.failed

    @property
    def unfinished(self) -> int:
        """Jobs that still have to reach an end."""
        return self.queued + self.running


def create_submission(session: Session, project: str, sample: str | None, parameters: Parameters) -> SubmissionRow:
    """Open a submission; files are added to it one by one."""
    row = SubmissionRow(project=project, sample=sample, parameters=asdict(parameters), created_at=database_time())
    session.add(row)
    session.flush()
    session.refresh(row)
    return row


def submission(session: Session, submission_id: int) -> SubmissionRow:
    """Return a submission or raise NotFoundError."""
    row = session.get(SubmissionRow, submission_id)
    if row is None:
        raise NotFoundError(f"There is no submission {submission_id}.", code="submission_not_found")
    return row


def job(session: Session, job_id: int) -> JobRow:
    """Return a job or raise NotFoundError."""
    row = session.get(JobRow, job_id)
    if row is None:
        raise NotFoundError(f"There is no job {job_id}.", code="job_not_found")
    return row


def clean_name(name: str) -> str:
    """Return a file's name as text to show: control characters, drive and `..` parts gone, folders kept.

    Names are never paths of ours (files are stored by their hash), so this protects people and their downloads only.

    Raises
    ------
    InputError
        ``invalid_name`` when nothing is left or the name is longer than 1024 characters.
    """
    text = unicodedata.normalize("NFC", name.replace("\\", "/"))
    text = "".join(c for c in text if unicodedata.category(c)[0] != "C")
    parts = [part.strip() for part in re.sub(r"^[A-Za-z]:/", "", text).split("/")]
    cleaned = "/".join(part for part in parts if part not in {"", ".", ".."})
    if not cleaned:
        raise InputError("The file has no name.", code="invalid_name")
    if len(cleaned) > MAX_NAME_LENGTH:
        raise InputError(f"The file's name has {len(cleaned)} characters; {MAX_NAME_LENGTH} are allowed.", code="invalid_name")
    return cleaned


def add_job(session: Session, submission_id: int, image_sha256: str, n_bytes: int, source_name: str) -> JobRow:
    """Add a stored file to a submission; the same file under the same name a second time returns the first job."""
    insert = _insert(session)
    image = {"sha256": image_sha256, "n_bytes": n_bytes, "created_at": database_time()}
    session.execute(insert(ImageRow).values(image).on_conflict_do_nothing())
    values = {"submission_id": submission_id, "image_sha256": image_sha256, "source_name": source_name}
    session.execute(
        insert(JobRow)
        .values(**values, state=JobState.QUEUED, attempts=0, created_at=database_time(), sent_at=database_time())
        .on_conflict_do_nothing()
    )
    return session.scalars(select(JobRow).filter_by(**values)).one()


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
        Claim(row.id, token, row.submission_id, row.image_sha256, row.source_name, Parameters(**parameters), row.attempts)
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
    """Put a job back into the queue, not to be taken before so many seconds; the attempt counts."""
    _change_held(session, held, state=JobState.QUEUED, not_before=database_time(delay_s), sent_at=None)


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


def counts(session: Session, submission_id: int | None = None) -> JobCounts:
    """Count the jobs of one submission, or of all, by state."""
    query = select(*(func.count(case((JobRow.state == state, 1))).label(state) for state in JobState))
    if submission_id is not None:
        query = query.where(JobRow.submission_id == submission_id)
    return JobCounts(**session.execute(query).one()._mapping)


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


def _insert(session: Session) -> type[sqlite.Insert] | type[postgresql.Insert]:
    """Return the insert of the dialect at hand: only these know `ON CONFLICT DO NOTHING`."""
    return sqlite.Insert if session.get_bind().dialect.name == "sqlite" else postgresql.Insert
