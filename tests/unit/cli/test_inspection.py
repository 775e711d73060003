"""`saemi inspect`: what people and scripts are told of a file, and the exit code where one is bad."""

import json

import pytest
from click.testing import CliRunner

from cli.inspection import KEYS
from cli.main import saemi
from tests.unit.micrograph.files import bmp_bytes, noise, png_bytes, write

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
