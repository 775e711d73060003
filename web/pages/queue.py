"""The queue as the facility manager looks at it: who works, who waits, and who uses what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.image_names import shown_name
from shared.models import JobRow
from shared.service_models import WorkerRow
from shared.turns import Priority
from shared.usage import Ended, Share
from web.pages.standing import PRIORITY_TEXT, age
from web.pages.writing import count, duration

QUEUE_TEXT = {
    "interactive": "what people wait for",
    "decisions": "pixel sizes",
    "exports": "reports and files",
    "analysis": "all other images",
}
# Of what a worker is at, so many are named.
NAMED_JOBS = 4


@dataclass(frozen=True, slots=True)
class HeldJob:
    """A job that a worker is at."""

    name: str
    submission_id: int
    since: str


@dataclass(frozen=True, slots=True)
class WorkerLine:
    """A worker that lives."""

    name: str
    host: str
    software_version: str
    device: str
    takes: str
    n_processes: int
    held: Sequence[HeldJob]
    n_more: int
    last_claim: datetime | None


@dataclass(frozen=True, slots=True)
class PriorityLine:
    """What waits and runs with one priority."""

    name: str
    text: str
    n_queued: str
    n_running: str
    n_paused: str
    oldest: str


@dataclass(frozen=True, slots=True)
class UsageLine:
    """What one person of a group has in the queue, and what was done for them today."""

    group: str
    weight: float
    person: str
    n_queued: int
    n_running: int
    n_paused: int
    n_done: int
    n_failed: int


def worker_lines(living: Sequence[WorkerRow], running: Sequence[JobRow], now: datetime) -> list[WorkerLine]:
    """Describe the workers with what they are at."""
    lines = []
    for row in living:
        of = [job for job in running if job.owner == row.name]
        lines.append(
            WorkerLine(
                name=row.name,
                host=row.host,
                software_version=row.software_version,
                device=row.device,
                takes=", ".join(QUEUE_TEXT.get(queue, queue) for queue in row.queues),
                n_processes=row.n_processes,
                held=[_held(job, now) for job in of[:NAMED_JOBS]],
                n_more=max(0, len(of) - NAMED_JOBS),
                last_claim=row.claimed_at,
            )
        )
    return lines


def priority_lines(shares: Sequence[Share], now: datetime) -> list[PriorityLine]:
    """Sum up what is open by priority."""
    lines = []
    for priority in Priority:
        of = [share for share in shares if share.priority is priority]
        waiting = [share.oldest for share in of if share.oldest is not None]
        line = PriorityLine(
            name=priority,
            text=PRIORITY_TEXT[priority],
            n_queued=count(sum(share.n_queued for share in of)),
            n_running=count(sum(share.n_running for share in of)),
            n_paused=count(sum(share.n_paused for share in of)),
            oldest=age(min(waiting, default=None), now),
        )
        lines.append(line)
    return lines


def usage_lines(shares: Sequence[Share], ended: Sequence[Ended], weights: Mapping[str, float]) -> list[UsageLine]:
    """Put together what is open and what was done today, by group and person."""
    people = sorted({(share.group, share.person) for share in shares} | {(one.group, one.person) for one in ended})
    lines = []
    for group, person in people:
        of = [share for share in shares if (share.group, share.person) == (group, person)]
        today = [one for one in ended if (one.group, one.person) == (group, person)]
        lines.append(
            UsageLine(
                group=group,
                weight=weights.get(group, 1.0),
                person=person,
                n_queued=sum(share.n_queued for share in of),
                n_running=sum(share.n_running for share in of),
                n_paused=sum(share.n_paused for share in of),
                n_done=sum(one.n_done for one in today),
                n_failed=sum(one.n_failed for one in today),
            )
        )
    return lines


def _held(job: JobRow, now: datetime) -> HeldJob:
    since = "" if job.started_at is None else duration(max(0.0, (now - job.started_at).total_seconds()))
    return HeldJob(shown_name(job.source_name, job.image_index, job.n_images), job.submission_id, since)
