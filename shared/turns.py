"""Whose turn it is: which of the waiting jobs are announced next, so that ten thousand and ten go on side by side.

Groups share the workers by weight, people of a group evenly, and what one person handed in by priority. What counts is how much
of each is under way at this moment: nothing of the past is remembered, and whoever comes to a busy system has the next turn.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from heapq import heapify, heappop, heapreplace
from typing import Self

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session

from shared import jobs, leases
from shared.database import database_time, through_index
from shared.models import IN_FLIGHT, IN_FLIGHT_INDEX, OPEN, OPEN_INDEX, JobRow, SubmissionRow
from shared.queues import ANALYSIS_QUEUE, INTERACTIVE_QUEUE
from shared.service_models import GroupWeightRow

# Jobs of one submission that are looked up at once.
CHUNK = 32


class Priority(StrEnum):
    """How urgent a submission is. An interactive one has workers of its own; somebody waits before a screen."""

    INTERACTIVE = "interactive"
    NORMAL = "normal"
    BULK = "bulk"


# Which queue announces what.
PRIORITIES = {INTERACTIVE_QUEUE: (Priority.INTERACTIVE,), ANALYSIS_QUEUE: (Priority.NORMAL, Priority.BULK)}
# Of what one person handed in, this many turns each.
PRIORITY_WEIGHTS = {Priority.INTERACTIVE: 1.0, Priority.NORMAL: 4.0, Priority.BULK: 1.0}


@dataclass(frozen=True, slots=True)
class Lane:
    """A submission with waiting jobs, where it belongs, and how many of its jobs are under way."""

    submission_id: int
    group: str
    person: str
    priority: Priority
    group_weight: float = 1.0
    in_flight: int = 0


@dataclass(frozen=True, slots=True)
class Chosen:
    """A job whose turn it is, and how many workers died over it or fell silent."""

    job_id: int
    attempts: int


def in_turns(lanes: Iterable[Lane], take: Callable[[Lane], Chosen | None], room: int) -> list[Chosen]:
    """Choose up to ``room`` jobs: always from where the least is under way by weight, and of equals from the oldest.

    Parameters
    ----------
    lanes
        One for each submission.
    take
        Gives the next waiting job of a lane, None when there is no more.
    """
    root = _Branch()
    for lane in lanes:
        root.add(lane)
    root.begin()
    chosen: list[Chosen] = []
    while len(chosen) < room and (job := root.next_job(take)) is not None:
        chosen.append(job)
    return chosen


def take_turns(
    session: Session,
    room: int,
    resend_after_s: float,
    priorities: Collection[Priority] = tuple(Priority),
    pipeline_version: int | None = None,
) -> list[Chosen]:
    """Choose the waiting jobs that are announced next, and note that a message goes out now.

    Where the newest version of the pipeline is given that somebody works with, what needs a newer one waits for it.
    """
    under_way = in_flight(session, resend_after_s, priorities, pipeline_version)
    queues = _WaitingJobs(session, resend_after_s)
    chosen = in_turns(lanes(session, priorities, under_way, pipeline_version), queues.take, room)
    leases.mark_as_sent(session, JobRow, [one.job_id for one in chosen])
    return chosen


def in_flight(
    session: Session,
    resend_after_s: float,
    priorities: Collection[Priority] = tuple(Priority),
    pipeline_version: int | None = None,
) -> dict[int, int]:
    """Count the jobs of each submission that run, or that a recent message announces and somebody may take."""
    running = and_(JobRow.state == leases.JobState.RUNNING, JobRow.lease_until >= database_time())
    recent = and_(JobRow.state == leases.JobState.QUEUED, JobRow.sent_at >= database_time(-resend_after_s))
    # What nobody takes must not keep others from their turn.
    announced = and_(recent, *_takeable(pipeline_version))
    query = (
        select(JobRow.submission_id, func.count().label("n"))
        .join(SubmissionRow)
        .where(IN_FLIGHT, or_(running, announced), SubmissionRow.priority.in_(priorities))
        .group_by(JobRow.submission_id)
    )
    found = session.execute(through_index(query, JobRow, IN_FLIGHT_INDEX))
    return {row.submission_id: row.n for row in found}


def set_group_weight(session: Session, name: str, weight: float) -> None:
    """Give a group so many turns beside the others; 1 is what each has that nobody set."""
    if not 0 < weight < float("inf"):
        raise ValueError(f"the weight of a group is a number above 0, not {weight}")
    session.merge(GroupWeightRow(name=name, weight=weight))


def group_weights(session: Session) -> Sequence[GroupWeightRow]:
    """Return the weights that were set, by the names of the groups."""
    return session.scalars(select(GroupWeightRow).order_by(GroupWeightRow.name)).all()


def open_submissions() -> Select[int]:
    """Select the submissions with jobs that have not ended, by one step for each: years of finished jobs are not looked at."""
    lowest = through_index(select(func.min(JobRow.submission_id).label("id")).where(OPEN), JobRow, OPEN_INDEX)
    first = lowest.cte("open_submission", recursive=True)
    following = lowest.where(JobRow.submission_id > first.c.id).scalar_subquery()
    steps = first.union_all(select(following).where(first.c.id.is_not(None)))
    return select(steps.c.id).where(steps.c.id.is_not(None))


def lanes(
    session: Session, priorities: Collection[Priority], under_way: Mapping[int, int], pipeline_version: int | None = None
) -> list[Lane]:
    """Return the submissions that have open jobs, are not paused and whose release somebody knows, the oldest first."""
    row = SubmissionRow
    query = (
        select(row.id, row.group_name, row.person, row.priority, GroupWeightRow.weight)
        .outerjoin(GroupWeightRow, GroupWeightRow.name == row.group_name)
        .where(row.id.in_(open_submissions()), row.priority.in_(priorities), *_takeable(pipeline_version))
        .order_by(row.id)
    )
    return [
        Lane(number, group, person or "", Priority(priority), weight or 1.0, under_way.get(number, 0))
        for number, group, person, priority, weight in session.execute(query)
    ]


def _takeable(pipeline_version: int | None) -> list[ColumnElement[bool]]:
    """Tell submissions of which somebody may take jobs, as far as versions are known."""
    known = [] if pipeline_version is None else [jobs.understood(pipeline_version)]
    return [SubmissionRow.paused_at.is_(None), *known]


class _WaitingJobs:
    """The waiting jobs of submissions, the oldest first, looked up as they are needed."""

    def __init__(self, session: Session, resend_after_s: float) -> None:
        self._session = session
        self._resend_after_s = resend_after_s
        self._found: dict[int, list[Chosen]] = {}
        self._after: dict[int, int | None] = {}

    def take(self, lane: Lane) -> Chosen | None:
        """Return the next job of a submission, None where no more waits."""
        found = self._found.setdefault(lane.submission_id, [])
        if not found and self._after.get(lane.submission_id, 0) is not None:
            found.extend(self._look_up(lane.submission_id))
        return found.pop(0) if found else None

    def _look_up(self, submission_id: int) -> list[Chosen]:
        waiting = (OPEN, JobRow.submission_id == submission_id, leases.waiting(JobRow, self._resend_after_s))
        further = JobRow.id > (self._after.get(submission_id) or 0)
        query = select(JobRow.id, JobRow.attempts).where(*waiting, further).order_by(JobRow.id).limit(CHUNK)
        rows = self._session.execute(through_index(query, JobRow, OPEN_INDEX))
        found = [Chosen(job_id, attempts) for job_id, attempts in rows]
        self._after[submission_id] = found[-1].job_id if len(found) == CHUNK else None
        return found


@dataclass(slots=True)
class _Branch:
    """A group, a person, a priority or a submission: what of it is under way, and what it consists of.

    Only what has just had its turn changes its place, so the next one lies on top of a heap.
    """

    weight: float = 1.0
    oldest: int = 0
    load: int = 0
    lane: Lane | None = None
    children: dict[object, Self] = field(default_factory=dict)
    turns: list[tuple[float, int, Self]] = field(default_factory=list)

    def add(self, lane: Lane) -> None:
        """Put a submission into its place."""
        branch = self
        for key, weight in _place(lane):
            branch = branch.children.setdefault(key, type(self)(weight, lane.submission_id))
            branch.load += lane.in_flight
        branch.lane = lane

    def begin(self) -> None:
        """Put everything into the order of turns, after the last submission was added."""
        for child in self.children.values():
            child.begin()
        self.turns = [child.turn() for child in self.children.values()]
        heapify(self.turns)

    def turn(self) -> tuple[float, int, Self]:
        """Return the place among its neighbours; no two have the same oldest submission."""
        return self.load / self.weight, self.oldest, self

    def next_job(self, take: Callable[[Lane], Chosen | None]) -> Chosen | None:
        """Take the next job of whatever has the next turn; None where no more waits."""
        job = None if self.lane is None else take(self.lane)
        while job is None and self.turns:
            child = self.turns[0][-1]
            job = child.next_job(take)
            if job is None:
                heappop(self.turns)
            else:
                heapreplace(self.turns, child.turn())
        self.load += job is not None
        return job


def _place(lane: Lane) -> tuple[tuple[object, float], ...]:
    return (
        (lane.group, lane.group_weight),
        (lane.person, 1.0),
        (lane.priority, PRIORITY_WEIGHTS[lane.priority]),
        (lane.submission_id, 1.0),
    )
