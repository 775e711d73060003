"""Who uses the workers: what is queued and running by group and person, what they did, and who is at it.

Functions take the session first and only read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, distinct, func, literal_column, select
from sqlalchemy.orm import Session

from shared import turns
from shared.database import through_index
from shared.leases import JobState
from shared.models import ENDED, ENDED_INDEX, OPEN, OPEN_INDEX, JobRow, SubmissionRow
from shared.submissions import JobCounts
from shared.turns import Priority

# A constant of the statement: as a parameter PostgreSQL would not see that grouped and selected are the same.
NOBODY: ColumnElement[str] = literal_column("''")
# By what jobs are counted before anything is joined to them.
KEYS = (JobRow.submission_id, JobRow.state)


@dataclass(frozen=True, slots=True)
class Share:
    """What is open of one person's work of one group and priority."""

    group: str
    person: str
    priority: Priority
    n_queued: int
    n_running: int
    n_paused: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class Ended:
    """What came to an end of one person's work in one group since a point in time."""

    group: str
    person: str
    n_done: int
    n_failed: int


def open_shares(session: Session) -> list[Share]:
    """Return what is queued and running by group, person and priority; ``oldest`` is when what waits longest came.

    Jobs of paused submissions count apart: they do not wait for a worker.
    """
    group, person = SubmissionRow.group_name, func.coalesce(SubmissionRow.person, NOBODY)
    counted = (func.count().label("n"), func.min(JobRow.created_at).label("first"))
    # Thousands of jobs to a few rows before texts are joined and sorted.
    opened = through_index(select(*KEYS, *counted).where(OPEN).group_by(*KEYS), JobRow, OPEN_INDEX).subquery()
    columns = (group, person, SubmissionRow.priority, SubmissionRow.paused_at, opened.c.state, opened.c.n, opened.c.first)
    found: dict[tuple[str, str, str], dict[str, int]] = {}
    oldest: dict[tuple[str, str, str], datetime] = {}
    query = select(*columns).join(opened, opened.c.submission_id == SubmissionRow.id)
    for of_group, of_person, priority, paused_at, state, n, first in session.execute(query):
        of = (of_group, of_person, priority)
        kind = "running" if state == JobState.RUNNING else "queued" if paused_at is None else "paused"
        counts = found.setdefault(of, {"queued": 0, "running": 0, "paused": 0})
        counts[kind] += n
        if kind == "queued":
            oldest[of] = min(first, oldest.get(of, first))
    return [
        Share(of[0], of[1], Priority(of[2]), n["queued"], n["running"], n["paused"], oldest.get(of))
        for of, n in sorted(found.items())
    ]


def ended_since(session: Session, since: datetime) -> list[Ended]:
    """Return what came to an end since a point in time, by group and person."""
    group, person = SubmissionRow.group_name, func.coalesce(SubmissionRow.person, NOBODY)
    # Counted by submission first, from the index of ends alone.
    ended = select(*KEYS, func.count().label("n")).where(ENDED, JobRow.finished_at >= since).group_by(*KEYS)
    by_submission = through_index(ended, JobRow, ENDED_INDEX).subquery()
    query = (
        select(group, person, by_submission.c.state, func.sum(by_submission.c.n))
        .join(by_submission, by_submission.c.submission_id == SubmissionRow.id)
        .group_by(group, person, by_submission.c.state)
    )
    found: dict[tuple[str, str], dict[str, int]] = {}
    for of_group, of_person, state, n in session.execute(query):
        found.setdefault((of_group, of_person), {})[state] = int(n)
    return [Ended(*of, n_done=n.get(JobState.DONE, 0), n_failed=n.get(JobState.FAILED, 0)) for of, n in sorted(found.items())]


def running_jobs(session: Session) -> Sequence[JobRow]:
    """Return the jobs that workers hold, the longest first."""
    return session.scalars(select(JobRow).where(JobRow.state == JobState.RUNNING).order_by(JobRow.started_at)).all()


def failures_by_code(session: Session) -> dict[str, int]:
    """Count all jobs that failed by reason."""
    query = (
        select(JobRow.error_code, func.count().label("n")).where(JobRow.state == JobState.FAILED).group_by(JobRow.error_code)
    )
    return {row.error_code or "": row.n for row in session.execute(query)}


def n_open_submissions(session: Session) -> int:
    """Count the submissions with jobs that have not ended."""
    return session.scalar(select(func.count()).select_from(turns.open_submissions().subquery())) or 0


@dataclass(frozen=True, slots=True)
class EndedJob:
    """How a job came to its end in the hands of a worker, and how long it took there."""

    job_id: int
    finished_at: datetime
    state: JobState
    duration_s: float | None
    timings: Mapping[str, float]
    network_load: Mapping[str, float]


def ended_by(session: Session, owner: str, since: datetime) -> list[EndedJob]:
    """Return the jobs that came to an end in the hands of a worker since a point in time."""
    row = JobRow
    query = select(row.id, row.finished_at, row.state, row.started_at, row.timings, row.network_load).where(
        ENDED, row.finished_at >= since, row.owner == owner
    )
    return [
        EndedJob(
            number, finished_at, JobState(state), began and (finished_at - began).total_seconds(), timings or {}, load or {}
        )
        for number, finished_at, state, began, timings, load in session.execute(through_index(query, JobRow, ENDED_INDEX))
    ]


def in_hand(session: Session, owner: str) -> tuple[int, int]:
    """Count the jobs that a worker holds, and the messages by which it took them."""
    held = (JobRow.state == JobState.RUNNING, JobRow.owner == owner)
    n_jobs, n_messages = session.execute(select(func.count(), func.count(distinct(JobRow.token))).where(*held)).one()
    return n_jobs, n_messages


def counts_up_to(session: Session, most: int) -> JobCounts:
    """Count all jobs by state, of each state no more than ``most``: however many there are, it takes no longer."""
    some = {state: select(JobRow.id).where(JobRow.state == state).limit(most).subquery() for state in JobState}
    query = select(*(select(func.count()).select_from(rows).scalar_subquery().label(state) for state, rows in some.items()))
    return JobCounts(*session.execute(query).one())


def group_names(session: Session, most: int) -> list[str]:
    """Return the groups for which something was handed in lately, by name."""
    lately = select(SubmissionRow.group_name).order_by(SubmissionRow.id.desc()).limit(most).subquery()
    return list(session.scalars(select(lately.c.group_name).distinct().order_by(lately.c.group_name)))
