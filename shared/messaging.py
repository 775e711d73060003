"""The messages that wake workers: a task's name and numbers of rows, nothing else.

A message may be lost, late or repeated without harm, because the rows are the truth. So publishing never waits long and
never fails a request.
"""

from collections.abc import Sequence

import redis
from celery import Celery
from kombu.entity import Queue
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

from shared.errors import TransientError

ANALYSE_TASK = "saemi.analyse"
RECALIBRATE_TASK = "saemi.recalibrate"
ANALYSIS_QUEUE = "analysis"
# A queue of its own, so that a decision of seconds does not wait behind a backlog of images.
DECISION_QUEUE = "decisions"


def create_celery(broker_url: str, timeout_s: float) -> Celery:
    """Create the Celery application of this process, a sender until a worker adds tasks to it."""
    app = Celery("saemi", broker=broker_url, set_as_current=False)
    app.conf.update(
        task_default_queue=ANALYSIS_QUEUE,
        # A worker takes from both in turn.
        task_queues=[Queue(name, routing_key=name) for name in (DECISION_QUEUE, ANALYSIS_QUEUE)],  # type: ignore[no-untyped-call]
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


class JobSender:
    """Sends the numbers of jobs and decisions to the workers."""

    def __init__(self, broker_url: str, timeout_s: float) -> None:
        self._app = create_celery(broker_url, timeout_s)
        self._redis = redis.Redis.from_url(
            broker_url.replace("redis+socket://", "unix://"), socket_timeout=timeout_s, socket_connect_timeout=timeout_s
        )

    def send(self, job_ids: Sequence[int]) -> None:
        """Announce jobs, one message; raises TransientError when the broker does not take it."""
        self._send(ANALYSIS_QUEUE, ANALYSE_TASK, list(job_ids))

    def send_decision(self, decision_id: int) -> None:
        """Announce that a decision is to be applied; raises TransientError when the broker does not take it."""
        self._send(DECISION_QUEUE, RECALIBRATE_TASK, decision_id)

    def queue_length(self) -> int:
        """Messages that wait in the broker; raises TransientError when it does not answer."""
        try:
            return int(self._redis.llen(ANALYSIS_QUEUE))
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
