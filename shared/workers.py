"""Who works: workers show that they live, note when they took work, and can tell that work passes them by.

Functions take the session first and never commit.
"""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from shared import jobs, leases
from shared.database import database_time, through_index
from shared.export_rows import ExportRow
from shared.leases import JobState, Table
from shared.models import IN_FLIGHT, IN_FLIGHT_INDEX, DecisionRow, JobRow, SubmissionRow
from shared.service_models import WorkerRow
from shared.turns import Priority

# A worker that was not seen for so long is gone.
GONE_AFTER_S = 60.0
# Rows of workers that are gone are of use for a day, to see what was there.
FORGOTTEN_AFTER_S = 86_400.0
# What a worker may be busy with.
HOLDABLE: tuple[Table, ...] = (JobRow, DecisionRow, ExportRow)


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


def show_life(session: Session, worker: WorkerDescription) -> None:
    """Note that a worker lives; one that starts, or that was forgotten while its machine slept, is noted anew."""
    seen = update(WorkerRow).where(WorkerRow.name == worker.name).values(seen_at=database_time()).returning(WorkerRow.name)
    if session.scalar(seen) is None:
        register(session, worker)


def register(session: Session, worker: WorkerDescription) -> None:
    """Note a worker that starts, and forget those that are long gone."""
    session.execute(delete(WorkerRow).where(WorkerRow.seen_at < database_time(-FORGOTTEN_AFTER_S)))
    session.add(WorkerRow(**asdict(worker), started_at=database_time(), seen_at=database_time()))


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
    """Tell whether jobs that a worker could begin wait for long while it holds and takes nothing: it no longer listens."""
    since = database_time(-patience_s)
    idle = select(WorkerRow.name).where(
        WorkerRow.name == name, func.coalesce(WorkerRow.claimed_at, WorkerRow.started_at) < since, WorkerRow.started_at < since
    )
    if session.scalar(idle) is None:
        return False
    if _holds_work(session, name):
        return False
    wanted = select(SubmissionRow.id).where(SubmissionRow.priority.in_(priorities))
    # There all the time and announced since: the scheduler lives, and still nobody came.
    waits = (IN_FLIGHT, leases.claimable(JobRow), jobs.may_begin(), JobRow.sent_at >= since, JobRow.created_at < since)
    waiting = select(JobRow.id).where(*waits, JobRow.submission_id.in_(wanted)).limit(1)
    return session.scalar(through_index(waiting, JobRow, IN_FLIGHT_INDEX)) is not None


def _holds_work(session: Session, name: str) -> bool:
    held = (select(table.id).where(table.state == JobState.RUNNING, table.owner == name).limit(1) for table in HOLDABLE)
    return any(session.scalar(one) is not None for one in held)
