"""Jobs that one message announces: claimed together, each with an end of its own, and what stops one stops no other."""

import signal
import subprocess
import sys

from structlog.testing import capture_logs

from shared import jobs
from shared.errors import LostClaimError
from shared.leases import JobState
from shared.models import JobRow
from tests.integration.analyses import draw_discs
from tests.integration.bench import LEASE_S, MAX_ATTEMPTS, Bench, InterruptedSegmenter
from tests.stack import PROJECT, wait_until
from tests.unit.micrograph.files import png_bytes
from worker.lease import LeaseKeeper
from worker.runner import JobRunner

BATCH = 4


def add_batch(bench: Bench) -> list[int]:
    submission = bench.open()
    for number in range(BATCH):
        bench.add(submission, png_bytes(draw_discs(number + 1)), f"discs_{number}.png")
    return [job.id for job in bench.jobs(submission)]


def test_all_jobs_of_a_message_are_analysed_and_tell_whose_hands_they_were_in(upload_bench: Bench) -> None:
    job_ids = add_batch(upload_bench)
    runner = runner_of(upload_bench)
    runner.run(job_ids, owner="saemi@host")
    rows = upload_bench.jobs(1)
    assert [(job.state, job.owner) for job in rows] == [("done", "saemi@host")] * BATCH
    assert [upload_bench.analysis_of(job).n_particles for job in rows] == [1, 2, 3, 4]


def test_a_bad_image_among_others_fails_alone(upload_bench: Bench) -> None:
    submission = upload_bench.open()
    for name, content in (("a.png", png_bytes(draw_discs(1))), ("b.png", b"no image"), ("c.png", png_bytes(draw_discs(2)))):
        upload_bench.add(submission, content, name)
    upload_bench.run(*(job.id for job in upload_bench.jobs(submission)))
    assert [job.state for job in upload_bench.jobs(submission)] == ["done", "failed", "done"]


def test_a_worker_that_is_told_to_stop_ends_what_it_is_at_and_gives_the_rest_back_at_once(upload_bench: Bench) -> None:
    job_ids = add_batch(upload_bench)
    told = []
    upload_bench.segmenter = InterruptedSegmenter(lambda: told.append(True))
    runner_of(upload_bench, must_stop=lambda: bool(told)).run(job_ids)
    rows = upload_bench.jobs(1)
    assert rows[0].state == JobState.DONE
    assert {job.state for job in rows} == {JobState.DONE, JobState.QUEUED}
    given_back = [job for job in rows if job.state == JobState.QUEUED]
    assert [(job.attempts, job.token, job.sent_at) for job in given_back] == [(0, None, None)] * len(given_back)
    with upload_bench.database.writing() as session:
        again = jobs.claim(session, job_ids, lease_s=LEASE_S, max_attempts=MAX_ATTEMPTS)
    assert {held.job_id for held in again} == {job.id for job in given_back}, "others may begin with them now"


def test_a_job_that_is_cancelled_while_it_runs_leaves_nothing_and_the_others_go_on(upload_bench: Bench) -> None:
    job_ids = add_batch(upload_bench)

    def cancel_the_first() -> None:
        with upload_bench.database.writing() as session:
            assert jobs.cancel(session, JobRow.id == job_ids[0]) == 1

    upload_bench.segmenter = InterruptedSegmenter(cancel_the_first)
    upload_bench.run(*job_ids)
    rows = upload_bench.jobs(1)
    assert [job.state for job in rows] == ["cancelled", "done", "done", "done"]
    assert rows[0].analysis_id is None


def test_a_job_that_has_ended_is_not_taken_for_one_that_was_lost(upload_bench: Bench) -> None:
    database, job_ids = upload_bench.database, add_batch(upload_bench)
    with database.writing() as session:
        claims = jobs.claim(session, job_ids, lease_s=LEASE_S, max_attempts=MAX_ATTEMPTS)
    ids = [claim.job_id for claim in claims]
    with capture_logs() as logs, LeaseKeeper(database, JobRow, claims[0].token, ids, lease_s=0.06) as keeper:
        with database.writing() as session:
            jobs.fail(session, claims[0], "code", "message")
            jobs.cancel(session, JobRow.id == job_ids[1])

        def is_lost() -> bool:
            try:
                keeper.require(claims[1].job_id)
            except LostClaimError:
                return True
            return False

        wait_until(is_lost, "the next sign of life tells", 30)
        keeper.require(claims[2].job_id)
    assert logs == []


def test_a_process_in_which_an_analysis_hangs_ends_itself_so_that_others_get_the_job(upload_bench: Bench) -> None:
    job_ids = add_batch(upload_bench)
    url = upload_bench.database.engine.url.render_as_string(hide_password=False)
    program = f"""
import time
from shared import jobs
from shared.database import Database
from shared.models import JobRow
from worker.lease import LeaseKeeper
database = Database({url!r})
with database.writing() as session:
    claims = jobs.claim(session, {job_ids!r}, lease_s=0.6, max_attempts=3)
ids = [claim.job_id for claim in claims]
with LeaseKeeper(database, JobRow, claims[0].token, ids, lease_s=0.6, timeout_s=0.1) as keeper, keeper.busy_with(ids[0]):
    time.sleep(60)
"""
    ended = subprocess.run([sys.executable, "-c", program], cwd=PROJECT, timeout=50, check=False)
    assert ended.returncode == -signal.SIGKILL

    def claimed_again() -> bool:
        with upload_bench.database.writing() as session:
            return len(jobs.claim(session, job_ids, lease_s=LEASE_S, max_attempts=MAX_ATTEMPTS)) == BATCH

    wait_until(claimed_again, "the leases run out", 30)
    assert [job.attempts for job in upload_bench.jobs(1)] == [2] * BATCH


def runner_of(bench: Bench, **options: object) -> JobRunner:
    return JobRunner(
        bench.database,
        bench.store,
        bench.decoder,
        lambda _: bench.segmenter,
        lease_s=LEASE_S,
        max_attempts=MAX_ATTEMPTS,
        **options,  # type: ignore[arg-type]
    )
