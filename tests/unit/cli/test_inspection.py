"""`saemi inspect`: what people and scripts are told of a file, and the exit code where one is bad."""

import io
import json
import subprocess
import sys

import numpy as np
import pytest
import tifffile
from click.testing import CliRunner

from cli.findings import KEYS
from cli.main import saemi
from tests.unit.analysis.scale_bar.drawing import canvas, specimen
from tests.unit.micrograph.files import bmp_bytes, noise, png_bytes, tiff_bytes, write

HITACHI = "[SemImageFile]\nInstructName=SU8000\nDataSize=640x400\nPixelSize={size}\n"
CONTRACT = {
    "file", "width_px", "height_px", "bit_depth", "format", "instrument", "nm_per_px", "calibration_source",
    "calibration_status", "metadata_nm_per_px", "scale_bar", "banner", "warnings",
}  # fmt: skip


def run(*arguments):
    return CliRunner().invoke(saemi, ["inspect", *map(str, arguments)])


@pytest.fixture
def calibrated(tmp_path):
    write(tmp_path, HITACHI.format(size="5.5").encode(), "a.txt")
    return write(tmp_path, bmp_bytes(noise(shape=(480, 640))), "a.bmp")


def test_the_json_has_the_keys_of_the_contract(calibrated) -> None:
    result = run(calibrated, "--json")
    assert result.exit_code == 0
    (found,) = json.loads(result.stdout)
    assert set(found) == set(KEYS)
    assert set(found) >= CONTRACT
    assert (found["nm_per_px"], found["metadata_nm_per_px"]) == (5.5, 5.5)
    assert (found["calibration_source"], found["calibration_status"]) == ("metadata", "ok")
    assert (found["instrument"], found["banner"]) == ("Hitachi SU8000", {"top": 400, "bottom": 480})
    assert (found["width_px"], found["height_px"], found["bit_depth"], found["format"]) == (640, 480, 8, "BMP")
    assert (found["scale_bar"], found["warnings"], found["error_code"]) == (None, [], None)


def with_scale_bar(folder, name):
    """A micrograph of 640 × 480 px on which 500 nm and a bar of 100 px are drawn."""
    drawing = canvas(480, 640, 128)
    drawing.text("500 nm", 400, 380, 30, 255)
    drawing.block(400, 500, 425, 435, 255)
    overlay = drawing.pixels()
    return write(folder, bmp_bytes(np.where(overlay == 128, specimen(480, 640), overlay)), name)


def test_the_scale_bar_is_told_under_the_keys_of_the_contract(tmp_path) -> None:
    (found,) = json.loads(run(with_scale_bar(tmp_path, "a.bmp"), "--json").stdout)
    bar = found["scale_bar"]
    assert set(bar) >= {"text", "value_nm", "length_px", "nm_per_px", "x0", "x1", "y"}
    assert (bar["text"], bar["value_nm"]) == ("500 nm", 500)
    assert bar["length_px"] == pytest.approx(100, abs=0.3)
    assert (bar["x0"], bar["x1"], bar["y"]) == pytest.approx((399.5, 499.5, 429.5), abs=0.5)
    assert found["nm_per_px"] == bar["nm_per_px"] == pytest.approx(5, rel=3e-3)
    assert (found["calibration_source"], found["calibration_status"]) == ("scale_bar", "ok")


@pytest.mark.parametrize(("stated", "status"), [("5.02", "ok"), ("5.5", "conflict"), ("50", "conflict"), ("0.5", "conflict")])
def test_a_file_that_lies_about_its_pixel_size_contradicts_its_scale_bar(tmp_path, stated, status) -> None:
    write(tmp_path, HITACHI.format(size=stated).encode(), "a.txt")
    (found,) = json.loads(run(with_scale_bar(tmp_path, "a.bmp"), "--json").stdout)
    assert found["calibration_status"] == status
    assert found["metadata_nm_per_px"] == float(stated)
    assert found["nm_per_px"] == (float(stated) if status == "ok" else None)
    assert found["calibration_source"] == ("metadata" if status == "ok" else None)


def test_without_the_scale_bar_only_the_file_counts(tmp_path) -> None:
    (found,) = json.loads(run(with_scale_bar(tmp_path, "a.bmp"), "--no-scale-bar", "--json").stdout)
    assert (found["scale_bar"], found["nm_per_px"], found["calibration_status"]) == (None, None, "missing")


def test_a_person_reads_one_line_for_each_file_and_bad_ones_are_named(calibrated, tmp_path) -> None:
    bad = write(tmp_path, b"%PDF-1.7", "bad.tif")
    empty = write(tmp_path, b"", "empty.png")
    result = run(calibrated, bad, empty)
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert len(lines) == 3
    assert "5.5 nm/px (metadata)" in lines[0]
    assert "PDF" in lines[1]
    assert "empty" in lines[2]


def test_a_bad_file_has_a_code_and_no_values(tmp_path) -> None:
    (found,) = json.loads(run(write(tmp_path, b"%PDF-1.7", "bad.tif"), "--json").stdout)
    assert (found["error_code"], found["width_px"], found["nm_per_px"]) == ("unsupported_format", None, None)


def test_a_pixel_size_that_does_not_count_is_missing_with_a_warning(tmp_path) -> None:
    write(tmp_path, HITACHI.format(size="-3").encode(), "b.txt")
    (found,) = json.loads(run(write(tmp_path, png_bytes(noise(shape=(400, 640))), "b.png"), "--json").stdout)
    assert (found["nm_per_px"], found["calibration_source"], found["calibration_status"]) == (None, None, "missing")
    assert "PixelSize" in found["warnings"][0]


def test_an_image_that_shows_nothing_still_states_its_pixel_size(tmp_path) -> None:
    write(tmp_path, HITACHI.format(size="5").encode(), "flat.txt")
    (found,) = json.loads(run(write(tmp_path, png_bytes(noise(shape=(400, 640)) * 0), "flat.png"), "--json").stdout)
    assert found["nm_per_px"] == 5
    assert "same value" in found["warnings"][0]


def test_a_side_car_alone_says_what_it_is(tmp_path) -> None:
    (found,) = json.loads(run(write(tmp_path, HITACHI.format(size="5").encode(), "lost.txt"), "--json").stdout)
    assert (found["nm_per_px"], found["width_px"], found["error_code"]) == (5, None, None)
    assert "side-car" in found["warnings"][0]


def test_in_a_folder_an_emi_is_no_image_where_its_series_is(tmp_path) -> None:
    from cli.inputs import find_micrographs

    for name in ("a.emi", "a_1.ser", "a_2.ser", "alone.emi"):
        write(tmp_path, b"x", name)
    assert [path.name for path in find_micrographs([tmp_path])] == ["a_1.ser", "a_2.ser", "alone.emi"]


@pytest.fixture
def stack(tmp_path):
    pixels = noise(shape=(12, 40, 64))
    return write(tmp_path, tiff_bytes(pixels, imagej=True, resolution=(4, 4), metadata={"unit": "um"}), "stack.tif")


def test_of_several_images_the_first_is_inspected_and_the_others_are_counted(stack, calibrated) -> None:
    found, single = json.loads(run(stack, calibrated, "--json").stdout)
    assert (found["image"], found["n_images"], found["nm_per_px"]) == (1, 12, 250)
    assert found["warnings"][-1] == "11 images were left out; --images all takes them."
    assert (single["image"], single["n_images"], single["warnings"]) == (1, 1, [])


def test_all_images_are_inspected_each_with_its_number(stack, calibrated, tmp_path) -> None:
    bad = write(tmp_path, b"%PDF-1.7", "bad.tif")
    result = run(stack, bad, calibrated, "--images", "all", "--json")
    assert result.exit_code == 1
    records = json.loads(result.stdout)
    places = [(record["file"].rpartition("/")[2], record["image"], record["n_images"]) for record in records]
    assert places == [*(("stack.tif", number, 12) for number in range(1, 13)), ("bad.tif", None, None), ("a.bmp", 1, 1)]
    assert all(record["nm_per_px"] == 250 for record in records[:12])
    assert not any("left out" in warning for record in records for warning in record["warnings"])


@pytest.mark.parametrize("damaged", [0, 1, 2])
def test_an_image_of_a_stack_that_is_damaged_fails_alone(tmp_path, damaged) -> None:
    content = bytearray(tiff_bytes(noise(shape=(3, 40, 64)), photometric="minisblack", compression="zlib", metadata=None))
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        place = file.pages[damaged].dataoffsets[0]
    content[place : place + 200] = bytes(200)
    result = run(write(tmp_path, bytes(content), "stack.tif"), "--images", "all", "--json")
    assert result.exit_code == 1
    codes = [record["error_code"] for record in json.loads(result.stdout)]
    assert codes == ["damaged_file" if number == damaged else None for number in range(3)]


def test_many_files_are_inspected_side_by_side_in_their_order(tmp_path) -> None:
    paths = [write(tmp_path, png_bytes(noise(shape=(20, 30 + number))), f"{number}.png") for number in range(70)]
    records = json.loads(run(*paths, "--json").stdout)
    assert [record["width_px"] for record in records] == [30 + number for number in range(70)]


def test_libraries_that_take_long_to_load_are_not_loaded() -> None:
    script = "import sys, cli.main, cli.inspection, cli.findings, shared.settings; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    slow = {"scipy", "skimage", "torch", "sqlalchemy", "tifffile", "imagecodecs", "h5py", "onnxruntime", "rapidocr"}
    assert not slow & set(loaded)
