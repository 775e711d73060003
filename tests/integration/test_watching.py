"""What people see of work under way, on real databases: how it stands, what holds it up, how fast it goes, who uses what."""

from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client.registry import Collector
from sqlalchemy import update

from shared import actions, election, jobs, submissions, usage, watching, workers
from shared.actions import Action
from shared.database import Database, database_time
from shared.domain import PIPELINE_VERSION, Parameters
from shared.export_rows import ExportRow
from shared.jobs import JobState
from shared.models import JobRow
from shared.queues import QUEUES
from shared.turns import Priority
from shared.watching import FailureGroup, Hold, Standing
from shared.workers import WorkerDescription
from web.metrics import QueueCollector
from worker.metrics import WorkerCollector

WORKER = WorkerDescription("saemi@here", "here", "1", PIPELINE_VERSION, "cpu", list(QUEUES), 2)


def hand_in(database: Database, n: int, **queued_as: object) -> tuple[int, list[int]]:
    with database.writing() as session:
        number = submissions.create_submission(session, "gold", None, Parameters(), **queued_as).id  # type: ignore[arg-type]
        added = (submissions.add_job(session, number, f"{number:032x}{i:032x}", 1, f"{i}.tif") for i in range(n))
        return number, [job.row.id for job in added]


def end(database: Database, job_ids: list[int], state: JobState = JobState.DONE, ago_s: float = 0.0, **columns: object) -> None:
    """Have jobs come to an end so many seconds ago, each of which took a second."""
    times = {"started_at": database_time(-ago_s - 1.0), "finished_at": database_time(-ago_s)}
    with database.writing() as session:
        session.execute(update(JobRow).where(JobRow.id.in_(job_ids)).values(state=state, **times, **columns))


def start_processes(database: Database) -> None:
    with database.writing() as session:
        workers.register(session, WORKER)
        election.hold_office(session, election.SCHEDULER, "me", 60.0)


def standing(database: Database, number: int) -> Standing | None:
    with database.reading() as session:
        return watching.standing(session, submissions.submission(session, number))


def test_a_submission_that_waits_says_what_holds_it_up(database: Database) -> None:
    number, _ = hand_in(database, 3)
    waiting = standing(database, number)
    assert waiting is not None
    assert waiting.hold is Hold.NO_WORKER
    with database.writing() as session:
        workers.register(session, WORKER)
    waiting = standing(database, number)
    assert waiting is not None
    assert waiting.hold is Hold.NO_SCHEDULER
    start_office(database)
    with database.writing() as session:
        actions.act_on_submissions(session, Action.PAUSE, [number])
    waiting = standing(database, number)
    assert waiting is not None
    assert waiting.hold is Hold.PAUSED
    with database.writing() as session:
        actions.act_on_submissions(session, Action.RESUME, [number])
    assert standing(database, number) == Standing(None, 0.0, None, 0), "nothing has ended yet: no time is promised"


def start_office(database: Database) -> None:
    with database.writing() as session:
        election.hold_office(session, election.SCHEDULER, "me", 60.0)


def test_time_left_follows_from_the_rate_and_from_who_else_waits(database: Database) -> None:
    start_processes(database)
    number, job_ids = hand_in(database, 110)
    other, _ = hand_in(database, 200, group="another")
    with database.writing() as session:
        actions.act_on_submissions(session, Action.PAUSE, [other])
    end(database, job_ids[:60], ago_s=59.0)
    alone = standing(database, number)
    assert alone is not None
    assert alone.time_left_s is not None
    # 60 of them in the minute since the first began, and the seconds that a busy machine takes to look.
    assert alone.jobs_per_min == pytest.approx(60, rel=0.2)
    assert alone.time_left_s == pytest.approx(50, rel=0.2)
    with database.writing() as session:
        actions.act_on_submissions(session, Action.RESUME, [other])
    shared = standing(database, number)
    assert shared is not None
    assert shared.n_others == 1
    assert shared.time_left_s == pytest.approx(2 * alone.time_left_s, rel=0.2)


def test_ends_of_long_ago_tell_no_rate(database: Database) -> None:
    start_processes(database)
    number, job_ids = hand_in(database, 20)
    end(database, job_ids[:10], ago_s=7200.0)
    stood = standing(database, number)
    assert stood is not None
    assert (stood.jobs_per_min, stood.time_left_s) == (0.0, None)


def test_a_submission_that_has_ended_does_not_stand_anywhere(database: Database) -> None:
    number, job_ids = hand_in(database, 2)
    end(database, job_ids)
    assert standing(database, number) is None


def test_failures_are_grouped_by_reason_the_most_frequent_first(database: Database) -> None:
    number, job_ids = hand_in(database, 6)
    end(database, job_ids[:1], JobState.FAILED, error_code="empty", error_message="It is empty.")
    end(database, job_ids[1:4], JobState.FAILED, error_code="cut", error_message="It is cut.")
    with database.reading() as session:
        groups = watching.failure_groups(session, number)
        assert groups == [FailureGroup("cut", "It is cut.", 3), FailureGroup("empty", "It is empty.", 1)]
        assert [job.id for job in watching.failed_jobs(session, number)] == job_ids[:4]
        assert usage.failures_by_code(session) == {"cut": 3, "empty": 1}


def test_the_queue_is_told_by_group_person_and_priority(database: Database) -> None:
    _, ada = hand_in(database, 3, person="Ada", group="A", priority=Priority.INTERACTIVE)
    hand_in(database, 2, group="B", priority=Priority.BULK)
    paused, _ = hand_in(database, 4, person="Ada", group="A", priority=Priority.BULK)
    with database.writing() as session:
        actions.act_on_submissions(session, Action.PAUSE, [paused])
        jobs.claim(session, ada[:1], lease_s=60, max_attempts=3)
    with database.reading() as session:
        shares = usage.open_shares(session)
        assert [(s.group, s.person, s.priority, s.n_queued, s.n_running, s.n_paused) for s in shares] == [
            ("A", "Ada", "bulk", 0, 0, 4),
            ("A", "Ada", "interactive", 2, 1, 0),
            ("B", "", "bulk", 2, 0, 0),
        ]
        assert [s.oldest is None for s in shares] == [True, False, False]
        assert usage.n_open_submissions(session) == 3
        assert [job.id for job in usage.running_jobs(session)] == ada[:1]


def test_what_was_done_since_a_time_is_told_by_person(database: Database) -> None:
    _, ada = hand_in(database, 5, person="Ada", group="A")
    end(database, ada[:2])
    end(database, ada[2:3], JobState.FAILED)
    end(database, ada[3:4], ago_s=7200.0)
    with database.reading() as session:
        (told,) = usage.ended_since(session, datetime.now(UTC) - timedelta(hours=1))
    assert (told.group, told.person, told.n_done, told.n_failed) == ("A", "Ada", 2, 1)


def test_counts_of_all_jobs_stop_at_a_limit(database: Database) -> None:
    hand_in(database, 5)
    with database.reading() as session:
        assert usage.counts_up_to(session, 3).queued == 3
        assert usage.counts_up_to(session, 9) == submissions.counts(session)


def test_a_worker_counts_each_end_once_also_one_that_is_seen_late(database: Database) -> None:
    collector = WorkerCollector(database, WORKER)
    _, job_ids = hand_in(database, 6)
    end(database, job_ids[:2], owner=WORKER.name, timings={"decode_s": 0.5, "segment_s": 2.0})
    load = {"n_passes": 0.5, "n_tiles": 4.0, "n_places": 8.0}
    end(database, job_ids[2:3], JobState.FAILED, owner=WORKER.name, network_load=load)
    end(database, job_ids[3:4], owner="another", network_load=load)
    for _ in range(2):
        assert told(collector)["saemi_worker_jobs_total", ("done",)] == 2
    end(database, job_ids[4:5], ago_s=30.0, owner=WORKER.name)  # dated before the last look, committed after it
    with database.writing() as session:
        jobs.claim(session, job_ids[5:], lease_s=60, max_attempts=3, owner=WORKER.name)
    found = told(collector)
    assert found["saemi_worker_jobs_total", ("done",)] == 3
    assert found["saemi_worker_jobs_total", ("failed",)] == 1
    assert found["saemi_stage_duration_seconds_count", ("decode",)] == 2
    assert found["saemi_stage_duration_seconds_sum", ("segment",)] == 4.0
    assert found["saemi_job_duration_seconds_count", ()] == 4
    given = [found[f"saemi_network_{name}_total", ()] for name in ("passes", "tiles", "places")]
    assert given == [0.5, 4.0, 8.0], "shares of the images of this worker, each once"
    assert (found["saemi_worker_jobs_in_hand", ()], found["saemi_worker_batch_jobs", ()]) == (1, 1.0)


def test_exports_are_counted_by_state_and_timed_by_who_made_them(database: Database) -> None:
    asked = {"selection": "", "wanted": {}, "title": "All analyses", "format": "csv", "choices": {}, "n_done": 0, "attempts": 1}
    ended = {"created_at": database_time(-9), "started_at": database_time(-5), "finished_at": database_time()}
    owners = (("done", WORKER.name), ("done", WORKER.name), ("failed", WORKER.name), ("done", "another"))
    with database.writing() as session:
        session.add_all([ExportRow(**asked, **ended, state=state, owner=owner) for state, owner in owners])
        session.add(ExportRow(**asked, created_at=database_time(), state="queued"))
    collector = WorkerCollector(database, WORKER)
    for _ in range(2):
        found = told(collector)
        assert found["saemi_export_duration_seconds_count", ("done",)] == 2
        assert found["saemi_export_duration_seconds_count", ("failed",)] == 1
    assert found["saemi_export_duration_seconds_sum", ("done",)] == pytest.approx(10, abs=1)
    states = told(QueueCollector(database))
    assert [states["saemi_exports", (state,)] for state in ("queued", "running", "done", "failed")] == [1, 0, 3, 1]


def told(collector: Collector) -> dict[tuple[str, tuple[str, ...]], float]:
    return {
        (sample.name, tuple(value for name, value in sample.labels.items() if name != "le")): sample.value
        for metric in collector.collect()
        for sample in metric.samples
    }
