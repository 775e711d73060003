"""The job rows are the truth: whatever is killed, every job comes to its end once."""

import os
import signal
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from cli.client import Saemi
from tests.stack import Stack, start_stack, wait_until
from tests.unit.micrograph.files import png_bytes

N_IMAGES = 50
# Short, so that what a killed worker held is given away within the test.
LEASE_S = 2.0


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    """Fifty different micrographs of a few discs each."""
    return [write_discs(tmp_path / f"image_{number:02}.png", number) for number in range(N_IMAGES)]


def write_discs(path: Path, seed: int) -> Path:
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:256, :256]
    image = random.normal(60, 6, (256, 256))
    for centre_y, centre_x in [(64, 64), (64, 190), (190, 64), (190, 190)][: 1 + seed % 4]:
        image[(y - centre_y) ** 2 + (x - centre_x) ** 2 < random.uniform(15, 40) ** 2] += 120
    path.write_bytes(png_bytes(image.clip(0, 255).astype(np.uint8)))
    return path


def worker_processes(stack: Stack) -> tuple[list[int], list[int]]:
    """The main processes of the stack's workers, and the processes of their pools."""
    mains = [pid for pid in children(stack.process.pid) if "worker" in command(pid)]
    return mains, [child for main in mains for child in children(main)]


def children(parent: int) -> list[int]:
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[1]) == parent and fields[0] != "Z":
            found.append(int(status.parent.name))
    return found


def command(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except (FileNotFoundError, ProcessLookupError):
        return []


def test_a_worker_killed_in_the_middle_of_fifty_images_loses_none_and_doubles_none(tmp_path: Path, images: list[Path]) -> None:
    with (
        start_stack(tmp_path / "data", lease_s=LEASE_S, resend_after_s=LEASE_S) as stack,
        Saemi(stack.address) as saemi,
    ):
        submission = saemi.open_submission("kill", model="classical").id
        for path in images:
            saemi.add_file(submission, path)
        for done_before, victims in [(3, "main"), (12, "pool"), (22, "main")]:
            wait_until(lambda n=done_before: saemi.submission(submission).counts.done >= n, f"{done_before} images are done")
            main, pool = worker_processes(stack)
            for pid in main if victims == "main" else pool[:1]:
                os.kill(pid, signal.SIGKILL)
        assert saemi.submission(submission).counts.unfinished > 0, "the kills came too late to mean anything"
        wait_until(lambda: not saemi.submission(submission).counts.unfinished, "all jobs have ended", 120)
        counts = saemi.submission(submission).counts
        jobs = list(saemi.jobs(submission))
        expected = {job.analysis_id: 1 + int(job.source_name[6:8]) % 4 for job in jobs}
        found = {number: saemi.analysis(number).statistics.n_particles for number in expected if number is not None}
    assert (counts.done, counts.failed) == (N_IMAGES, 0)
    assert len({job.analysis_id for job in jobs}) == N_IMAGES, "every image has an analysis of its own"
    assert found == expected
    with sqlite3.connect(tmp_path / "data" / "saemi.db") as database:
        assert database.execute("SELECT count(*) FROM analysis").fetchone() == (N_IMAGES,)
        particles = database.execute("SELECT analysis_id, count(*) FROM particle GROUP BY analysis_id").fetchall()
        assert dict(particles) == expected, "particles are stored once"


def test_jobs_go_on_where_they_were_when_the_stack_starts_again(tmp_path: Path, images: list[Path]) -> None:
    with start_stack(tmp_path / "data", lease_s=LEASE_S, resend_after_s=LEASE_S) as stack, Saemi(stack.address) as saemi:
        submission = saemi.open_submission("restart", model="classical").id
        for path in images[:20]:
            saemi.add_file(submission, path)
        assert stack.stop() == 0
    with start_stack(tmp_path / "data", lease_s=LEASE_S, resend_after_s=LEASE_S) as stack, Saemi(stack.address) as saemi:
        assert saemi.submission(submission).counts.total == 20
        wait_until(lambda: saemi.submission(submission).counts.done == 20, "the rest is done after the second start")
