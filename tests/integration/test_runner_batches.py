"""Many jobs of one message, in one thread or around the network: each has its own end, the same file is analysed once."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from sqlalchemy import func, select, update
from structlog.testing import capture_logs

from shared import results, submissions
from shared.arrays import FloatImage
from shared.database import Database, database_time
from shared.domain import Parameters, Segmentation, Segmenter
from shared.errors import DeviceFailedError, OperatorError, TransientError
from shared.finding_rows import ParticleRow
from shared.jobs import JobState
from shared.models import AnalysisRow, JobRow
from shared.storage import FolderBlobStore
from tests.integration.analyses import DiscSegmenter, draw_discs
from tests.unit.conveyor.stand_ins import BrokenSegmenter, DeadlySegmenter
from tests.unit.micrograph.files import png_bytes
from worker.conveyor.conveyor import Conveyor, Station, conveyor_around_network, conveyor_in_one_thread
from worker.micrograph.sandbox import Decoder
from worker.runner import JobRunner

LEASE_S = 60.0
MAX_ATTEMPTS = 3


@pytest.fixture(scope="module")
def station() -> Iterator[Station]:
    with Decoder() as decoder:
        yield Station(decoder, None)


@pytest.fixture(params=["in one thread", "around the network"])
def conveyor(request: pytest.FixtureRequest, store: FolderBlobStore, station: Station) -> Iterator[Conveyor]:
    if request.param == "in one thread":
        made = conveyor_in_one_thread(store, station)
    else:
        made = conveyor_around_network(store, [station], n_processes=2)
    with made:
        yield made


@dataclass
class Batch:
    """Jobs of one submission and what runs them; models are stand-ins by their names."""

    database: Database
    store: FolderBlobStore
    station: Station
    conveyor: Conveyor
    models: dict[str, Segmenter]

    def submit(self, *numbers_of_discs: int, model: str = "discs") -> list[int]:
        with self.database.writing() as session:
            submission = submissions.create_submission(session, "project", None, Parameters(model=model)).id
        job_ids = []
        for place, n_discs in enumerate(numbers_of_discs):
            blob = self.store.put([png_bytes(draw_discs(n_discs)) if n_discs else b"no image"])
            with self.database.writing() as session:
                added = submissions.add_job(session, submission, blob.sha256, blob.n_bytes, f"{place}.png")
                job_ids.append(added.row.id)
        return job_ids

    def run(self, job_ids: list[int]) -> None:
        JobRunner(
            self.database,
            self.store,
            self.station.decoder,
            self.models.__getitem__,
            lease_s=LEASE_S,
            max_attempts=MAX_ATTEMPTS,
            conveyor=self.conveyor,
        ).run(job_ids)

    def jobs(self, job_ids: list[int]) -> list[JobRow]:
        with self.database.reading() as session:
            return [submissions.job(session, job_id) for job_id in job_ids]

    def states(self, job_ids: list[int]) -> list[str]:
        return [job.state for job in self.jobs(job_ids)]

    def count(self, table: type) -> int:
        with self.database.reading() as session:
            return session.scalar(select(func.count()).select_from(table)) or 0


@pytest.fixture
def batch(database: Database, store: FolderBlobStore, station: Station, conveyor: Conveyor) -> Batch:
    models = {"discs": DiscSegmenter(), "broken": BrokenSegmenter(), "deadly": DeadlySegmenter()}
    return Batch(database, store, station, conveyor, models)


def test_each_job_of_a_batch_ends_with_its_own_analysis_and_the_time_of_each_stage(batch: Batch) -> None:
    job_ids = batch.submit(*range(1, 8))
    batch.run(job_ids)
    rows = batch.jobs(job_ids)
    assert {row.state for row in rows} == {JobState.DONE}
    for n_discs, row in enumerate(rows, start=1):
        with batch.database.reading() as session:
            assert results.analysis(session, row.analysis_id or 0).n_particles == n_discs
        assert set(row.timings or {}) == {"decode_s", "inscriptions_s", "segment_s", "measure_s", "encode_s"}
    assert batch.count(ParticleRow) == sum(range(1, 8))


def test_what_goes_wrong_with_one_job_of_a_batch_is_the_end_of_that_job_alone(batch: Batch) -> None:
    good, broken = batch.submit(1, 0, 2, 3), batch.submit(4, 5, model="broken")
    batch.run([*good, *broken, 10**9])
    assert batch.states(good) == [JobState.DONE, JobState.FAILED, JobState.DONE, JobState.DONE]
    assert [row.error_code for row in batch.jobs(broken)] == ["internal_error", "internal_error"]
    assert batch.count(AnalysisRow) == 3


def test_the_same_file_many_times_in_a_batch_is_analysed_once_and_counted_as_often_as_submitted(batch: Batch) -> None:
    job_ids = batch.submit(*[3] * 12, 4)
    batch.run(job_ids)
    rows = batch.jobs(job_ids)
    assert {row.state for row in rows} == {JobState.DONE}
    assert len({row.analysis_id for row in rows}) == 2
    assert sum(row.timings is not None for row in rows) == 2, "the others found it stored"
    assert (batch.count(AnalysisRow), batch.count(ParticleRow)) == (2, 7)


def test_a_job_that_was_cancelled_or_given_away_meanwhile_leaves_the_others_of_its_batch_their_results(
    batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_ids = batch.submit(1, 2, 3, 4)
    monkeypatch.setattr("worker.runner.SAVE_INTERVAL_S", 1e9)  # all are stored together
    lost = job_ids[1]

    def read_and_lose(claim_id: int) -> None:
        with batch.database.writing() as session:
            session.execute(update(JobRow).where(JobRow.id == claim_id).values(token="somebody else's"))

    original = Conveyor.run

    def run_and_lose(self: Conveyor, orders):
        yield from original(self, orders)
        read_and_lose(lost)

    monkeypatch.setattr(Conveyor, "run", run_and_lose)
    with capture_logs() as logged:
        batch.run(job_ids)
    assert batch.states(job_ids) == [JobState.DONE, JobState.RUNNING, JobState.DONE, JobState.DONE]
    assert [line["event"] for line in logged].count("job_result_dropped") == 1
    assert "jobs_saved_one_by_one" in [line["event"] for line in logged]
    assert batch.count(AnalysisRow) == 3


def test_two_workers_with_the_same_files_in_opposite_order_each_end_their_own_jobs(
    database: Database, store: FolderBlobStore, station: Station
) -> None:
    with Decoder() as decoder:
        stations = [station, Station(decoder, None)]
        batches = [
            Batch(database, store, one, conveyor_in_one_thread(store, one), {"discs": DiscSegmenter()}) for one in stations
        ]
        job_ids = [batches[0].submit(*range(1, 7)), batches[1].submit(*range(6, 0, -1))]
        cases = zip(batches, job_ids, strict=True)
        threads = [threading.Thread(target=batch.run, args=(ids,)) for batch, ids in cases]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
    assert {state for ids in job_ids for state in batches[0].states(ids)} == {JobState.DONE}
    assert (batches[0].count(AnalysisRow), batches[0].count(ParticleRow)) == (6, 21)


def test_a_worker_that_is_told_to_stop_gives_back_what_it_has_not_begun(batch: Batch) -> None:
    job_ids = batch.submit(1, 2, 3)
    runner = JobRunner(
        batch.database,
        batch.store,
        batch.station.decoder,
        batch.models.__getitem__,
        lease_s=LEASE_S,
        max_attempts=MAX_ATTEMPTS,
        must_stop=lambda: True,
        conveyor=batch.conveyor,
    )
    runner.run(job_ids)
    assert batch.states(job_ids) == [JobState.QUEUED] * 3


class FullDisk(DiscSegmenter):
    """Stands for whatever an operator must heal."""

    def __call__(self, image: FloatImage) -> Segmentation:
        raise OperatorError("The disk is full.", code="storage_full")


def test_what_an_operator_heals_puts_its_own_jobs_back_and_no_others(batch: Batch) -> None:
    batch.models["full"] = FullDisk()
    good, waiting = batch.submit(1, 2), batch.submit(3, model="full")
    batch.run([*waiting, *good])
    assert batch.states(good) == [JobState.DONE, JobState.DONE]
    (row,) = batch.jobs(waiting)
    assert (row.state, row.attempts) == (JobState.QUEUED, 0)


def test_jobs_whose_message_cannot_be_looked_up_go_back_into_the_queue(batch: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise TransientError("The database does not answer at the moment.", code="database_unavailable")

    job_ids = batch.submit(1, 2)
    with monkeypatch.context() as patched:
        patched.setattr(results, "find_analyses", away)
        batch.run(job_ids)
    assert [(row.state, row.attempts, row.token) for row in batch.jobs(job_ids)] == [(JobState.QUEUED, 0, None)] * 2


class FailedDevice(DiscSegmenter):
    """Stands for a GPU that this process has lost."""

    def __call__(self, image: FloatImage) -> Segmentation:
        raise DeviceFailedError("The device does not answer.")


def test_a_device_that_has_failed_puts_all_that_it_had_not_done_back_and_tells_the_process(batch: Batch) -> None:
    batch.models["failed"] = FailedDevice()
    job_ids = batch.submit(1, 1, 2, 3, model="failed")
    with pytest.raises(DeviceFailedError):
        batch.run(job_ids)
    rows = batch.jobs(job_ids)
    assert [(row.state, row.attempts, row.token) for row in rows] == [(JobState.QUEUED, 0, None)] * 4


def test_an_image_that_kills_the_process_that_measures_it_uses_its_attempts_up_and_the_others_are_done(
    database: Database, store: FolderBlobStore, station: Station
) -> None:
    with conveyor_around_network(store, [station], n_processes=2) as conveyor:
        batch = Batch(database, store, station, conveyor, {"discs": DiscSegmenter(), "deadly": DeadlySegmenter()})
        good, deadly = batch.submit(1, 2, 3, 4), batch.submit(5, model="deadly")
        for attempt in range(1, MAX_ATTEMPTS + 1):
            batch.run([*good, *deadly])
            (row,) = batch.jobs(deadly)
            assert (row.state, row.attempts) == (JobState.RUNNING, attempt)
            with database.writing() as session:  # the lease runs out
                session.execute(update(JobRow).where(JobRow.id.in_(deadly)).values(lease_until=database_time(-1)))
        assert batch.states(good) == [JobState.DONE] * 4
