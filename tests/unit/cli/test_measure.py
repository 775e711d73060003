"""`saemi measure`: label maps of others become numbers."""

import csv
import io
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import tifffile

from shared.distributions.fitness import VERDICTS
from tests.unit.cli.invocation import CLASSICAL, invoke, names
from tests.unit.micrograph.files import png_bytes, tiff_bytes
from worker.training.synthetic import synthetic_micrograph


@pytest.mark.parametrize("ending", ["png", "tif", "npy"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_measure_reads_label_maps_and_gives_exact_areas(tmp_path: Path, ending: str, dtype: type) -> None:
    labels = np.zeros((20, 30), dtype)
    labels[2:5, 3:9], labels[10:14, 10:12] = 1, 7
    path = tmp_path / f"map.{ending}"
    if ending == "npy":
        np.save(path, labels)
    else:
        path.write_bytes(png_bytes(labels) if ending == "png" else tiff_bytes(labels))
    result = invoke("measure", path, "--nm-per-px", 0.5, "--json", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert json.loads(result.output)[0]["n_particles"] == 2
    with (tmp_path / "out" / "map.particles.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["label"], row["area_px"], float(row["area_nm2"])) for row in rows] == [("1", "18", 4.5), ("7", "8", 2.0)]


def odd_maps() -> dict[str, tuple[np.ndarray, int, int, str | None]]:
    """Maps at the edge of what there is: the map, its particles, those that count, and what is said of missing statistics."""
    nothing = np.zeros((30, 40), np.uint16)
    one, border, line, nested, gaps = (nothing.copy() for _ in range(5))
    one[10:15, 10:20] = 1
    border[:3, 5:9], border[20:, 30:35], border[10:14, :4] = 1, 2, 3
    line[10, 5:20], line[15:25, 3] = 1, 2
    nested[5:25, 5:25], nested[10:20, 10:20] = 1, 2
    gaps[2:6, 2:6], gaps[10:16, 10:16], gaps[20:24, 30:35] = 3, 700, 65535
    return {
        "nothing": (nothing, 0, 0, "No particle was found"),
        "one": (one, 1, 1, "One particle counts"),
        "border": (border, 3, 0, "all of them touch the border"),
        "line": (line, 2, 2, None),
        "nested": (nested, 2, 2, None),
        "gaps": (gaps, 3, 3, None),
        "wide": (gaps.astype(np.int64), 3, 3, None),
        "mask": (gaps > 0, 3, 3, None),
        "whole floats": (gaps.astype(np.float64), 3, 3, None),
    }


@pytest.mark.parametrize("name", odd_maps())
def test_measure_gives_numbers_or_says_why_there_are_none(tmp_path: Path, name: str) -> None:
    labels, n_particles, n_counted, said = odd_maps()[name]
    np.save(tmp_path / "map.npy", labels)
    result = invoke("measure", tmp_path / "map.npy", "--json", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    (row,) = json.loads(result.stdout, parse_constant=lambda word: pytest.fail(f"{word} is no number"))
    assert (row["n_particles"], row["n_counted"], row["calibration_status"]) == (n_particles, n_counted, "missing")
    assert (row["ecd_mean_px"] is None, row["ecd_sd_px"] is None) == (n_counted == 0, n_counted < 2)
    assert {row[name] for name in row if name.endswith("_nm") and name.startswith("ecd")} == {None}
    assert [said in warning for warning in row["warnings"]] == [True] * (said is not None)
    tables = [path.read_text() for path in (tmp_path / "out").glob("*.csv")]
    assert len(tables) == 2
    assert not [table for table in tables if "nan" in table.lower() or "inf" in table.lower().replace("_", " ").split(",")]
    shown = invoke("measure", tmp_path / "map.npy", "--out", tmp_path / "out").stdout
    assert said is None or said in shown


def bad_maps(folder: Path) -> dict[str, tuple[Path, str, str]]:
    """Files that are no label map, each with code and words of what is said."""
    labels = np.zeros((20, 30), np.uint16)
    labels[2:5, 3:9], labels[10:14, 10:12] = 1, 7
    two_parts = labels.copy()
    two_parts[17, 20] = 7
    pages = io.BytesIO()
    with tifffile.TiffWriter(pages) as writer:
        for page in (labels, labels[:10]):
            writer.write(page)
    files = {
        "colour.png": (png_bytes(np.dstack([labels.astype(np.uint8)] * 3)), "labels_rgb", "colours are no numbers"),
        "pages.tif": (tiff_bytes(np.stack([labels, labels])), "labels_several_images", "2 images"),
        "unlike pages.tif": (pages.getvalue(), "labels_several_images", "2 images"),
        "pickle.npy": (pickle.dumps({"masks": labels}), "labels_pickled", "Cellpose"),
    }
    arrays = {
        "parts.npy": (two_parts, "labels_not_contiguous", "several parts: 7."),
        "negative.npy": (labels.astype(np.int16) - 1, "labels_negative", "-1"),
        "fraction.npy": (labels / 2, "labels_not_whole", "fraction"),
        "cells_seg.npy": (np.array({"masks": labels}), "labels_pickled", "Save the masks alone"),
    }
    for name, (content, *_) in files.items():
        (folder / name).write_bytes(content)
    for name, (array, *_) in arrays.items():
        np.save(folder / name, array, allow_pickle=True)
    header = np.lib.format.header_data_from_array_1_0(np.empty((1, 1), np.uint8)) | {"shape": (10**7, 10**7)}
    with (folder / "huge.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
    every = {**files, **arrays, "huge.npy": (None, "labels_out_of_memory", "memory")}
    return {name: (folder / name, code, words) for name, (_, code, words) in every.items()}


def test_measure_says_of_each_bad_label_map_what_is_wrong_with_it(tmp_path: Path) -> None:
    expected = bad_maps(tmp_path)
    result = invoke("measure", *(path for path, _, _ in expected.values()), "--json", "--out", tmp_path / "out")
    assert result.exit_code == 1, result.output
    rows = {Path(row["file"]).name: row for row in json.loads(result.stdout)}
    assert {name: row["error_code"] for name, row in rows.items()} == {name: code for name, (_, code, _) in expected.items()}
    assert [name for name, (_, _, words) in expected.items() if words not in rows[name]["error_message"]] == []


def test_measure_refuses_the_micrograph_of_another_label_map(tmp_path: Path) -> None:
    (tmp_path / "image.png").write_bytes(png_bytes(np.arange(620, dtype=np.uint16).reshape(20, 31)))
    np.save(tmp_path / "map.npy", np.eye(20, 30, dtype=np.uint8))
    result = invoke("measure", tmp_path / "map.npy", "--image", tmp_path / "image.png", "--json", "--out", tmp_path / "out")
    (row,) = json.loads(result.stdout)
    assert (result.exit_code, row["error_code"]) == (1, "size_mismatch")
    assert "30 × 20 px" in row["error_message"]
    assert "31 × 20 px" in row["error_message"]


def test_measure_with_the_micrograph_leaves_its_banner_out_as_analyze_does(tmp_path: Path) -> None:
    sample = synthetic_micrograph(seed=4, shape=(400, 500), n_particles=12)
    assert sample.banner is not None
    (tmp_path / "sample.png").write_bytes(png_bytes(sample.pixels))
    labels = sample.labels.astype(np.uint16)
    labels[sample.banner.top + 5 : sample.banner.top + 15, 20:30] = labels.max() + 1
    labels = np.where(labels > 0, 3 * labels, 0).astype(np.uint16)
    (tmp_path / "labels.tif").write_bytes(tiff_bytes(labels))
    rows, numbers = {}, {}
    for name, image in [("alone", ()), ("with", ("--image", tmp_path / "sample.png"))]:
        result = invoke("measure", tmp_path / "labels.tif", *image, "--json", "--out", tmp_path / name)
        assert result.exit_code == 0, result.output
        (rows[name],) = json.loads(result.stdout)
        with (tmp_path / name / "labels.particles.csv").open() as file:
            numbers[name] = [int(row["label"]) for row in csv.DictReader(file)]
    assert rows["alone"]["n_particles"] == rows["with"]["n_particles"] + 1
    assert numbers["with"] == numbers["alone"][:-1], "particles keep the numbers of the label map"
    assert rows["with"]["banner"] == {"top": sample.banner.top, "bottom": sample.banner.bottom}
    assert rows["with"]["field"] == {"top": 0, "bottom": sample.banner.top, "left": 0, "right": 500}
    assert rows["with"]["counting_rule"] == "exclude-border-weighted"
    assert rows["with"]["fitness"] in VERDICTS
    assert rows["with"]["fitness_reasons"]
    # The banner that is drawn has a bar, which is read as in analyze.
    assert (rows["with"]["calibration_source"], rows["alone"]["calibration_status"]) == ("scale_bar", "missing")
    assert rows["with"]["nm_per_px"] == pytest.approx(sample.nm_per_px, rel=0.01)


def test_the_micrograph_of_a_label_map_obeys_the_limits_of_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = np.zeros((40, 50), np.uint8)
    labels[10:20, 10:20] = 1
    for name, pixels in (("labels", labels), ("image", 200 * labels)):
        (tmp_path / f"{name}.png").write_bytes(png_bytes(pixels))
    monkeypatch.setenv("SAEMI_MAX_PIXELS", "1999")
    result = invoke("measure", "labels.png", "--image", "image.png", "--no-scale-bar", "--json")
    assert result.exit_code == 1, result.output
    (row,) = json.loads(result.stdout)
    assert (row["state"], row["error_code"]) == ("failed", "too_many_pixels")


def test_rows_of_the_summary_have_the_same_keys_whether_an_image_failed_or_not(images: Path, tmp_path: Path) -> None:
    result = invoke("analyze", images, "--json", "--out", tmp_path / "out", *CLASSICAL)
    rows = json.loads(result.stdout)
    assert {row["state"] for row in rows} == {"done", "failed"}
    assert len({tuple(row) for row in rows}) == 1
    assert {"instrument", "metadata_nm_per_px", "scale_bar", "banner", "field", "warnings"} <= set(rows[0])


def test_measure_fails_files_that_are_no_label_maps_alone_and_by_name(tmp_path: Path) -> None:
    labels = np.zeros((20, 30), np.uint16)
    labels[2:5, 3:9] = 1
    np.save(tmp_path / "good.npy", labels)
    whole = {"tif": tiff_bytes(labels), "png": png_bytes(labels), "npy": (tmp_path / "good.npy").read_bytes()}
    bad = [tmp_path / "text.txt", tmp_path / "pickled.npy"]
    bad[0].write_text("no labels")
    np.save(bad[1], np.array([{"a": 1}], dtype=object), allow_pickle=True)
    for ending, content in whole.items():
        for length in (0, 1, 5, 9, 20, 60, len(content) // 2):
            bad.append(tmp_path / f"cut_{length}.{ending}")
            bad[-1].write_bytes(content[:length])
    result = invoke("measure", *bad, tmp_path / "good.npy", "--json", "--out", tmp_path / "out")
    assert result.exit_code == 1, result.output
    rows = json.loads(result.stdout)
    assert [row["file"] for row in rows if row["state"] == "done"] == [str(tmp_path / "good.npy")]
    assert len(rows) == len(bad) + 1
    assert names(tmp_path / "out") == {"good.particles.csv", "summary.csv", "summary.json"}
