"""The life of a job on real databases: one holder at a time, nothing done twice, nothing forgotten."""

import threading
import unicodedata
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from shared import jobs, leases, submissions, turns
from shared.database import Database, database_time
from shared.domain import PIPELINE_VERSION, Parameters
from shared.errors import InputError, LostClaimError
from shared.image_names import MAX_NAME_BYTES, clean_name
from shared.jobs import Claim, JobState
from shared.models import JobRow, SubmissionRow
from tests.stack import wait_until

LEASE_S = 60.0
MAX_ATTEMPTS = 3
LONG_AGO_S = -3600.0


def add_jobs(database: Database, count: int) -> list[int]:
    with database.writing() as session:
        submission = submissions.create_submission(session, "project", None, Parameters())
        added = [submissions.add_job(session, submission.id, f"{n:064x}", 10, f"image_{n}.tif") for n in range(count)]
        return [job.row.id for job in added]


def claim(database: Database, *job_ids: int, max_attempts: int = MAX_ATTEMPTS) -> list[Claim]:
    with database.writing() as session:
        return jobs.claim(session, job_ids, lease_s=LEASE_S, max_attempts=max_attempts)


def change(database: Database, action: Callable[..., object], *arguments: object) -> object:
    with database.writing() as session:
        return action(session, *arguments)


def announced(database: Database, room: int, resend_after_s: float) -> list[int]:
    with database.writing() as session:
        return [chosen.job_id for chosen in turns.take_turns(session, room, resend_after_s)]


def set_time(database: Database, job_id: int, **offsets_s: float) -> None:
    """Move points in time of a job, seconds from now by the database's clock."""
    with database.writing() as session:
        times = {name: database_time(offset) for name, offset in offsets_s.items()}
        session.execute(update(JobRow).where(JobRow.id == job_id).values(**times))


def row(database: Database, job_id: int) -> JobRow:
    with database.reading() as session:
        return submissions.job(session, job_id)


def facts(database: Database, job_id: int) -> dict[str, object]:
    found = row(database, job_id)
    return {column.name: getattr(found, column.name) for column in JobRow.__table__.columns}


def test_two_workers_that_race_for_the_same_jobs_claim_each_once(database: Database) -> None:
    job_ids = add_jobs(database, 200)
    url = database.engine.url.render_as_string(hide_password=False)
    together, claimed, problems = threading.Barrier(2, timeout=30), [], []

    def work(order: list[int]) -> None:
        own = Database(url)
        try:
            together.wait()
            for position in range(0, len(order), 5):
                claimed.extend(found.job_id for found in claim(own, *order[position : position + 5]))
        except BaseException as problem:
            problems.append(problem)
            raise
        finally:
            own.dispose()

    # Both go through the jobs in the same order, so that they meet at every one of them.
    threads = [threading.Thread(target=work, args=(job_ids,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert problems == []
    assert Counter(claimed) == dict.fromkeys(job_ids, 1)


def test_a_claim_tells_the_worker_all_it_needs_and_marks_the_job(database: Database) -> None:
    with database.writing() as session:
        submission = submissions.create_submission(session, "project", "sample", Parameters(nm_per_px=0.5)).id
        job_id = submissions.add_job(session, submission, "a" * 64, 10, "日本語.tif").row.id
    (found,) = claim(database, job_id)
    assert (found.job_id, found.submission_id) == (job_id, submission)
    assert (found.image_sha256, found.source_name) == ("a" * 64, "日本語.tif")
    assert Parameters.from_stored(found.stored_parameters) == Parameters(nm_per_px=0.5)
    stored = row(database, job_id)
    assert (stored.state, stored.token, stored.attempts) == (JobState.RUNNING, found.token, 1)
    assert stored.lease_until is not None
    assert stored.started_at is not None
    assert (stored.lease_until - stored.started_at).total_seconds() == pytest.approx(LEASE_S, abs=1)


def test_a_job_that_someone_holds_is_not_given_to_another(database: Database) -> None:
    (job_id,) = add_jobs(database, 1)
    assert len(claim(database, job_id)) == 1
    assert claim(database, job_id) == []


def test_of_several_jobs_only_the_free_ones_are_claimed(database: Database) -> None:
    first, second, third = add_jobs(database, 3)
    claim(database, second)
    assert [found.job_id for found in claim(database, third, second, first, 10**9)] == [first, third]


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(lambda session, held: jobs.finish(session, held, 1), id="finish"),
        pytest.param(lambda session, held: jobs.fail(session, held, "code", "message"), id="fail"),
        pytest.param(lambda session, held: jobs.give_back(session, held, 0), id="give back"),
    ],
)
def test_a_worker_whose_lease_ran_out_and_went_to_another_can_change_nothing(
    database: Database, end: Callable[[Session, Claim], None]
) -> None:
    (job_id,) = add_jobs(database, 1)
    (first,) = claim(database, job_id)
    set_time(database, job_id, lease_until=-1)
    (second,) = claim(database, job_id)
    before = facts(database, job_id)
    with pytest.raises(LostClaimError):
        change(database, end, first)
    assert change(database, leases.extend, JobRow, first.token, LEASE_S) == set()
    assert facts(database, job_id) == before
    assert (before["token"], before["attempts"]) == (second.token, 2)


def test_a_worker_that_was_late_keeps_its_job_while_nobody_else_took_it(database: Database) -> None:
    (job_id,) = add_jobs(database, 1)
    (held,) = claim(database, job_id)
    set_time(database, job_id, lease_until=-1)
    assert change(database, leases.extend, JobRow, held.token, LEASE_S) == {job_id}
    assert claim(database, job_id) == []
    change(database, jobs.fail, held, "code", "message")
    assert row(database, job_id).state == JobState.FAILED


@pytest.mark.parametrize("outcome", ["done", "failed"])
def test_a_job_that_has_ended_is_never_claimed_announced_or_changed_again(database: Database, outcome: str) -> None:
    (job_id,) = add_jobs(database, 1)
    (held,) = claim(database, job_id)
    end = (jobs.fail, held, "code", "message")
    change(database, *end)
    if outcome == "done":
        with database.writing() as session:
            session.execute(update(JobRow).values(state=JobState.DONE, error_code=None, error_message=None))
    set_time(database, job_id, lease_until=LONG_AGO_S, sent_at=LONG_AGO_S)
    before = facts(database, job_id)
    assert claim(database, job_id) == []
    assert announced(database, 10, 0.0) == []
    assert change(database, jobs.set_aside_exhausted, 0) == 0
    with pytest.raises(LostClaimError):
        change(database, *end)
    assert facts(database, job_id) == before


def test_a_failure_is_kept_with_its_code_its_message_and_its_reference_and_frees_the_lease(database: Database) -> None:
    (job_id,) = add_jobs(database, 1)
    (held,) = claim(database, job_id)
    change(database, jobs.fail, held, "damaged_file", "The file is cut off.", "abc123")
    stored = row(database, job_id)
    assert (stored.state, stored.error_code, stored.error_message) == (JobState.FAILED, "damaged_file", "The file is cut off.")
    assert (stored.error_reference, stored.token, stored.lease_until) == ("abc123", None, None)
    assert stored.finished_at is not None


def test_a_job_whose_workers_keep_dying_is_set_aside_after_the_last_attempt(database: Database) -> None:
    job_id, healthy = add_jobs(database, 2)
    for attempt in range(1, MAX_ATTEMPTS + 1):
        assert [found.attempts for found in claim(database, job_id)] == [attempt]
        assert change(database, jobs.set_aside_exhausted, MAX_ATTEMPTS) == 0, "an attempt that still has its lease may succeed"
        set_time(database, job_id, lease_until=-1)
    assert claim(database, job_id) == []
    assert change(database, jobs.set_aside_exhausted, MAX_ATTEMPTS) == 1
    stored = row(database, job_id)
    assert (stored.state, stored.error_code, stored.token) == (JobState.FAILED, "attempts_exhausted", None)
    assert "3 attempts" in (stored.error_message or "")
    assert row(database, healthy).state == JobState.QUEUED
    assert change(database, jobs.set_aside_exhausted, MAX_ATTEMPTS) == 0


def test_a_job_given_back_waits_and_the_attempt_does_not_count(database: Database) -> None:
    (job_id,) = add_jobs(database, 1)
    for _ in range(2 * MAX_ATTEMPTS):
        (held,) = claim(database, job_id)
        assert held.attempts == 1
        change(database, jobs.give_back, held, 30.0)
        assert claim(database, job_id) == []
        assert announced(database, 10, 0.0) == []
        assert row(database, job_id).state == JobState.QUEUED
        set_time(database, job_id, not_before=-1)
        assert announced(database, 10, 30.0) == [job_id]
    assert change(database, jobs.set_aside_exhausted, MAX_ATTEMPTS) == 0


def test_only_so_many_jobs_are_announced_the_oldest_first_and_none_twice_within_the_resend_age(database: Database) -> None:
    job_ids = add_jobs(database, 5)
    assert announced(database, 3, 30.0) == job_ids[:3]
    assert announced(database, 3, 30.0) == job_ids[3:]
    assert announced(database, 3, 30.0) == []


def test_a_job_whose_lease_ran_out_is_announced_and_one_that_runs_is_not(database: Database) -> None:
    running, silent = add_jobs(database, 2)
    claim(database, running, silent)
    for job_id in (running, silent):
        set_time(database, job_id, sent_at=LONG_AGO_S)
    set_time(database, silent, lease_until=-1)
    assert announced(database, 10, 30.0) == [silent]


def test_jobs_claimed_together_keep_their_leases_together_and_those_that_ended_are_no_longer_held(database: Database) -> None:
    first, second, third = add_jobs(database, 3)
    held, *_ = claim(database, first, second, third)
    change(database, jobs.fail, held, "code", "message")
    assert change(database, leases.extend, JobRow, held.token, LEASE_S) == {second, third}


def test_what_is_under_way_is_counted_by_submission_and_priority(database: Database) -> None:
    running, announced_now, _, lost = add_jobs(database, 4)
    (held,) = claim(database, running)
    set_time(database, announced_now, sent_at=0)
    set_time(database, lost, sent_at=LONG_AGO_S)
    with database.reading() as session:
        assert turns.in_flight(session, 30.0) == {held.submission_id: 2}
        assert turns.in_flight(session, 30.0, [turns.Priority.NORMAL]) == {held.submission_id: 2}
        assert turns.in_flight(session, 30.0, [turns.Priority.INTERACTIVE]) == {}


def test_what_is_paused_does_not_begin_and_what_runs_of_it_ends(database: Database) -> None:
    running, waiting = add_jobs(database, 2)
    (held,) = claim(database, running)
    change(database, submissions.pause, held.submission_id)
    assert (claim(database, waiting), announced(database, 10, 0.0)) == ([], [])
    change(database, jobs.fail, held, "code", "message")
    change(database, submissions.resume, held.submission_id)
    assert announced(database, 10, 30.0) == [waiting]
    assert [found.job_id for found in claim(database, waiting)] == [waiting]


def test_a_cancelled_job_leaves_the_queue_or_its_workers_hands_and_can_be_brought_back(database: Database) -> None:
    running, waiting, ended = add_jobs(database, 3)
    held, other = claim(database, running, ended)
    change(database, jobs.fail, other, "code", "message")
    assert change(database, jobs.cancel, JobRow.submission_id == held.submission_id) == 2
    assert [row(database, job_id).state for job_id in (running, waiting, ended)] == ["cancelled", "cancelled", "failed"]
    assert change(database, leases.extend, JobRow, held.token, LEASE_S) == set()
    with pytest.raises(LostClaimError):
        change(database, jobs.fail, held, "code", "message")
    assert (claim(database, running, waiting), announced(database, 10, 0.0)) == ([], [])
    assert change(database, jobs.retry, JobRow.state == JobState.CANCELLED) == 2
    assert announced(database, 10, 30.0) == [running, waiting]
    assert (row(database, running).attempts, row(database, running).finished_at) == (0, None)


def test_the_failed_jobs_alone_are_tried_again(database: Database) -> None:
    failed, done = add_jobs(database, 2)
    (held,) = claim(database, failed)
    change(database, jobs.fail, held, "code", "message", "reference")
    set_state = update(JobRow).where(JobRow.id == done).values(state=JobState.DONE)
    change(database, lambda session: session.execute(set_state))
    assert change(database, jobs.retry, JobRow.submission_id == held.submission_id) == 1
    again = row(database, failed)
    assert (again.state, again.error_code, again.error_reference, again.attempts) == (JobState.QUEUED, None, None, 0)
    assert row(database, done).state == JobState.DONE


def test_a_submission_that_a_newer_release_took_in_waits_for_a_newer_worker(database: Database) -> None:
    (job_id,) = add_jobs(database, 1)
    change(database, lambda session: session.execute(update(SubmissionRow).values(pipeline_version=PIPELINE_VERSION + 1)))
    assert claim(database, job_id) == []
    assert row(database, job_id).state == JobState.QUEUED


def test_what_a_newer_release_took_in_is_free_again_a_moment_after_an_older_worker_left_it_alone(database: Database) -> None:
    newer, paused = add_jobs(database, 1)[0], add_jobs(database, 1)[0]
    assert announced(database, 2, 30.0) == [newer, paused]
    change(database, lambda session: submissions.pause(session, row(database, paused).submission_id))
    version = update(SubmissionRow).where(SubmissionRow.id == row(database, newer).submission_id)
    change(database, lambda session: session.execute(version.values(pipeline_version=PIPELINE_VERSION + 1)))
    assert change(database, jobs.leave_to_newer, [newer, paused]) == [newer]
    assert announced(database, 2, 30.0) == [], "newer workers may come first"
    change(database, lambda session: session.execute(update(JobRow).values(not_before=database_time(-0.01))))
    assert announced(database, 2, 30.0) == [newer]
    assert row(database, newer).attempts == 0


@pytest.mark.parametrize(
    "change_several",
    [
        pytest.param(lambda session, ids, token: leases.extend(session, JobRow, token, LEASE_S), id="extend"),
        pytest.param(lambda session, ids, token: leases.mark_as_sent(session, JobRow, ids), id="mark as sent"),
        pytest.param(lambda session, ids, token: leases.mark_as_not_sent(session, JobRow, ids), id="mark as not sent"),
        pytest.param(
            lambda session, ids, token: leases.take(session, JobRow, ids, lease_s=LEASE_S, max_attempts=MAX_ATTEMPTS), id="take"
        ),
    ],
)
@pytest.mark.parametrize("empty_database", ["postgresql"], indirect=True)
def test_who_changes_several_jobs_locks_them_in_the_order_of_their_numbers(
    database: Database, change_several: Callable[..., object]
) -> None:
    first, second = add_jobs(database, 2)
    (held, _) = claim(database, first, second)
    lease_over = {"lease_until": -1.0}
    set_time(database, second, **lease_over)
    set_time(database, first, **lease_over)  # written anew, it lies behind the other one, where a plan comes to it last

    def other() -> None:
        with database.writing() as session:
            for plan in ("indexscan", "indexonlyscan", "bitmapscan"):  # as for a table of which most is wanted
                session.execute(text(f"SET LOCAL enable_{plan} = off"))
            change_several(session, [first, second], held.token)

    thread = threading.Thread(target=other)
    lock = select(JobRow.id).with_for_update(nowait=True)
    waits = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
    with database.writing() as session:
        session.execute(lock.where(JobRow.id == first)).all()
        thread.start()

        def is_waiting() -> bool:
            with database.reading() as looking:
                return bool(looking.scalar(waits))

        wait_until(is_waiting, "the other one waits")
        session.execute(lock.where(JobRow.id == second)).all()
    thread.join(30)
    assert not thread.is_alive()


def test_the_same_file_under_the_same_name_is_one_job_of_its_submission(database: Database) -> None:
    with database.writing() as session:
        first, other = (submissions.create_submission(session, "project", None, Parameters()).id for _ in range(2))
        added = submissions.add_job(session, first, "a" * 64, 10, "a.tif")
        again = submissions.add_job(session, first, "a" * 64, 10, "a.tif")
        assert (again.row.id, added.is_new, again.is_new) == (added.row.id, True, False)
        for submission, sha256, name in [(first, "a" * 64, "b.tif"), (first, "b" * 64, "a.tif"), (other, "a" * 64, "a.tif")]:
            assert submissions.add_job(session, submission, sha256, 10, name).is_new
        assert submissions.counts(session, first).total == 3
        assert submissions.counts(session).total == 4


def test_two_that_add_the_same_file_at_the_same_time_make_one_job(database: Database) -> None:
    with database.writing() as session:
        submission = submissions.create_submission(session, "project", None, Parameters()).id
    together, added = threading.Barrier(2, timeout=30), []

    def add() -> None:
        together.wait()
        with database.writing() as session:
            job = submissions.add_job(session, submission, "a" * 64, 10, "a.tif")
            added.append((job.row.id, job.is_new))

    threads = [threading.Thread(target=add) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(is_new for _, is_new in added) == [False, True]
    assert len({job_id for job_id, _ in added}) == 1


def test_the_longest_name_that_is_accepted_can_be_stored(database: Database) -> None:
    # Without repetition, so that no compression of the database's helps.
    name = "".join(chr(0x4E00 + n) for n in range(MAX_NAME_BYTES // 3))
    with database.writing() as session:
        submission = submissions.create_submission(session, "project", None, Parameters()).id
        job_id = submissions.add_job(session, submission, "a" * 64, 10, clean_name(name)).row.id
    assert row(database, job_id).source_name == name


@pytest.mark.parametrize(
    ("given_name", "cleaned"),
    [
        ("a.tif", "a.tif"),
        ("folder/a.tif", "folder/a.tif"),
        ("../../etc/passwd", "etc/passwd"),
        ("a/../../b.tif", "a/b.tif"),
        ("/absolute/a.tif", "absolute/a.tif"),
        ("..\\..\\windows\\a.tif", "windows/a.tif"),
        ("C:\\data\\gold\\a.tif", "data/gold/a.tif"),
        ("d:/a.tif", "a.tif"),
        ("/C:/C:/a.tif", "a.tif"),
        (".\x00.\x1f/a\x07.t\x7fif\n", "a.tif"),
        (" a .tif ", "a .tif"),
        ("./. /.. /a.tif", "a.tif"),
        ("日本語.tif", "日本語.tif"),
        ("u\u0308ber.tif", "über.tif"),
        ("\u202egnp.exe", "gnp.exe"),
        ("[red]=1+1.png", "[red]=1+1.png"),
        ("x" * 300 + ".tif", "x" * 300 + ".tif"),
        ("x" * MAX_NAME_BYTES, "x" * MAX_NAME_BYTES),
    ],
)
def test_a_name_is_cleaned_to_text_that_is_no_danger_to_the_people_who_download_it(given_name: str, cleaned: str) -> None:
    assert clean_name(given_name) == cleaned


@pytest.mark.parametrize("name", ["", " ", "..", "/", "\\", "C:\\", "../..", "\x00", "x" * (MAX_NAME_BYTES + 1), "語" * 700])
def test_a_name_of_which_nothing_is_left_or_that_is_too_long_is_refused(name: str) -> None:
    with pytest.raises(InputError) as caught:
        clean_name(name)
    assert caught.value.code == "invalid_name"


@given(st.text(max_size=60))
def test_cleaning_a_clean_name_changes_nothing_and_leaves_no_way_out_of_a_folder(name: str) -> None:
    try:
        cleaned = clean_name(name)
    except InputError:
        return
    assert clean_name(cleaned) == cleaned
    assert not {"", ".", ".."} & set(cleaned.split("/"))
    assert "\\" not in cleaned
    assert all(unicodedata.category(character)[0] != "C" for character in cleaned)
