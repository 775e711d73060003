"""What the API gives of the queue, one pydantic model each."""

from dataclasses import asdict
from datetime import datetime
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from shared.models import JobRow
from shared.service_models import WorkerRow
from shared.turns import Priority
from web.queue_reading import QueueNow


class HeldJob(BaseModel):
    """A job that a worker is at."""

    id: int
    submission_id: int
    source_name: str
    image_index: int
    started_at: datetime | None

    model_config = ConfigDict(from_attributes=True)


class Worker(BaseModel):
    """A worker that lives, and the jobs that it holds."""

    name: str
    host: str
    software_version: str
    pipeline_version: int
    device: str
    queues: list[str] = Field(description="Of which queues it takes work.")
    n_processes: int
    started_at: datetime
    seen_at: datetime
    claimed_at: datetime | None = Field(description="When it last took work.")
    jobs: list[HeldJob]

    @classmethod
    def of(cls, row: WorkerRow, running: list[JobRow]) -> Self:
        """Describe a worker by its row and all jobs that run."""
        held = [HeldJob.model_validate(job) for job in running if job.owner == row.name]
        stated = {name: getattr(row, name) for name in cls.model_fields if name != "jobs"}
        return cls(**stated, jobs=held)


class OpenShare(BaseModel):
    """What is open of one person's work of one group and priority; the texts are empty where none was named."""

    group: str
    person: str
    priority: Priority
    n_queued: int
    n_running: int
    n_paused: int
    oldest: datetime | None = Field(description="When what waits longest was handed in.")


class EndedShare(BaseModel):
    """What came to an end of one person's work in one group."""

    group: str
    person: str
    n_done: int
    n_failed: int


class Queue(BaseModel):
    """The queue at this moment."""

    is_led: bool = Field(description="Whether a scheduler hands work out.")
    jobs_per_min: float | None = Field(description="Jobs that ended in a minute lately; null where too few did.")
    workers: list[Worker]
    open: list[OpenShare]
    ended_since: datetime = Field(description="Midnight of the portal's machine.")
    ended: list[EndedShare]
    weights: dict[str, float] = Field(description="Turns of groups beside the others, where not 1.")

    @classmethod
    def of(cls, queue: QueueNow) -> Self:
        """Describe the queue as it was read."""
        return cls(
            is_led=queue.is_led,
            jobs_per_min=queue.jobs_per_min,
            workers=[Worker.of(row, list(queue.running)) for row in queue.workers],
            open=[OpenShare(**asdict(share)) for share in queue.shares],
            ended_since=queue.midnight,
            ended=[EndedShare(**asdict(one)) for one in queue.ended],
            weights=dict(queue.weights),
        )
