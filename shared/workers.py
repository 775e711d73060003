"""Who works: workers show that they live, note when they took work, and can tell that work passes them by.

Functions take the session first and never commit.
"""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from shared import leases
from shared.database import database_time
from shared.leases import JobState
from shared.models import OPEN, JobRow, SubmissionRow
from shared.service_models import WorkerRow
from shared.turns import Priority

# A worker that was not seen for so long is gone.
GONE_AFTER_S = 60.0
# Rows of workers that are gone are of use for a day, to see what was there.
FORGOTTEN_AFTER_S = 86_400.0


@dataclass(frozen=True, slots=True)
class WorkerDescription:
    """A worker as it starts."""

    name: str
    host: str
    software_version: str
    pipeline_version: int
    device: str
    queues: list[str]
    n_processes: int


def register(session: Session, worker: WorkerDescription) -> None:
    """Note a worker that starts, and forget those that are long gone."""
    session.execute(delete(WorkerRow).where(WorkerRow.seen_at < database_time(-FORGOTTEN_AFTER_S)))
    session.add(WorkerRow(**asdict(worker), started_at=database_time(), seen_at=database_time()))


def show_life(session: Session, name: str) -> None:
    """Note that a worker lives."""
    session.execute(update(WorkerRow).where(WorkerRow.name == name).values(seen_at=database_time()))


def note_claim(session: Session, name: str) -> None:
    """Note that a worker took work."""
    session.execute(update(WorkerRow).where(WorkerRow.name == name).values(claimed_at=database_time()))


def sign_off(session: Session, name: str) -> None:
    """Forget a worker that stops."""
    session.execute(delete(WorkerRow).where(WorkerRow.name == name))


def living(session: Session) -> Sequence[WorkerRow]:
    """Return the workers that were seen lately, by name."""
    alive = WorkerRow.seen_at >= database_time(-GONE_AFTER_S)
    return session.scalars(select(WorkerRow).where(alive).order_by(WorkerRow.name)).all()


def is_passed_by(session: Session, name: str, priorities: Collection[Priority], patience_s: float) -> bool:
    """Tell whether announced jobs wait for long while a worker holds none and has taken none: it no longer listens."""
    since = database_time(-patience_s)
    idle = select(WorkerRow.name).where(
        WorkerRow.name == name, func.coalesce(WorkerRow.claimed_at, WorkerRow.started_at) < since, WorkerRow.started_at < since
    )
    if session.scalar(idle) is None:
        return False
    if session.scalar(select(JobRow.id).where(JobRow.state == JobState.RUNNING, JobRow.owner == name).limit(1)) is not None:
        return False
    wanted = select(SubmissionRow.id).where(SubmissionRow.priority.in_(priorities), SubmissionRow.paused_at.is_(None))
    # There all the time and announced since: the scheduler lives, and still nobody came.
    waits = (OPEN, leases.claimable(JobRow), JobRow.sent_at >= since, JobRow.created_at < since)
    return session.scalar(select(JobRow.id).where(*waits, JobRow.submission_id.in_(wanted)).limit(1)) is not None
