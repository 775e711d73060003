"""How exports reach a worker: few at a time, the oldest first, again where a message was lost, until they are hopeless."""

import json
from base64 import b64decode

import pytest
import redis
from sqlalchemy import update

from shared import workers
from shared.database import Database, database_time
from shared.export_rows import ExportRow
from shared.leases import JobState
from shared.messaging import JobSender
from shared.queues import EXPORT_QUEUE
from shared.settings import Settings
from shared.workers import WorkerDescription
from worker.dispatcher import Dispatcher

MAX_ATTEMPTS = 2


@pytest.fixture
def numbers(database: Database) -> list[int]:
    """Five exports that wait."""
    asked = {"selection": "", "wanted": {}, "title": "All analyses", "format": "csv", "choices": {}, "n_done": 0}
    with database.writing() as session:
        rows = [ExportRow(**asked, state=JobState.QUEUED, attempts=0, created_at=database_time()) for _ in range(5)]
        session.add_all(rows)
        session.flush()
        return [row.id for row in rows]


@pytest.fixture
def dispatcher(database: Database, sender: JobSender) -> Dispatcher:
    values = {"dispatch_window": 10, "resend_after_s": 30.0, "dispatch_interval_s": 0.01, "max_attempts": MAX_ATTEMPTS}
    return Dispatcher(database, sender, Settings.model_construct(**values))  # type: ignore[arg-type]


def announced(broker: redis.Redis) -> list[int]:
    """The exports whose messages wait, the first sent first."""
    messages = [json.loads(message) for message in reversed(broker.lrange(EXPORT_QUEUE, 0, -1))]
    assert {message["headers"]["task"] for message in messages} <= {"saemi.export"}
    return [json.loads(b64decode(message["body"]))[0][0] for message in messages]


def change(database: Database, number: int, **values: object) -> None:
    with database.writing() as session:
        session.execute(update(ExportRow).where(ExportRow.id == number).values(**values))


def test_half_of_the_processes_that_take_exports_make_them_and_the_others_wait(
    database: Database, dispatcher: Dispatcher, broker: redis.Redis, numbers: list[int]
) -> None:
    assert dispatcher.run_round() == 1, "without a worker one is announced, for whoever comes"
    with database.writing() as session:
        workers.register(session, WorkerDescription("w", "host", "1", 6, "cpu", [EXPORT_QUEUE, "analysis"], 4))
        workers.register(session, WorkerDescription("other", "host", "1", 6, "cpu", ["analysis"], 40))
    assert (dispatcher.run_round(), dispatcher.run_round()) == (1, 0)
    assert announced(broker) == numbers[:2]
    change(database, numbers[0], state=JobState.RUNNING, token="t", lease_until=database_time(60))
    assert dispatcher.run_round() == 0
    change(database, numbers[0], state=JobState.DONE, token=None)
    assert dispatcher.run_round() == 1
    assert announced(broker) == numbers[:3]


def test_lost_messages_are_repeated_and_hopeless_exports_set_aside(
    database: Database, dispatcher: Dispatcher, broker: redis.Redis, numbers: list[int]
) -> None:
    dispatcher.run_round()
    broker.flushall()
    change(database, numbers[0], sent_at=database_time(-60))
    assert dispatcher.run_round() == 1
    assert announced(broker) == [numbers[0]]
    died = {"state": JobState.RUNNING, "token": "t", "lease_until": database_time(-1), "attempts": MAX_ATTEMPTS}
    change(database, numbers[0], **died)
    assert dispatcher.run_round() == 1, "the next one's turn"
    assert announced(broker) == numbers[:2]
    with database.reading() as session:
        row = session.get(ExportRow, numbers[0])
        assert row is not None
        assert (row.state, row.error_code) == (JobState.FAILED, "attempts_exhausted")
