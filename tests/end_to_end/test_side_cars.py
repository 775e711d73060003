"""Folders as instruments leave them, handed in to the running portal: side-cars find their images, stacks give each image."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cli.client import Saemi
from cli.remote import names_of, with_side_cars
from tests.integration.analyses import draw_discs
from tests.integration.bench import HITACHI, NM_PER_PX
from tests.stack import PROJECT, Stack
from tests.unit.micrograph.files import bmp_bytes, tiff_bytes
from web.schemas import SideCar, Submission


def submit(stack: Stack, *arguments: object) -> Submission:
    """Run `saemi submit --wait` as a shell does; returns the submission it prints."""
    options = ("--project", "side-cars", "--model", "classical", "--wait", "--json", "--server", stack.address)
    command = [sys.executable, "-m", "cli.main", "submit", *map(str, arguments), *options]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, cwd=PROJECT)
    assert ended.returncode == 0, ended.stderr
    return Submission.model_validate(json.loads(ended.stdout))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "lot").mkdir()
    (tmp_path / "lot" / "sem.bmp").write_bytes(bmp_bytes(draw_discs(6)))
    (tmp_path / "lot" / "sem.txt").write_bytes(HITACHI)
    (tmp_path / "sem.bmp").write_bytes(bmp_bytes(draw_discs(7)))
    (tmp_path / "read me.txt").write_text("Nothing of an image.")
    stack = np.stack([draw_discs(n) for n in (3, 5, 2)])
    (tmp_path / "stack.tif").write_bytes(tiff_bytes(stack, photometric="minisblack"))
    return tmp_path


def test_a_folder_goes_up_with_the_side_cars_of_its_images_and_nothing_else(running_stack: Stack, folder: Path) -> None:
    submission = submit(running_stack, folder)
    assert (submission.counts.total, submission.counts.done) == (3, 3), "images only"
    assert (submission.side_car_counts.total, submission.side_car_counts.without_image) == (1, 0)
    with Saemi(running_stack.address) as saemi:
        found = {job.source_name: saemi.analysis(job.analysis_id or 0) for job in saemi.jobs(submission.id)}
    assert {name: analysis.nm_per_px for name, analysis in found.items()} == {
        "lot/sem.bmp": NM_PER_PX,
        "sem.bmp": None,
        "stack.tif": None,
    }
    assert any("2 further images" in warning for warning in found["stack.tif"].warnings)


def test_each_image_of_a_stack_goes_through_the_queue(running_stack: Stack, folder: Path) -> None:
    submission = submit(running_stack, folder / "stack.tif", "--images", "all")
    assert (submission.images, submission.counts.total, submission.counts.done) == ("all", 3, 3)
    with Saemi(running_stack.address) as saemi:
        jobs = sorted(saemi.jobs(submission.id), key=lambda job: job.image_index)
        analyses = [saemi.analysis(job.analysis_id or 0) for job in jobs]
    assert [(job.image_index, job.n_images, job.source_name) for job in jobs] == [(n, 3, "stack.tif") for n in range(3)]
    assert [analysis.image_index for analysis in analyses] == [0, 1, 2]
    assert [analysis.statistics.n_particles for analysis in analyses] == [3, 5, 2]


def test_a_side_car_that_comes_after_its_image_gives_it_its_pixel_size(running_stack: Stack, folder: Path) -> None:
    with Saemi(running_stack.address) as saemi:
        submission = saemi.open_submission("side-cars", model="classical").id
        saemi.add_file(submission, folder / "lot" / "sem.bmp")
        assert saemi.wait(submission).calibration_counts.missing == 1
        added = saemi.add_file(submission, folder / "lot" / "sem.txt")
        assert isinstance(added, SideCar)
        assert added.has_image
        counts = saemi.wait(submission).calibration_counts
        assert (counts.ok, counts.missing) == (1, 0)
        assert [one.name for one in saemi.side_cars(submission)] == ["sem.txt"]


def test_files_of_one_name_from_several_folders_keep_the_folders_so_that_no_side_car_meets_a_stranger(folder: Path) -> None:
    images = [folder / "sem.bmp", folder / "lot" / "sem.bmp"]
    named = dict(names_of(images, with_side_cars(images)))
    assert {path.relative_to(folder).as_posix(): name for path, name in named.items()} == {
        "lot/sem.txt": "lot/sem.txt",
        "lot/sem.bmp": "lot/sem.bmp",
        "sem.bmp": "sem.bmp",
    }
    assert next(iter(named)).suffix == ".txt", "side-cars go first"
    both = [folder, folder / "lot"]
    assert {name for _, name in names_of(both, images)} == {"sem.bmp", "lot/sem.bmp"}
