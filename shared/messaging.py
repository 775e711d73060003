"""The messages that wake workers: a task's name and numbers of rows, nothing else.

A message may be lost, late or repeated without harm, because the rows are the truth. The scheduler alone sends them: a request
commits and is done, whatever the broker does.
"""

from collections.abc import Sequence

import redis
from celery import Celery
from kombu.entity import Queue
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

from shared.errors import TransientError
from shared.queues import ANALYSIS_QUEUE, DECISION_QUEUE, EXPORT_QUEUE, QUEUES

ANALYSE_TASK = "saemi.analyse"
RECALIBRATE_TASK = "saemi.recalibrate"
EXPORT_TASK = "saemi.export"


def create_celery(broker_url: str, timeout_s: float) -> Celery:
    """Create the Celery application of this process, a sender until a worker adds tasks to it."""
    app = Celery("saemi", broker=broker_url, set_as_current=False)
    app.conf.update(
        task_default_queue=ANALYSIS_QUEUE,
        # A worker takes from them in turn.
        task_queues=[Queue(name, routing_key=name) for name in QUEUES],  # type: ignore[no-untyped-call]
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        # The rows are repeated by the dispatcher, so a sender tries once and goes on.
        task_publish_retry=False,
        broker_connection_timeout=timeout_s,
        broker_transport_options={
            "socket_timeout": timeout_s,
            "socket_connect_timeout": timeout_s,
            "max_retries": 0,
        },
    )
    return app


def redis_url(broker_url: str) -> str:
    """Return the address of a broker as the Redis client writes it; Celery's differs for sockets."""
    return broker_url.replace("redis+socket://", "unix://").replace("?virtual_host=", "?db=")


class JobSender:
    """Sends the numbers of jobs, decisions and exports to the workers."""

    def __init__(self, broker_url: str, timeout_s: float) -> None:
        self._app = create_celery(broker_url, timeout_s)
        self._redis = redis.Redis.from_url(redis_url(broker_url), socket_timeout=timeout_s, socket_connect_timeout=timeout_s)

    def send(self, job_ids: Sequence[int], queue: str = ANALYSIS_QUEUE) -> None:
        """Announce jobs, one message; raises TransientError when the broker does not take it."""
        self._send(queue, ANALYSE_TASK, list(job_ids))

    def send_decision(self, decision_id: int) -> None:
        """Announce that a decision is to be applied; raises TransientError when the broker does not take it."""
        self._send(DECISION_QUEUE, RECALIBRATE_TASK, decision_id)

    def send_export(self, export_id: int) -> None:
        """Announce that an output is to be made; raises TransientError when the broker does not take it."""
        self._send(EXPORT_QUEUE, EXPORT_TASK, export_id)

    def queue_length(self, queue: str = ANALYSIS_QUEUE) -> int:
        """Messages that wait in a queue of the broker; raises TransientError when it does not answer."""
        try:
            return int(self._redis.llen(queue))
        except RedisError as error:
            raise TransientError("The message broker does not answer.", code="broker_unavailable") from error

    def close(self) -> None:
        """Close the connections."""
        self._app.close()
        self._redis.close()

    def _send(self, queue: str, task: str, argument: int | list[int]) -> None:
        try:
            self._app.send_task(task, args=[argument], queue=queue, retry=False)
        except (KombuError, RedisError, OSError) as error:
            raise TransientError("The message broker does not answer.", code="broker_unavailable") from error
