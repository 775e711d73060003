"""Files with several images on real databases: the first only, or a job for each, made with the end of the first."""

import numpy as np
import pytest
from sqlalchemy import update

from shared import jobs, submissions
from shared.database import database_time
from shared.finding_rows import RecordingRow
from shared.leases import JobState
from shared.models import AnalysisRow, JobRow
from tests.integration.analyses import SIDE, draw_discs
from tests.integration.bench import HITACHI, MAX_ATTEMPTS, NM_PER_PX, Bench, InterruptedSegmenter
from tests.unit.micrograph.files import bmp_bytes, tiff_bytes
from tests.unit.micrograph.ser_files import ser_bytes

COUNTS = [3, 5, 2]
STACK = tiff_bytes(np.stack([draw_discs(n) for n in COUNTS]), photometric="minisblack")


def described(bench: Bench, submission: int) -> list[tuple[int, int | None, str, int | None]]:
    """Index, number of images, state or error, and particles of each job."""
    found = []
    for job in sorted(bench.jobs(submission), key=lambda job: (job.source_name, job.image_index)):
        n_particles = bench.analysis_of(job).n_particles if job.analysis_id else None
        found.append((job.image_index, job.n_images, job.error_code or job.state, n_particles))
    return found


def test_of_a_file_with_several_images_the_first_is_analysed_and_a_warning_says_how_to_get_the_others(
    upload_bench: Bench,
) -> None:
    submission = upload_bench.open()
    upload_bench.add(submission, STACK, "stack.tif")
    upload_bench.run_all(submission)
    assert described(upload_bench, submission) == [(0, 3, "done", 3)]
    (job,) = upload_bench.jobs(submission)
    warnings = " ".join(upload_bench.analysis_of(job).warnings)
    assert "2 further images of the file are analysed only where a submission takes each image" in warnings
    assert "--images all" in warnings


def test_a_file_with_one_image_needs_no_warning_and_gets_no_further_job(upload_bench: Bench) -> None:
    submission = upload_bench.open("all")
    upload_bench.add(submission, bmp_bytes(draw_discs(4)), "one.bmp")
    upload_bench.run_all(submission)
    assert described(upload_bench, submission) == [(0, 1, "done", 4)]
    assert upload_bench.analysis_of(upload_bench.jobs(submission)[0]).warnings == []


def test_each_image_gets_a_job_with_the_end_of_the_first_and_an_analysis_of_its_own(upload_bench: Bench) -> None:
    submission = upload_bench.open("all")
    upload_bench.add(submission, STACK, "stack.tif")
    first = upload_bench.jobs(submission)[0]
    upload_bench.run(first.id)
    assert described(upload_bench, submission) == [(0, 3, "done", 3), (1, 3, "queued", None), (2, 3, "queued", None)]
    assert [job.sent_at for job in upload_bench.jobs(submission)[1:]] == [None, None], "the dispatcher announces them"
    upload_bench.run_all(submission)
    assert described(upload_bench, submission) == [(0, 3, "done", 3), (1, 3, "done", 5), (2, 3, "done", 2)]
    assert {job.source_name for job in upload_bench.jobs(submission)} == {"stack.tif"}
    analyses = [upload_bench.analysis_of(job) for job in upload_bench.jobs(submission)]
    assert [(row.image_index, row.n_images, row.recording and row.recording.image_index) for row in analyses] == [
        (index, 3, index) for index in range(3)
    ]


def test_the_choice_of_a_submission_shares_the_analyses_of_another(upload_bench: Bench) -> None:
    chosen = [upload_bench.open("first"), upload_bench.open("all"), upload_bench.open("all")]
    for submission in chosen:
        upload_bench.add(submission, STACK, "stack.tif")
        upload_bench.run_all(submission)
    assert [len(upload_bench.jobs(submission)) for submission in chosen] == [1, 3, 3]
    assert (upload_bench.segmenter.calls, upload_bench.count(AnalysisRow), upload_bench.count(RecordingRow)) == (3, 3, 3)


def test_an_analysis_of_a_release_that_did_not_count_images_brings_the_others_all_the_same(upload_bench: Bench) -> None:
    earlier, submission = upload_bench.open(), upload_bench.open("all")
    upload_bench.add(earlier, STACK, "stack.tif")
    upload_bench.run_all(earlier)
    with upload_bench.database.writing() as session:
        session.execute(update(AnalysisRow).values(n_images=None))
    upload_bench.add(submission, STACK, "stack.tif")
    upload_bench.run_all(submission)
    assert [line[0] for line in described(upload_bench, submission)] == [0, 1, 2]


def test_a_first_image_that_fails_does_not_take_the_others_with_it(upload_bench: Bench) -> None:
    frames = np.stack([np.zeros((SIDE, SIDE), np.uint8), draw_discs(4), draw_discs(2)])
    submission = upload_bench.open("all")
    upload_bench.add(submission, tiff_bytes(frames, photometric="minisblack"), "stack.tif")
    upload_bench.run_all(submission)
    found = described(upload_bench, submission)
    assert [(index, outcome, n) for index, _, outcome, n in found] == [
        (0, "constant_image", None),
        (1, "done", 4),
        (2, "done", 2),
    ]


def test_a_file_that_cannot_be_read_is_one_job_that_failed(upload_bench: Bench) -> None:
    submission = upload_bench.open("all")
    upload_bench.add(submission, b"no image", "stack.tif")
    upload_bench.run_all(submission)
    assert described(upload_bench, submission) == [(0, None, "unsupported_format", None)]


@pytest.mark.parametrize("images", ["first", "all"])
def test_a_file_with_more_images_than_are_allowed_is_refused_and_brings_none(upload_bench: Bench, images: str) -> None:
    submission = upload_bench.open(images)  # type: ignore[arg-type]
    stack = ser_bytes(np.arange(4, dtype=np.uint8).reshape(2, 2), 5e-9, n_images=10_001)
    upload_bench.add(submission, stack, "series_1.ser")
    upload_bench.run_all(submission)
    assert described(upload_bench, submission) == [(0, None, "too_many_images", None)]
    assert "10,001 images" in (upload_bench.jobs(submission)[0].error_message or "")


def test_as_many_jobs_as_a_file_may_have_images_are_added_once(upload_bench: Bench) -> None:
    submission = upload_bench.open("all")
    upload_bench.add(submission, STACK, "stack.tif")
    sha256 = upload_bench.jobs(submission)[0].image_sha256
    for _ in range(2):
        with upload_bench.database.writing() as session:
            submissions.add_further_images(session, submission, sha256, "stack.tif", 10_000)
    assert [job.image_index for job in upload_bench.jobs(submission)] == list(range(10_000))


def test_the_message_of_a_job_that_has_ended_brings_nothing_twice(upload_bench: Bench) -> None:
    submission = upload_bench.open("all")
    upload_bench.add(submission, STACK, "stack.tif")
    upload_bench.run_all(submission)
    upload_bench.add(submission, STACK, "stack.tif")
    upload_bench.run(*[job.id for job in upload_bench.jobs(submission)] * 2)
    assert [line[0] for line in described(upload_bench, submission)] == [0, 1, 2]
    assert upload_bench.segmenter.calls == 3


def test_a_worker_that_lost_its_job_adds_nothing_and_the_next_one_adds_each_image_once(upload_bench: Bench) -> None:
    submission = upload_bench.open("all")
    upload_bench.add(submission, STACK, "stack.tif")
    first = upload_bench.jobs(submission)[0]

    def lose_the_job() -> None:
        with upload_bench.database.writing() as session:
            session.execute(update(JobRow).values(lease_until=database_time(-1)))
            jobs.claim(session, [first.id], lease_s=-1, max_attempts=MAX_ATTEMPTS)

    upload_bench.segmenter = InterruptedSegmenter(lose_the_job)
    upload_bench.run(first.id)
    assert described(upload_bench, submission) == [(0, None, "running", None)]
    upload_bench.run(first.id)
    upload_bench.run_all(submission)
    assert described(upload_bench, submission) == [(0, 3, "done", 3), (1, 3, "done", 5), (2, 3, "done", 2)]


def test_a_side_car_that_comes_late_holds_for_each_image_of_the_file(upload_bench: Bench) -> None:
    submission = upload_bench.open("all")
    upload_bench.add(submission, STACK, "stack.tif")
    upload_bench.run_all(submission)
    upload_bench.add(submission, HITACHI, "stack.txt")
    assert {job.state for job in upload_bench.jobs(submission)} == {JobState.QUEUED}
    upload_bench.run_all(submission)
    assert [line[2:] for line in described(upload_bench, submission)] == [("done", n) for n in COUNTS]
    assert {upload_bench.analysis_of(job).nm_per_px for job in upload_bench.jobs(submission)} == {NM_PER_PX}


def test_a_side_car_that_comes_while_the_first_image_ends_holds_for_the_others_too(upload_bench: Bench) -> None:
    submission = upload_bench.open("all")
    upload_bench.add(submission, STACK, "stack.tif")
    upload_bench.segmenter = InterruptedSegmenter(lambda: upload_bench.add(submission, HITACHI, "stack.txt"))
    upload_bench.run(upload_bench.jobs(submission)[0].id)
    assert described(upload_bench, submission) == [(0, None, "queued", None)]
    upload_bench.run_all(submission)
    assert {upload_bench.analysis_of(job).nm_per_px for job in upload_bench.jobs(submission)} == {NM_PER_PX}
    assert len(upload_bench.jobs(submission)) == 3
