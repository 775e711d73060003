"""One job from claim to stored analysis, with a stand-in segmenter: whatever happens, the job's row says how it ended."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from sqlalchemy import func, select, update
from structlog.testing import capture_logs

from shared import jobs, results, submissions
from shared.arrays import FloatImage
from shared.database import Database, database_time
from shared.domain import PIPELINE_VERSION, Parameters, Segmentation
from shared.errors import DecoderKilledError, InputError, OperatorError, TransientError
from shared.finding_rows import ParticleRow
from shared.jobs import JobState
from shared.models import AnalysisRow, JobRow, SubmissionRow
from shared.storage import FolderBlobStore
from tests.integration.analyses import DiscSegmenter, draw_discs
from tests.stack import free_port, wait_until
from tests.unit.micrograph.files import png_bytes
from worker.micrograph.sandbox import Decoder
from worker.runner import JobRunner

LEASE_S = 60.0
MAX_ATTEMPTS = 3


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    """One decoding process for all tests."""
    with Decoder() as shared:
        yield shared


@dataclass
class Bench:
    """A database, a store and a runner around a segmenter."""

    database: Database
    store: FolderBlobStore
    decoder: Decoder
    segmenter: DiscSegmenter

    def submit(self, content: bytes | None = None, nm_per_px: float | None = None, name: str = "discs.png") -> int:
        blob = self.store.put([png_bytes(draw_discs()) if content is None else content])
        with self.database.writing() as session:
            submission = submissions.create_submission(session, "project", None, Parameters(nm_per_px=nm_per_px))
            return submissions.add_job(session, submission.id, blob.sha256, blob.n_bytes, name).row.id

    def runner(self, lease_s: float = LEASE_S, database: Database | None = None) -> JobRunner:
        return JobRunner(
            database or self.database,
            self.store,
            self.decoder,
            lambda _: self.segmenter,
            lease_s=lease_s,
            max_attempts=MAX_ATTEMPTS,
        )

    def job(self, job_id: int) -> JobRow:
        with self.database.reading() as session:
            return submissions.job(session, job_id)

    def count(self, table: type) -> int:
        with self.database.reading() as session:
            return session.scalar(select(func.count()).select_from(table)) or 0


@pytest.fixture
def bench(database: Database, store: FolderBlobStore, decoder: Decoder) -> Bench:
    return Bench(database, store, decoder, DiscSegmenter())


def raising(error: Exception) -> Callable[[FloatImage], Segmentation]:
    def segment(_: FloatImage) -> Segmentation:
        raise error

    return segment


class FailingSegmenter(DiscSegmenter):
    """Does something else than labelling."""

    def __init__(self, action: Callable[[FloatImage], object]) -> None:
        super().__init__()
        self.action = action

    def __call__(self, image: FloatImage) -> Segmentation:
        self.action(image)
        return super().__call__(image)


class EmptyHandedSegmenter(DiscSegmenter):
    """Finds nothing."""

    def __call__(self, image: FloatImage) -> Segmentation:
        return Segmentation(np.zeros(image.shape, dtype=np.int32))


def test_a_job_ends_with_its_analysis_its_particles_and_its_files(bench: Bench) -> None:
    job_id = bench.submit(nm_per_px=0.5)
    bench.runner().run([job_id])
    job = bench.job(job_id)
    assert (job.state, job.error_code, job.attempts, job.token, job.lease_until) == (JobState.DONE, None, 1, None, None)
    assert job.started_at is not None
    assert job.finished_at is not None
    assert job.created_at <= job.started_at <= job.finished_at
    with bench.database.reading() as session:
        analysis = results.analysis(session, job.analysis_id or 0)
        particles = list(results.all_particles(session, analysis.id))
    assert (analysis.n_particles, analysis.format, analysis.bit_depth) == (4, "PNG", 8)
    pixels_of_a_disc = int((draw_discs(1) == 220).sum())
    assert [particle.area_px for particle in particles] == [pixels_of_a_disc] * 4
    assert [particle.area_nm2 for particle in particles] == pytest.approx([pixels_of_a_disc / 4] * 4)
    for kind in ("labels", "outlines", "overlay", "preview", "thumbnail"):
        assert bench.store.exists(getattr(analysis, f"{kind}_sha256")), kind


def test_the_same_request_again_is_answered_from_the_store_without_another_segmentation(bench: Bench) -> None:
    first, second, other = bench.submit(), bench.submit(name="again.png"), bench.submit(nm_per_px=2.0)
    bench.runner().run([first])
    bench.runner().run([second])
    assert bench.segmenter.calls == 1
    assert bench.job(second).analysis_id == bench.job(first).analysis_id
    bench.runner().run([other])
    assert bench.segmenter.calls == 2, "another pixel size is another request"
    assert bench.job(other).analysis_id != bench.job(first).analysis_id


def test_a_message_that_comes_three_times_makes_one_analysis(bench: Bench) -> None:
    job_id = bench.submit()
    runners = [bench.runner() for _ in range(3)]
    threads = [threading.Thread(target=runner.run, args=([job_id],)) for runner in runners]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    bench.runner().run([job_id, job_id])
    job = bench.job(job_id)
    assert (job.state, job.attempts, bench.segmenter.calls) == (JobState.DONE, 1, 1)
    assert (bench.count(AnalysisRow), bench.count(ParticleRow)) == (1, 4)


def test_ids_of_no_job_are_ignored_and_the_others_are_done(bench: Bench) -> None:
    job_id = bench.submit()
    bench.runner().run([10**9, job_id, 10**9 + 1])
    assert bench.job(job_id).state == JobState.DONE


@pytest.mark.parametrize("content", [b"", b"no image", png_bytes(draw_discs())[:200]], ids=["empty", "text", "cut off"])
def test_a_file_that_is_no_image_fails_its_job_with_a_code_and_a_message_for_people(bench: Bench, content: bytes) -> None:
    job_id, healthy = bench.submit(content), bench.submit()
    bench.runner().run([job_id, healthy])
    job = bench.job(job_id)
    assert (job.state, job.analysis_id, job.error_reference, job.token) == (JobState.FAILED, None, None, None)
    assert job.error_code
    assert job.error_code != "internal_error"
    assert job.error_message
    assert bench.job(healthy).state == JobState.DONE


def test_an_error_of_the_input_keeps_its_code_and_message(bench: Bench) -> None:
    bench.segmenter = FailingSegmenter(raising(InputError("Too bright.", code="too_bright")))
    job_id = bench.submit()
    bench.runner().run([job_id])
    job = bench.job(job_id)
    assert (job.state, job.error_code, job.error_message) == (JobState.FAILED, "too_bright", "Too bright.")


@pytest.mark.parametrize("error", [TransientError("The server restarts."), OperatorError("The disk is full.")])
def test_what_time_or_the_operator_heals_puts_the_job_back_into_the_queue(bench: Bench, error: Exception) -> None:
    bench.segmenter = FailingSegmenter(raising(error))
    job_id = bench.submit()
    bench.runner().run([job_id])
    job = bench.job(job_id)
    assert (job.state, job.attempts, job.error_code, job.token, job.sent_at) == (JobState.QUEUED, 0, None, None, None)
    assert job.not_before is not None
    bench.runner().run([job_id])
    assert bench.segmenter.calls == 0, "it waits a while before the next attempt"
    bench.segmenter = DiscSegmenter()
    with bench.database.writing() as session:
        session.execute(update(JobRow).values(not_before=database_time(-1)))
    bench.runner().run([job_id])
    assert bench.job(job_id).state == JobState.DONE


def test_a_bug_fails_the_job_with_a_reference_and_shows_the_user_no_traceback(bench: Bench) -> None:
    bench.segmenter = FailingSegmenter(raising(RuntimeError("secret /internal/path")))
    job_id = bench.submit()
    with capture_logs() as logged:
        bench.runner().run([job_id])
    job = bench.job(job_id)
    assert (job.state, job.error_code, len(job.error_reference or "")) == (JobState.FAILED, "internal_error", 8)
    assert "secret" not in (job.error_message or "")
    assert "Traceback" not in (job.error_message or "")
    (crash,) = [line for line in logged if line["event"] == "job_crashed"]
    assert crash["reference"] == job.error_reference
    assert isinstance(crash["exc_info"], RuntimeError)


@pytest.mark.parametrize("other_has_ended", [False, True], ids=["the other still computes", "the other has ended"])
def test_a_worker_that_lost_its_lease_while_it_computed_saves_nothing(bench: Bench, other_has_ended: bool) -> None:
    job_id = bench.submit()
    other = Bench(bench.database, bench.store, bench.decoder, DiscSegmenter())
    claims: list[jobs.Claim] = []

    def lose_the_lease(_: FloatImage) -> None:
        with bench.database.writing() as session:
            session.execute(update(JobRow).values(lease_until=database_time(-1)))
        if other_has_ended:
            other.segmenter.identity = type(other.segmenter.identity)("other", "1")
            other.runner().run([job_id])
        else:
            with bench.database.writing() as session:
                claims.extend(jobs.claim(session, [job_id], lease_s=LEASE_S, max_attempts=MAX_ATTEMPTS))

    bench.segmenter = FailingSegmenter(lose_the_lease)
    bench.runner().run([job_id])
    job = bench.job(job_id)
    with bench.database.reading() as session:
        models = session.scalars(select(AnalysisRow.model_name)).all()
    assert models == (["other"] if other_has_ended else [])
    assert bench.count(ParticleRow) == (4 if other_has_ended else 0)
    if other_has_ended:
        assert (job.state, job.attempts) == (JobState.DONE, 2)
    else:
        assert (job.state, job.token) == (JobState.RUNNING, claims[0].token)


def test_a_lease_is_extended_for_as_long_as_the_analysis_takes(bench: Bench) -> None:
    job_id = bench.submit()
    lease_s = 1.0

    def compute_for_two_leases(_: FloatImage) -> None:
        def lease_until() -> float:
            until = bench.job(job_id).lease_until
            return until.timestamp() if until else 0.0

        first = lease_until()
        wait_until(lambda: lease_until() > first + 2 * lease_s, "the lease is extended")

    bench.segmenter = FailingSegmenter(compute_for_two_leases)
    bench.runner(lease_s).run([job_id])
    job = bench.job(job_id)
    assert (job.state, job.attempts) == (JobState.DONE, 1)


def test_no_transaction_is_open_while_the_image_is_computed(bench: Bench) -> None:
    """Another may write in the meantime; on SQLite an open writer would shut everybody out."""
    written = []

    def write_meanwhile(_: FloatImage) -> None:
        written.append(bench.submit(png_bytes(draw_discs(2)), name="meanwhile.png"))

    bench.segmenter = FailingSegmenter(write_meanwhile)
    bench.runner().run([bench.submit()])
    assert len(written) == 1


def test_a_database_that_is_away_leaves_the_job_in_the_queue_and_the_worker_alive(bench: Bench) -> None:
    away = Database(f"postgresql://nobody@127.0.0.1:{free_port()}/saemi")
    job_id = bench.submit()
    bench.runner(database=away).run([job_id])
    assert (bench.job(job_id).state, bench.job(job_id).attempts) == (JobState.QUEUED, 0)


def test_a_blob_that_has_vanished_fails_its_job_by_name(bench: Bench) -> None:
    job_id = bench.submit()
    with bench.store.local_path(bench.job(job_id).image_sha256) as path:
        path.unlink()
    bench.runner().run([job_id])
    assert (bench.job(job_id).state, bench.job(job_id).error_code) == (JobState.FAILED, "blob_not_found")


def test_an_image_without_particles_is_done_and_says_so(bench: Bench) -> None:
    bench.segmenter = EmptyHandedSegmenter()
    job_id = bench.submit()
    bench.runner().run([job_id])
    job = bench.job(job_id)
    assert job.state == JobState.DONE
    with bench.database.reading() as session:
        assert results.analysis(session, job.analysis_id or 0).warnings == ["No particles were found."]


def test_parameters_of_another_release_fail_their_job_by_name_and_are_not_tried_again(bench: Bench) -> None:
    job_id = bench.submit()
    with bench.database.writing() as session:
        session.execute(update(SubmissionRow).values(parameters={"model": "classical", "smoothing_px": 3}))
    bench.runner().run([job_id])
    with bench.database.reading() as session:
        job = submissions.job(session, job_id)
        assert (job.state, job.error_code) == (JobState.FAILED, "unknown_parameters")
        assert "smoothing_px" in (job.error_message or "")


def test_a_worker_says_which_jobs_it_leaves_to_a_newer_release(bench: Bench) -> None:
    job_id = bench.submit()
    with bench.database.writing() as session:
        session.execute(update(SubmissionRow).values(pipeline_version=PIPELINE_VERSION + 1))
        session.execute(update(JobRow).values(sent_at=database_time()))
    with capture_logs() as logs:
        bench.runner().run([job_id])
    assert [entry["job_ids"] for entry in logs if entry["event"] == "jobs_left_to_newer_release"] == [[job_id]]
    job = bench.job(job_id)
    assert (job.state, job.attempts, job.sent_at) == (JobState.QUEUED, 0, None)


def test_an_image_over_which_the_decoder_is_killed_uses_its_attempts_up(bench: Bench) -> None:
    bench.segmenter = FailingSegmenter(raising(DecoderKilledError("killed")))
    job_id = bench.submit()
    for attempt in range(1, MAX_ATTEMPTS + 1):
        bench.runner().run([job_id])
        assert (bench.job(job_id).state, bench.job(job_id).attempts) == (JobState.RUNNING, attempt)
        with bench.database.writing() as session:  # the lease runs out
            session.execute(update(JobRow).values(lease_until=database_time(-1)))
    bench.runner().run([job_id])
    with bench.database.writing() as session:
        assert jobs.set_aside_exhausted(session, MAX_ATTEMPTS) == 1
    assert bench.job(job_id).error_code == "attempts_exhausted"
