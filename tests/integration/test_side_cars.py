"""Side-cars and their images find each other on real databases, in whatever order they come; what belongs to nobody says so."""

import itertools
import threading
from collections.abc import Callable

import pytest
from sqlalchemy import update

from shared import jobs, side_cars, submissions, uploads
from shared.database import Database, database_time
from shared.errors import InputError
from shared.finding_rows import RecordingRow
from shared.leases import JobState
from shared.models import AnalysisRow, JobRow, SideCarRow
from shared.side_cars import SideCarCounts
from tests.integration.analyses import draw_discs
from tests.integration.bench import HITACHI, MAX_ATTEMPTS, NM_PER_PX, Bench, InterruptedSegmenter
from tests.unit.micrograph.files import bmp_bytes, noise
from tests.unit.micrograph.ser_files import emi_bytes, ser_bytes

IMAGE = bmp_bytes(draw_discs())
OTHER_IMAGE = bmp_bytes(draw_discs(2))
SER = ser_bytes(noise(shape=(12, 10)), 5e-9)


def outcomes(bench: Bench, submission: int) -> list[tuple[str, str, float | None]]:
    """Name, state or error, and pixel size of each job."""
    found = []
    for job in bench.jobs(submission):
        nm_per_px = bench.analysis_of(job).nm_per_px if job.analysis_id else None
        found.append((job.source_name, job.error_code or job.state, nm_per_px))
    return found


def counts(bench: Bench, submission: int) -> SideCarCounts:
    with bench.database.reading() as session:
        return side_cars.counts_of(session, [submission])[submission]


def test_a_side_car_that_comes_first_is_read_with_its_image_and_has_no_job(upload_bench: Bench) -> None:
    submission = upload_bench.open()
    assert upload_bench.add(submission, HITACHI, "lot/a.TXT")
    assert upload_bench.jobs(submission) == []
    upload_bench.add(submission, IMAGE, "lot/a.bmp")
    upload_bench.run_all(submission)
    assert outcomes(upload_bench, submission) == [("lot/a.bmp", "done", NM_PER_PX)]
    (job,) = upload_bench.jobs(submission)
    analysis = upload_bench.analysis_of(job)
    assert len(analysis.side_cars_sha256) == 64
    assert (analysis.recording and analysis.recording.instrument) == "Hitachi SU8000"
    assert upload_bench.segmenter.calls == 1
    assert counts(upload_bench, submission) == SideCarCounts(1, 0)


def test_a_side_car_that_comes_after_the_analysis_has_the_image_analysed_again(upload_bench: Bench) -> None:
    submission = upload_bench.open()
    upload_bench.add(submission, IMAGE, "a.bmp")
    upload_bench.run_all(submission)
    assert outcomes(upload_bench, submission) == [("a.bmp", "done", None)]
    upload_bench.add(submission, HITACHI, "a.txt")
    (job,) = upload_bench.jobs(submission)
    facts = (job.state, job.attempts, job.analysis_id, job.started_at, job.finished_at, job.sent_at, job.is_outdated)
    assert facts == (JobState.QUEUED, 0, None, None, None, None, False)
    upload_bench.run_all(submission)
    assert outcomes(upload_bench, submission) == [("a.bmp", "done", NM_PER_PX)]


def test_a_side_car_that_comes_after_a_failure_gives_the_image_another_chance(upload_bench: Bench) -> None:
    submission = upload_bench.open()
    upload_bench.add(submission, IMAGE, "a.bmp")
    with upload_bench.database.writing() as session:
        (claim,) = jobs.claim(session, [upload_bench.jobs(submission)[0].id], lease_s=60, max_attempts=3)
        jobs.fail(session, claim, "unlucky", "It failed.", "12345678")
    upload_bench.add(submission, HITACHI, "a.txt")
    (job,) = upload_bench.jobs(submission)
    assert (job.state, job.error_code, job.error_message, job.error_reference) == (JobState.QUEUED, None, None, None)
    upload_bench.run_all(submission)
    assert outcomes(upload_bench, submission) == [("a.bmp", "done", NM_PER_PX)]


def raise_too_bright() -> None:
    raise InputError("Too bright.", code="too_bright")


@pytest.mark.parametrize("then", [lambda: None, raise_too_bright, lambda: 1 / 0], ids=["done", "failed", "crashed"])
def test_a_side_car_that_comes_while_the_image_is_computed_is_not_forgotten(
    upload_bench: Bench, then: Callable[[], object]
) -> None:
    submission = upload_bench.open()
    upload_bench.add(submission, IMAGE, "a.bmp")

    def interrupt() -> None:
        upload_bench.add(submission, HITACHI, "a.txt")
        assert [(job.state, job.is_outdated) for job in upload_bench.jobs(submission)] == [(JobState.RUNNING, True)]
        then()

    upload_bench.segmenter = InterruptedSegmenter(interrupt)
    upload_bench.run(upload_bench.jobs(submission)[0].id)
    (job,) = upload_bench.jobs(submission)
    assert (job.state, job.attempts, job.is_outdated, job.error_code, job.token) == (JobState.QUEUED, 0, False, None, None)
    assert upload_bench.count(AnalysisRow) == 0, "what was found without the side-car is dropped"
    upload_bench.run_all(submission)
    assert outcomes(upload_bench, submission) == [("a.bmp", "done", NM_PER_PX)]


def test_a_worker_that_dies_after_the_side_car_came_leaves_the_job_to_another_who_reads_it(upload_bench: Bench) -> None:
    submission = upload_bench.open()
    upload_bench.add(submission, IMAGE, "a.bmp")
    (job,) = upload_bench.jobs(submission)
    with upload_bench.database.writing() as session:
        session.execute(update(JobRow).values(attempts=MAX_ATTEMPTS - 1))
        jobs.claim(session, [job.id], lease_s=-1, max_attempts=MAX_ATTEMPTS)
    upload_bench.add(submission, HITACHI, "a.txt")
    with upload_bench.database.writing() as session:
        assert jobs.set_aside_exhausted(session, MAX_ATTEMPTS) == 0, "its attempts were those without the side-car"
    upload_bench.run_all(submission)
    assert outcomes(upload_bench, submission) == [("a.bmp", "done", NM_PER_PX)]


def test_a_new_claim_has_read_what_came_before_it(upload_bench: Bench) -> None:
    submission = upload_bench.open()
    upload_bench.add(submission, IMAGE, "a.bmp")
    (job,) = upload_bench.jobs(submission)
    with upload_bench.database.writing() as session:
        jobs.claim(session, [job.id], lease_s=60, max_attempts=MAX_ATTEMPTS)
    upload_bench.add(submission, HITACHI, "a.txt")
    with upload_bench.database.writing() as session:  # the first worker goes silent
        session.execute(update(JobRow).values(lease_until=database_time(-1)))
    upload_bench.run(job.id)
    assert outcomes(upload_bench, submission) == [("a.bmp", "done", NM_PER_PX)]


def test_every_order_of_two_images_and_their_side_cars_comes_to_the_same(upload_bench: Bench) -> None:
    files = {"a.bmp": IMAGE, "a.txt": HITACHI, "lot/a.bmp": OTHER_IMAGE, "lot/a.txt": HITACHI.replace(b"2.5", b"5.0")}
    for order in itertools.permutations(files):
        submission = upload_bench.open()
        for name in order:
            upload_bench.add(submission, files[name], name)
            upload_bench.run_all(submission)
        found = sorted(outcomes(upload_bench, submission))
        assert found == [("a.bmp", "done", NM_PER_PX), ("lot/a.bmp", "done", 5.0)], order


def test_the_same_side_car_again_changes_nothing(upload_bench: Bench) -> None:
    submission = upload_bench.open()
    upload_bench.add(submission, HITACHI, "a.txt")
    upload_bench.add(submission, IMAGE, "a.bmp")
    upload_bench.run_all(submission)
    assert not upload_bench.add(submission, HITACHI, "a.txt")
    assert [job.state for job in upload_bench.jobs(submission)] == [JobState.DONE]
    assert upload_bench.count(SideCarRow) == 1


def test_another_side_car_of_the_same_name_is_refused_and_the_first_one_holds(upload_bench: Bench) -> None:
    submission = upload_bench.open()
    upload_bench.add(submission, HITACHI, "a.txt")
    upload_bench.add(submission, IMAGE, "a.bmp")
    upload_bench.run_all(submission)
    with pytest.raises(InputError, match=r"another file called a\.txt") as caught:
        upload_bench.add(submission, HITACHI.replace(b"2.5", b"5.0"), "a.txt")
    assert caught.value.code == "side_car_differs"
    assert outcomes(upload_bench, submission) == [("a.bmp", "done", NM_PER_PX)]


def test_an_image_with_and_without_its_side_car_are_two_analyses_and_a_side_car_of_another_content_a_third(
    upload_bench: Bench,
) -> None:
    expected = {}
    for content in (None, HITACHI, HITACHI.replace(b"2.5", b"5.0"), HITACHI):
        submission = upload_bench.open()
        # Another name: the pair is the same request.
        name = f"image {submission}"
        if content:
            upload_bench.add(submission, content, f"{name}.txt")
        upload_bench.add(submission, IMAGE, f"{name}.bmp")
        upload_bench.run_all(submission)
        expected.setdefault(content, set()).add(upload_bench.jobs(submission)[0].analysis_id)
    assert [len(ids) for ids in expected.values()] == [1, 1, 1]
    assert upload_bench.count(AnalysisRow) == upload_bench.count(RecordingRow) == 3


def test_side_cars_of_other_folders_and_submissions_are_not_read(upload_bench: Bench) -> None:
    other, submission = upload_bench.open(), upload_bench.open()
    upload_bench.add(other, HITACHI, "a.txt")
    for name in ("lot/a.txt", "b.txt", "A.txt"):
        upload_bench.add(submission, HITACHI, name)
    upload_bench.add(submission, IMAGE, "a.bmp")
    upload_bench.run_all(submission)
    assert outcomes(upload_bench, submission) == [("a.bmp", "done", None)]
    assert counts(upload_bench, submission) == SideCarCounts(3, 3)


def test_notes_beside_an_image_are_kept_and_say_nothing(upload_bench: Bench) -> None:
    submission = upload_bench.open()
    upload_bench.add(submission, b"pixel size: 5 nm, I think", "a.txt")
    upload_bench.add(submission, IMAGE, "a.bmp")
    upload_bench.run_all(submission)
    assert outcomes(upload_bench, submission) == [("a.bmp", "done", None)]
    assert upload_bench.analysis_of(upload_bench.jobs(submission)[0]).warnings == []


def test_a_text_without_an_image_is_no_job_and_belongs_to_none_until_its_image_comes(upload_bench: Bench) -> None:
    submission = upload_bench.open()
    upload_bench.add(submission, b"a diary", "notes.txt")
    upload_bench.add(submission, HITACHI, "a.txt")
    assert (upload_bench.jobs(submission), counts(upload_bench, submission)) == ([], SideCarCounts(2, 2))
    upload_bench.add(submission, IMAGE, "a.bmp")
    with upload_bench.database.reading() as session:
        alone = side_cars.side_cars_page(session, submission, before=None, limit=10, has_image=False)
    assert [row.name for row in alone] == ["notes.txt"]


def test_a_side_car_whose_file_is_lost_fails_its_image_by_name(upload_bench: Bench) -> None:
    submission = upload_bench.open()
    upload_bench.add(submission, HITACHI, "a.txt")
    upload_bench.add(submission, IMAGE, "a.bmp")
    with upload_bench.store.local_path(upload_bench.store.put([HITACHI]).sha256) as path:
        path.unlink()
    upload_bench.run_all(submission)
    assert outcomes(upload_bench, submission) == [("a.bmp", "blob_not_found", None)]


@pytest.mark.parametrize("order", list(itertools.permutations(["a.txt", "one", "two"])), ids="-".join)
def test_of_two_images_of_one_name_nobody_can_tell_whose_the_side_car_is(upload_bench: Bench, order: tuple[str, ...]) -> None:
    files = {"a.txt": (HITACHI, "a.txt"), "one": (IMAGE, "a.bmp"), "two": (OTHER_IMAGE, "a.bmp")}
    submission = upload_bench.open()
    for kind in order:
        upload_bench.add(submission, *files[kind])
        upload_bench.run_all(submission)
    assert outcomes(upload_bench, submission) == [("a.bmp", "ambiguous_side_car", None)] * 2
    message = upload_bench.jobs(submission)[0].error_message or ""
    assert "a.bmp" in message
    assert "a.txt" in message


def test_an_emi_alone_fails_and_names_the_file_that_is_missing(upload_bench: Bench) -> None:
    submission = upload_bench.open()
    upload_bench.add(submission, emi_bytes(), "lot/sample.emi")
    upload_bench.run_all(submission)
    assert outcomes(upload_bench, submission) == [("lot/sample.emi", "missing_side_car", None)]
    assert "sample_1.ser" in (upload_bench.jobs(submission)[0].error_message or "")


@pytest.mark.parametrize("order", list(itertools.permutations(["emi", "ser 1", "ser 2"])), ids="-".join)
def test_an_emi_and_its_series_are_one_image_a_ser_in_every_order(upload_bench: Bench, order: tuple[str, ...]) -> None:
    second = ser_bytes(noise(seed=1, shape=(12, 10)), 5e-9)
    files = {"emi": (emi_bytes(), "x.emi"), "ser 1": (SER, "x_1.ser"), "ser 2": (second, "x_2.ser")}
    submission = upload_bench.open()
    for kind in order:
        upload_bench.add(submission, *files[kind])
        upload_bench.run_all(submission)
    assert sorted(outcomes(upload_bench, submission)) == [("x_1.ser", "done", 5.0), ("x_2.ser", "done", 5.0)]
    for job in upload_bench.jobs(submission):
        recording = upload_bench.analysis_of(job).recording
        assert (recording and recording.operator) == "ERIC", "what the .emi says of it"
    assert counts(upload_bench, submission) == SideCarCounts(1, 0)


def test_a_worker_that_still_looks_at_an_emi_when_its_ser_comes_leaves_nothing_behind(upload_bench: Bench) -> None:
    submission = upload_bench.open()
    upload_bench.add(submission, emi_bytes(), "x.emi")
    with upload_bench.database.writing() as session:
        (claim,) = jobs.claim(session, [upload_bench.jobs(submission)[0].id], lease_s=60, max_attempts=MAX_ATTEMPTS)
    upload_bench.add(submission, SER, "x_1.ser")
    with pytest.raises(Exception, match="given to another"), upload_bench.database.writing() as session:
        jobs.fail(session, claim, "missing_side_car", "No.")
    upload_bench.run_all(submission)
    assert outcomes(upload_bench, submission) == [("x_1.ser", "done", 5.0)]


def test_an_image_and_its_side_car_that_come_at_the_same_moment_while_a_worker_runs_find_each_other(
    upload_bench: Bench,
) -> None:
    """Each round races two uploads and a worker; afterwards, whatever is queued is run and the side-car was read."""
    for number in range(12):
        submission = upload_bench.open()
        together, problems = threading.Barrier(3, timeout=30), []
        url = upload_bench.database.engine.url.render_as_string(hide_password=False)

        def race(
            action: Callable[[Bench], object],
            url: str = url,
            together: threading.Barrier = together,
            problems: list[BaseException] = problems,
        ) -> None:
            own = Database(url)
            try:
                together.wait()
                action(Bench(own, upload_bench.store, upload_bench.decoder, upload_bench.segmenter))
            except BaseException as problem:
                problems.append(problem)
                raise
            finally:
                own.dispose()

        image = bmp_bytes(draw_discs(1 + number))
        actions: list[Callable[[Bench], object]] = [
            lambda bench, s=submission, i=image: bench.add(s, i, "a.bmp"),  # type: ignore[misc]
            lambda bench, s=submission: bench.add(s, HITACHI, "a.txt"),  # type: ignore[misc]
            lambda bench, s=submission: [bench.run_all(s) for _ in range(3)],  # type: ignore[misc]
        ]
        threads = [threading.Thread(target=race, args=(action,)) for action in actions]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert problems == []
        upload_bench.run_all(submission)
        assert outcomes(upload_bench, submission) == [("a.bmp", "done", NM_PER_PX)]


@pytest.mark.parametrize("first", ["a.txt", "a.bmp"])
def test_what_comes_while_its_counterpart_is_not_committed_yet_waits_and_sees_it(upload_bench: Bench, first: str) -> None:
    files = {"a.txt": HITACHI, "a.bmp": IMAGE}
    (second,) = files.keys() - {first}
    submission = upload_bench.open()
    blob = upload_bench.store.put([files[first]])

    def add_second_and_run() -> None:
        own = Database(upload_bench.database.engine.url.render_as_string(hide_password=False))
        bench = Bench(own, upload_bench.store, upload_bench.decoder, upload_bench.segmenter)
        bench.add(submission, files[second], second)
        bench.run_all(submission)
        own.dispose()

    thread = threading.Thread(target=add_second_and_run)
    with upload_bench.database.writing() as session:
        if first == "a.txt":
            uploads.add_side_car(session, submission, blob, first)
        else:
            submissions.add_job(session, submission, blob.sha256, blob.n_bytes, first)
        thread.start()
        thread.join(0.5)  # enough for the second to be done, where it does not wait
    thread.join(60)
    upload_bench.run_all(submission)
    assert outcomes(upload_bench, submission) == [("a.bmp", "done", NM_PER_PX)]
