"""A worker's place in the database, and the watchdog that ends one that waiting work passes by."""

import threading
from collections.abc import Callable

import pytest
from sqlalchemy import text, update

from shared import decisions, jobs, submissions, workers
from shared.database import Database, database_time
from shared.domain import PIPELINE_VERSION, Parameters
from shared.models import JobRow, SubmissionRow
from shared.queues import ANALYSIS_QUEUE, INTERACTIVE_QUEUE
from shared.service_models import WorkerRow
from shared.turns import Priority
from shared.workers import WorkerDescription
from tests.integration.laboratory import Laboratory
from tests.stack import free_port, wait_until
from worker.dispatcher import PRIORITIES
from worker.presence import Presence
from worker.recalibrator import Recalibrator

PATIENCE_S = 60.0
LONG_AGO_S = -3600.0


def description(name: str = "worker", queue: str = ANALYSIS_QUEUE) -> WorkerDescription:
    return WorkerDescription(name, "host", "1", PIPELINE_VERSION, "cpu", [queue], 1)


def waiting_job(database: Database, priority: Priority = Priority.NORMAL) -> int:
    """A job that has waited for an hour, and that a message announces now."""
    with database.writing() as session:
        submission = submissions.create_submission(session, "project", None, Parameters(), priority=priority).id
        job_id = submissions.add_job(session, submission, "a" * 64, 10, "a.tif").row.id
        session.execute(update(JobRow).values(created_at=database_time(LONG_AGO_S), sent_at=database_time()))
    return job_id


def old_worker(database: Database, queue: str = ANALYSIS_QUEUE) -> None:
    with database.writing() as session:
        workers.register(session, description(queue=queue))
        session.flush()
        session.execute(update(WorkerRow).values(started_at=database_time(LONG_AGO_S)))


def is_passed_by(database: Database, queue: str = ANALYSIS_QUEUE) -> bool:
    with database.reading() as session:
        return workers.is_passed_by(session, "worker", PRIORITIES[queue], PATIENCE_S)


def test_a_worker_that_takes_nothing_while_announced_work_waits_is_passed_by(database: Database) -> None:
    old_worker(database)
    assert not is_passed_by(database), "nothing waits"
    waiting_job(database)
    assert is_passed_by(database)


@pytest.mark.parametrize(
    "excuse",
    [
        pytest.param(lambda session: workers.note_claim(session, "worker"), id="it took work just now"),
        pytest.param(lambda session: session.execute(update(WorkerRow).values(started_at=database_time())), id="it is new"),
        pytest.param(lambda session: session.execute(update(JobRow).values(sent_at=None)), id="nobody announced the work"),
        pytest.param(
            lambda session: session.execute(update(JobRow).values(sent_at=database_time(LONG_AGO_S))),
            id="the scheduler is away",
        ),
        pytest.param(lambda session: submissions.pause(session, 1), id="the work is paused"),
        pytest.param(
            lambda session: session.execute(update(SubmissionRow).values(pipeline_version=PIPELINE_VERSION + 1)),
            id="the work is for a newer release",
        ),
    ],
)
def test_a_worker_with_an_excuse_is_left_alone(database: Database, excuse: Callable[..., object]) -> None:
    old_worker(database)
    waiting_job(database)
    with database.writing() as session:
        excuse(session)
    assert not is_passed_by(database)


def test_a_worker_that_is_busy_for_long_is_left_alone(database: Database) -> None:
    old_worker(database)
    job_id = waiting_job(database)
    with database.writing() as session:
        jobs.claim(session, [job_id], lease_s=60, max_attempts=3, owner="worker")
    waiting_job(database, Priority.BULK)
    assert not is_passed_by(database)


def test_a_worker_that_applies_a_decision_for_long_is_left_alone(database: Database) -> None:
    laboratory = Laboratory(database)
    decision = laboratory.decide_for_image(laboratory.analysed("image"), 2.0)
    old_worker(database)
    waiting_job(database)
    assert is_passed_by(database)
    with database.writing() as session:
        decisions.ERRANDS.claim(session, decision, lease_s=60, max_attempts=3, owner="worker")
    assert not is_passed_by(database)


def test_who_applies_a_decision_has_taken_work(database: Database) -> None:
    laboratory = Laboratory(database)
    decision = laboratory.decide_for_image(laboratory.analysed("image"), 2.0)
    old_worker(database)
    Recalibrator(database, lease_s=60, max_attempts=3).run(decision, owner="worker")
    waiting_job(database)
    assert not is_passed_by(database)


def test_work_of_another_queue_passes_no_worker_by(database: Database) -> None:
    old_worker(database, INTERACTIVE_QUEUE)
    waiting_job(database)
    assert not is_passed_by(database, INTERACTIVE_QUEUE)


def test_a_worker_is_seen_while_it_lives_and_no_longer_when_it_stops(database: Database) -> None:
    presence = Presence(database, description(), PATIENCE_S, interval_s=0.01)
    presence.start()
    try:
        wait_until(lambda: living(database) == ["worker"], "it is seen")
    finally:
        presence.stop()
    assert living(database) == []


def test_a_worker_that_was_forgotten_is_seen_again(database: Database) -> None:
    presence = Presence(database, description(), PATIENCE_S, interval_s=0.01)
    presence.start()
    try:
        wait_until(lambda: living(database) == ["worker"], "it is seen")
        with database.writing() as session:
            workers.sign_off(session, "worker")
        wait_until(lambda: living(database) == ["worker"], "it is seen again")
    finally:
        presence.stop()


def test_a_worker_whose_first_sign_of_life_was_written_without_an_answer_is_seen(database: Database) -> None:
    with database.writing() as session:
        workers.register(session, description())
    with database.writing() as session:
        session.execute(update(WorkerRow).values(seen_at=database_time(LONG_AGO_S)))
    presence = Presence(database, description(), PATIENCE_S, interval_s=0.01)
    presence.start()
    try:
        wait_until(lambda: living(database) == ["worker"], "it is seen")
    finally:
        presence.stop()


def test_a_worker_that_is_passed_by_gives_up(database: Database) -> None:
    gave_up = threading.Event()
    presence = Presence(database, description(), PATIENCE_S, interval_s=0.01, give_up=gave_up.set)
    presence.start()
    try:
        wait_until(lambda: living(database) == ["worker"], "it is seen")
        assert not gave_up.is_set()
        waiting_job(database)
        with database.writing() as session:
            session.execute(update(WorkerRow).values(started_at=database_time(LONG_AGO_S)))
        assert gave_up.wait(30)
    finally:
        presence.stop()


def test_a_worker_whose_release_the_database_has_left_behind_finishes_and_is_no_longer_counted_on(database: Database) -> None:
    finished = threading.Event()
    presence = Presence(database, description(), PATIENCE_S, interval_s=0.01, finish=finished.set)
    presence.start()
    try:
        wait_until(lambda: living(database) == ["worker"], "it is seen")
        assert not finished.is_set()
        with database.writing() as session:
            session.execute(text("UPDATE alembic_version SET version_num = 'newer'"))
        assert finished.wait(30)
    finally:
        presence.stop()
    assert living(database) == []


def test_a_worker_whose_database_is_away_goes_on() -> None:
    gave_up = threading.Event()
    away = Database(f"postgresql://nobody@127.0.0.1:{free_port()}/saemi")
    presence = Presence(away, description(), PATIENCE_S, interval_s=0.01, give_up=gave_up.set)
    presence.start()
    presence.stop()
    assert not gave_up.is_set()


def living(database: Database) -> list[str]:
    with database.reading() as session:
        return [worker.name for worker in workers.living(session)]
