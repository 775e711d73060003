"""How decisions reach a worker: announced when they are made, again where that was lost, set aside where they are hopeless."""

import json
from base64 import b64decode

import redis
from sqlalchemy import update

from shared.database import Database, database_time
from shared.jobs import JobState
from shared.messaging import JobSender
from shared.models import DecisionRow, JobRow
from shared.queues import ANALYSIS_QUEUE, DECISION_QUEUE
from shared.settings import Settings
from tests.integration.laboratory import Laboratory
from worker.dispatcher import Dispatcher

MAX_ATTEMPTS = 2


def dispatcher(database: Database, sender: JobSender, window: int = 10) -> Dispatcher:
    values = {"dispatch_window": window, "resend_after_s": 30.0, "dispatch_interval_s": 0.01, "max_attempts": MAX_ATTEMPTS}
    return Dispatcher(database, sender, Settings.model_construct(**values))  # type: ignore[arg-type]


def announced(broker: redis.Redis) -> list[tuple[str, object]]:
    """Task and argument of each message that waits, decisions before jobs, the first sent first."""
    waiting = [message for queue in (DECISION_QUEUE, ANALYSIS_QUEUE) for message in reversed(broker.lrange(queue, 0, -1))]
    messages = [json.loads(message) for message in waiting]
    return [(message["headers"]["task"], json.loads(b64decode(message["body"]))[0][0]) for message in messages]


def lose_messages(database: Database) -> None:
    with database.writing() as session:
        for table in (DecisionRow, JobRow):
            session.execute(update(table).values(sent_at=database_time(-3600)))


def test_decisions_whose_messages_were_lost_are_announced_again_before_the_jobs(
    database: Database, sender: JobSender, broker: redis.Redis
) -> None:
    lab = Laboratory(database)
    first, second = (lab.decide_for_image(lab.analysed(image), 2.0) for image in "ab")
    job = lab.add(lab.submit(), "c")
    assert dispatcher(database, sender).run_round() == 3
    assert dispatcher(database, sender).run_round() == 0, "the first messages are young"
    lose_messages(database)
    broker.flushall()
    assert dispatcher(database, sender, window=2).run_round() == 3
    recalibrate, analyse = "saemi.recalibrate", "saemi.analyse"
    assert announced(broker) == [(recalibrate, first), (recalibrate, second), (analyse, [job])]


def test_a_decision_whose_worker_died_is_announced_again_until_its_attempts_are_used_up(
    database: Database, sender: JobSender, broker: redis.Redis
) -> None:
    lab = Laboratory(database)
    decision = lab.decide_for_image(lab.analysed("a"), 2.0)
    lab.begin_again(decision)
    lose_messages(database)
    assert dispatcher(database, sender).run_round() == 1
    assert announced(broker) == [("saemi.recalibrate", decision)]
    with database.writing() as session:
        session.execute(update(DecisionRow).values(attempts=MAX_ATTEMPTS))
    lose_messages(database)
    assert dispatcher(database, sender).run_round() == 0
    assert (lab.decision(decision).state, lab.decision(decision).error_code) == (JobState.FAILED, "attempts_exhausted")


def test_a_decision_that_is_applied_is_not_announced_again(database: Database, sender: JobSender, broker: redis.Redis) -> None:
    lab = Laboratory(database)
    lab.apply(lab.decide_for_image(lab.analysed("a"), 2.0))
    lose_messages(database)
    assert dispatcher(database, sender).run_round() == 0
    assert announced(broker) == []
