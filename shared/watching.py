"""What people look at while work is under way: how fast it goes, what holds a submission up, what is left, what failed and why.

Functions take the session first and only read. All of it comes from the rows; nothing is counted beside them.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import func, select, true
from sqlalchemy.orm import Session

from shared import election, turns, workers
from shared.database import database_time, through_index
from shared.forecast import Load, time_left_s
from shared.leases import JobState
from shared.models import ENDED, ENDED_INDEX, OPEN, OPEN_INDEX, JobRow, SubmissionRow
from shared.turns import PRIORITIES, Priority
from shared.usage import KEYS

# How far back is looked, s: minutes where enough ended in them, for slow work half an hour.
WINDOWS_S = (120.0, 1800.0)
# Ends from which a rate can be told.
FEWEST_ENDS = 5


class Hold(StrEnum):
    """Why nothing of a submission begins although it waits."""

    PAUSED = "paused"
    NO_WORKER = "no_worker"
    NO_SCHEDULER = "no_scheduler"


@dataclass(frozen=True, slots=True)
class Standing:
    """How a submission with open jobs stands at this moment.

    Attributes
    ----------
    hold : Hold or None
        What keeps it from going on.
    jobs_per_min : float
        Jobs of it that ended in a minute lately; 0 where too few did.
    time_left_s : float or None
        None where it cannot be known.
    n_others : int
        Other submissions that the same workers are to do.
    """

    hold: Hold | None
    jobs_per_min: float
    time_left_s: float | None
    n_others: int


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Jobs that failed for the same reason, with what is said about one of them."""

    error_code: str
    error_message: str
    n_jobs: int


def standing(session: Session, row: SubmissionRow) -> Standing | None:
    """Tell how a submission stands; None where nothing of it is open."""
    left = _left(session)
    if row.id not in left:
        return None
    priorities = next(of for of in PRIORITIES.values() if row.priority in of)
    lanes = [lane for lane in turns.lanes(session, priorities, {}) if lane.submission_id in left]
    loads = [Load(lane, left[lane.submission_id]) for lane in lanes]
    hold = _hold(session, row)
    rate = None if hold else jobs_per_s(session, priorities)
    own = jobs_per_s(session, priorities, row.id)
    return Standing(
        hold=hold,
        jobs_per_min=60 * own if own else 0.0,
        time_left_s=time_left_s(loads, row.id, rate) if rate else None,
        n_others=sum(lane.submission_id != row.id for lane in lanes),
    )


def jobs_per_s(session: Session, priorities: Collection[Priority], submission_id: int | None = None) -> float | None:
    """Return how many jobs came to an end in a second lately, of one submission or of all; None where too few did.

    The time counts from when the first of them began: a system that was idle before is not called slow.
    """
    now = session.scalars(select(database_time())).one()
    for window_s in WINDOWS_S:
        n, first = _ends(session, priorities, submission_id, now - timedelta(seconds=window_s))
        if n >= FEWEST_ENDS and first is not None:
            span_s = min(window_s, (now - first).total_seconds())
            return n / span_s if span_s > 0 else None
    return None


def failure_groups(session: Session, submission_id: int) -> list[FailureGroup]:
    """Return the reasons for which jobs of a submission failed, the most frequent first."""
    query = (
        select(JobRow.error_code, func.min(JobRow.error_message), func.count().label("n"))
        .where(JobRow.submission_id == submission_id, JobRow.state == JobState.FAILED)
        .group_by(JobRow.error_code)
        .order_by(func.count().desc(), JobRow.error_code)
    )
    return [FailureGroup(code or "", message or "", n) for code, message, n in session.execute(query)]


def failed_jobs(session: Session, submission_id: int) -> Sequence[JobRow]:
    """Return the jobs of a submission that failed, in the order of submission."""
    failed = (JobRow.submission_id == submission_id, JobRow.state == JobState.FAILED)
    return session.scalars(select(JobRow).where(*failed).order_by(JobRow.id)).all()


def _hold(session: Session, row: SubmissionRow) -> Hold | None:
    if row.paused_at is not None:
        return Hold.PAUSED
    queue = next(name for name, priorities in PRIORITIES.items() if row.priority in priorities)
    needed = row.pipeline_version or 0
    if not any(queue in worker.queues and worker.pipeline_version >= needed for worker in workers.living(session)):
        return Hold.NO_WORKER
    return None if election.is_office_held(session, election.SCHEDULER) else Hold.NO_SCHEDULER


def _left(session: Session) -> dict[int, int]:
    query = select(JobRow.submission_id, func.count().label("n")).where(OPEN).group_by(JobRow.submission_id)
    return {row.submission_id: row.n for row in session.execute(through_index(query, JobRow, OPEN_INDEX))}


def _ends(
    session: Session, priorities: Collection[Priority], submission_id: int | None, since: datetime
) -> tuple[int, datetime | None]:
    """Return how many jobs ended since a point in time, and when the first of them began.

    Grouped by submission and state, and put together here, so that the database reads nothing but the index of ends; in that
    PostgreSQL finds a time that it is told, and not one that it would have to ask its clock for row by row.
    """
    of_one = true() if submission_id is None else JobRow.submission_id == submission_id
    measured = (func.count().label("n"), func.min(JobRow.started_at).label("first"))
    ends = select(*KEYS, *measured).where(ENDED, JobRow.finished_at >= since, of_one).group_by(*KEYS)
    rows = session.execute(through_index(ends, JobRow, ENDED_INDEX)).all()
    found = [row for row in rows if row.state in (JobState.DONE, JobState.FAILED)]
    wanted = (SubmissionRow.id.in_({row.submission_id for row in found}), SubmissionRow.priority.in_(priorities))
    of_priority = set(session.scalars(select(SubmissionRow.id).where(*wanted)))
    counted = [row for row in found if row.submission_id in of_priority]
    first = min((row.first for row in counted if row.first is not None), default=None)
    return sum(row.n for row in counted), first
