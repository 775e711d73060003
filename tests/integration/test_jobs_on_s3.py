"""Jobs whose files lie on a real S3 server: analysed as in a folder, and kept when the server is away."""

import os
import signal
from pathlib import Path

import pytest

from shared.database import Database
from shared.leases import JobState
from shared.s3_store import S3BlobStore
from tests.integration.analyses import DiscSegmenter, draw_discs
from tests.integration.bench import Bench
from tests.s3_server import BUCKET, S3Server
from tests.unit.micrograph.files import png_bytes
from worker.micrograph.sandbox import Decoder

READ_TIMEOUT_S = 0.5


@pytest.fixture
def bench(database: Database, s3_server: S3Server, shared_decoder: Decoder, tmp_path: Path) -> Bench:
    store = S3BlobStore(s3_server.access, BUCKET, tmp_path.name, READ_TIMEOUT_S)
    return Bench(database, store, shared_decoder, DiscSegmenter())


@pytest.mark.parametrize("empty_database", ["sqlite"], indirect=True)
def test_an_image_on_the_server_is_analysed_and_its_results_lie_there(bench: Bench) -> None:
    submission = bench.open()
    bench.add(submission, png_bytes(draw_discs(3)), "a.png")
    bench.run_all(submission)
    (job,) = bench.jobs(submission)
    assert job.state == JobState.DONE
    analysis = bench.analysis_of(job)
    for sha256 in (analysis.labels_sha256, analysis.overlay_sha256, analysis.thumbnail_sha256):
        assert bench.store.exists(sha256)


@pytest.mark.parametrize("empty_database", ["sqlite"], indirect=True)
def test_a_job_whose_file_cannot_be_fetched_at_the_moment_goes_back_and_is_no_failure(
    bench: Bench, s3_server: S3Server
) -> None:
    submission = bench.open()
    bench.add(submission, png_bytes(draw_discs(3)), "a.png")
    (job,) = bench.jobs(submission)
    os.kill(s3_server.process.pid, signal.SIGSTOP)
    try:
        bench.run(job.id)
    finally:
        os.kill(s3_server.process.pid, signal.SIGCONT)
    (job,) = bench.jobs(submission)
    assert (job.state, job.attempts, job.error_code) == (JobState.QUEUED, 0, None)
