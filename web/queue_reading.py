"""The queue as page and API show it: one reading of all that belongs to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared import election, turns, usage, watching, workers
from shared.database import database_time
from shared.models import JobRow
from shared.service_models import WorkerRow
from shared.turns import Priority
from shared.usage import Ended, Share


@dataclass(frozen=True, slots=True)
class QueueNow:
    """Who works, who waits and what was done since ``midnight``, that of this machine.

    ``weights`` holds those that were set, by group; ``jobs_per_min`` is None where too few jobs ended lately.
    """

    now: datetime
    midnight: datetime
    is_led: bool
    jobs_per_min: float | None
    workers: Sequence[WorkerRow]
    running: Sequence[JobRow]
    shares: Sequence[Share]
    ended: Sequence[Ended]
    weights: Mapping[str, float]


def read_queue(session: Session) -> QueueNow:
    """Read the queue as it is now."""
    midnight = datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
    rate = watching.jobs_per_s(session, tuple(Priority))
    return QueueNow(
        now=session.scalars(select(database_time())).one(),
        midnight=midnight,
        is_led=election.is_office_held(session, election.SCHEDULER),
        jobs_per_min=60 * rate if rate else None,
        workers=workers.living(session),
        running=usage.running_jobs(session),
        shares=usage.open_shares(session),
        ended=usage.ended_since(session, midnight),
        weights={row.name: row.weight for row in turns.group_weights(session)},
    )
