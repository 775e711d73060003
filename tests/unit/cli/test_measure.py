"""`saemi measure`: label maps of others become numbers."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

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
