"""Bad files inside a bulk: each ends with its own clear error or result, the rest goes on, the worker lives."""

import io
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import httpx
import numpy as np
import pytest
from PIL import Image

from cli.client import Saemi
from shared.jobs import JobState
from tests.stack import Stack, wait_until
from tests.unit.micrograph.files import jpeg_bytes, noise, png_bytes, raw_png, tiff_bytes
from web.schemas import Job

LONG_NAME = "粒子-µ-é-" * 42 + "ab.png"


@dataclass(frozen=True)
class Case:
    """A file, and the error code it must end with; None for a result, then with so many warnings."""

    name: str
    content: Callable[[], bytes]
    error_code: str | None
    warning: str = ""


def micrograph() -> np.ndarray:
    y, x = np.mgrid[:128, :160]
    image = noise(np.uint8, (128, 160), seed=5) // 16 + 40
    image[(y - 60) ** 2 + (x - 80) ** 2 < 30**2] += 120
    return image.astype(np.uint8)


def coloured_with_alpha() -> np.ndarray:
    rgba = np.dstack([micrograph()] * 4)
    rgba[..., 3] = 200
    return rgba


def zip_bomb() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("image.tif", bytes(200_000_000))
    return buffer.getvalue()


CASES = [
    Case("good_1.png", lambda: png_bytes(micrograph()), None),
    Case("empty.png", bytes, "empty_file"),
    Case("truncated.png", lambda: png_bytes(micrograph())[:4000], "truncated_file"),
    Case("truncated.jpg", lambda: jpeg_bytes(micrograph())[:-900], "truncated_file"),
    Case("truncated.tif", lambda: tiff_bytes(micrograph())[:9000], "truncated_file"),
    Case("renamed.tif", lambda: b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n" + bytes(range(256)) * 8, "unsupported_format"),
    Case("one_pixel.png", lambda: png_bytes(np.full((1, 1), 7, np.uint8)), "constant_image"),
    Case("declared_40000.png", lambda: raw_png(40_000, 40_000, zlib.compress(bytes(1_000_000))), "too_many_pixels"),
    Case("bomb.zip", zip_bomb, "archive_too_large"),
    Case("bomb.png", lambda: raw_png(9_900, 9_900, zlib.compress(bytes(9_901 * 9_900), 9)), "suspicious_compression"),
    Case("nan.tif", lambda: tiff_bytes(np.full((64, 64), np.nan, np.float32)), "not_finite"),
    Case("constant.png", lambda: png_bytes(np.full((64, 64), 99, np.uint8)), "constant_image"),
    Case("cmyk.jpg", lambda: jpeg_bytes(Image.fromarray(coloured_with_alpha(), "CMYK")), "unsupported_pixel_type"),
    Case("float32.tif", lambda: tiff_bytes(micrograph().astype(np.float32) / 255), None),
    Case("alpha.png", lambda: png_bytes(coloured_with_alpha()), None, "transparency"),
    Case(LONG_NAME, lambda: png_bytes(micrograph()[:, ::-1]), None),
    Case("../../outside.png", lambda: png_bytes(micrograph()[::-1]), None),
    Case("same.png", lambda: png_bytes(micrograph()[:100]), None),
    Case("same.png", lambda: png_bytes(micrograph()[:90]), None),
    Case("stack.tif", lambda: tiff_bytes(np.stack([micrograph()] * 3), photometric="minisblack"), None, "3 images"),
    Case("good_2.png", lambda: png_bytes(micrograph()[:, :150]), None),
]


@pytest.fixture(scope="module")
def outcomes(running_stack: Stack) -> list[Job]:
    """The jobs of one submission of all cases, in the order of the cases."""
    with Saemi(running_stack.address) as saemi:
        submission = saemi.open_submission("bad input", model="classical").id
        jobs = [put(running_stack, submission, case) for case in CASES]
        wait_until(lambda: not saemi.submission(submission).counts.unfinished, "every file has come to its end", 120)
        ended = {job.id: job for job in saemi.jobs(submission)}
    return [ended[job.id] for job in jobs]


def put(stack: Stack, submission: int, case: Case) -> Job:
    address = f"{stack.address}/api/v1/submissions/{submission}/files"
    answer = httpx.put(address, params={"name": case.name}, content=case.content(), timeout=30)
    assert answer.status_code == httpx.codes.CREATED, answer.text
    return Job.model_validate(answer.json())


@pytest.mark.parametrize("number", range(len(CASES)), ids=lambda n: f"{n}-{CASES[n].name[:20]}")
def test_each_file_of_a_bulk_ends_with_its_own_result_or_named_error(
    running_stack: Stack, outcomes: list[Job], number: int
) -> None:
    case, job = CASES[number], outcomes[number]
    assert job.error_code == case.error_code
    if case.error_code is not None:
        assert job.state is JobState.FAILED
        assert job.error_message, "a person needs to know what to do"
        return
    assert job.state is JobState.DONE
    with Saemi(running_stack.address) as saemi:
        analysis = saemi.analysis(job.analysis_id or 0)
    assert analysis.statistics.n_particles >= 1
    assert any(case.warning in warning.lower() for warning in analysis.warnings) == bool(case.warning)


def test_names_are_kept_as_text_and_never_lead_outside(running_stack: Stack, outcomes: list[Job]) -> None:
    names = [job.source_name for job in outcomes]
    assert names[CASES.index(next(c for c in CASES if c.name == LONG_NAME))] == LONG_NAME
    assert "outside.png" in names
    assert len(LONG_NAME) == 300
    assert not list(running_stack.data_dir.parent.rglob("outside*"))


def test_two_files_of_one_name_are_two_jobs_with_two_analyses(outcomes: list[Job]) -> None:
    same = [job for job in outcomes if job.source_name == "same.png"]
    assert len({job.id for job in same}) == len({job.analysis_id for job in same}) == 2


def test_a_download_keeps_the_name_of_its_micrograph(running_stack: Stack, outcomes: list[Job]) -> None:
    job = next(job for job in outcomes if job.source_name == LONG_NAME)
    answer = httpx.get(f"{running_stack.address}/api/v1/analyses/{job.analysis_id}/particles.csv")
    assert "filename*=UTF-8''%E7%B2%92%E5%AD%90" in answer.headers["Content-Disposition"]
    assert answer.text.splitlines()[0].startswith("label,centroid_y_px")


def test_the_summary_names_every_file_with_its_reason(running_stack: Stack, outcomes: list[Job]) -> None:
    answer = httpx.get(f"{running_stack.address}/api/v1/submissions/{outcomes[0].submission_id}/summary.csv")
    lines = answer.text.splitlines()
    assert len(lines) == 1 + len(CASES)
    assert sum(",failed," in line for line in lines) == sum(case.error_code is not None for case in CASES)
