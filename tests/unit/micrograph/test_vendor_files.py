"""Every instrument's file at hand: its statement of the pixel size is right within 0.1 %, or missing where there is none."""

import csv
from pathlib import Path

import pytest

from benchmarks.calibration import Reading, readings, report, table

# A light microscope's image of 13 × 10 px whose only statement is a print resolution of 150 dpi, which never counts.
PRINT_RESOLUTION_ONLY = {"optical_Zeiss_AxioVision_BW.tif"}


def test_the_table_counts_each_kind_of_file() -> None:
    found = [
        Reading("a.tif", "ZEISS", 5.0, 5.001, "AP_WIDTH", 0.1),
        Reading("b.tif", "ZEISS", 5.0, 5.1, "AP_WIDTH", 0.1),
        Reading("c.mrc", "MRC", None, None, "", 0.1),
        Reading("d.mrc", "MRC", 5.0, None, "", 0.1),
        Reading("e.mrc", "MRC", None, 5.0, "cell", 0.1),
    ]
    assert table(found).splitlines()[2:] == ["| ZEISS | 2 | 1 | 0 | 1 |", "| MRC | 3 | 1 | 1 | 1 |", "| all | 5 | 2 | 1 | 2 |"]


@pytest.mark.shared_data
def test_no_pixel_size_of_an_instruments_file_is_wrong(shared_data: Path) -> None:
    results = readings(shared_data)
    assert {result.name for result in results if result.verdict != "right"} == PRINT_RESOLUTION_ONLY, report(results)
    with (shared_data / "vendor" / "manifest.csv").open(encoding="utf-8") as stream:
        assert len(results) == len(list(csv.DictReader(stream)))


@pytest.mark.shared_data
def test_the_banners_that_files_state_are_those_in_the_picture(shared_data: Path) -> None:
    from worker.micrograph.decode import inspect

    with (shared_data / "banners" / "manifest.csv").open(encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["file"].startswith("banners/") and row["banner_top_row"].isdigit()]
    stated = 0
    for row in rows:
        metadata = inspect(shared_data / row["file"]).metadata
        if metadata is not None and metadata.databar_top is not None:
            stated += 1
            assert metadata.databar_top == int(row["banner_top_row"]), row["file"]
        if metadata is not None and metadata.nm_per_px is not None:
            assert metadata.nm_per_px == pytest.approx(float(row["pixel_size_nm"]), rel=1e-3), row["file"]
    assert stated >= 10
