"""`--format`: the folder of results in further formats, and the command that makes it again."""

import io
import json
import shlex
import zipfile
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import tifffile
from pyarrow import parquet
from python_calamine import CalamineWorkbook
from roifile import ImagejRoi

from cli.outputs import read_particles
from cli.results import write_particles
from shared.output_formats import OUTPUT_FORMATS
from shared.quantities import ParticleTable
from tests.integration.analyses import draw_discs, particle_table
from tests.unit.cli.invocation import CLASSICAL, invoke, names
from tests.unit.micrograph.files import png_bytes, tiff_bytes


@pytest.mark.parametrize("n", [0, 1, 5])
@pytest.mark.parametrize("nm_per_px", [None, 0.3])
def test_the_table_of_an_image_is_read_as_it_was_written(tmp_path: Path, n: int, nm_per_px: float | None) -> None:
    particles = particle_table(n, nm_per_px, confidence=np.linspace(0.1, 0.9, n))
    write_particles(tmp_path / "a.csv", particles)
    read = read_particles(tmp_path / "a.csv")
    for column in fields(ParticleTable):
        found, expected = getattr(read, column.name), getattr(particles, column.name)
        if n == 0:
            assert len(found) == 0
        elif expected is None:
            assert found is None
        else:
            assert found.dtype.kind == expected.dtype.kind
            assert (found == expected).all()


def test_analyze_writes_every_format_and_the_command_that_makes_them_again(images: Path, tmp_path: Path) -> None:
    asked = [word for name in OUTPUT_FORMATS for word in ("--format", name)]
    chosen = ("--nm-per-px", "0.5", "--counting-rule", "all", "--no-scale-bar", "--processes", "1")
    result = invoke("analyze", images, "--out", tmp_path / "out", *chosen, *asked, *CLASSICAL)
    assert result.exit_code == 1, "some of the images are broken"
    out = tmp_path / "out"
    assert {f"results.{one.extension}" for one in OUTPUT_FORMATS.values()} <= names(out)
    document = json.loads((out / "results.json").read_text())
    assert [Path(image["file"]).name for image in document["images"]] == ["a.png", "a.tif", "[red].png"]
    assert [image["counting_rule"] for image in document["images"]] == ["all"] * 3
    assert {Path(one["name"]).name for one in document["left_out"]} == {"broken.png", "empty.tif"}
    told = {fact["name"]: fact["value"] for section in document["methods"] for fact in section["facts"]}
    assert told["Particles counted"] == "9"
    again = shlex.split(told["Command that makes this again"])
    assert again[:3] == ["saemi", "analyze", str(images)]
    said = ("--out", str(out), "--nm-per-px", "0.5", "--no-scale-bar", "--model", "classical-1", "--counting-rule", "all")
    assert again[3:] == [*said, *asked, "--processes", "1"]
    assert parquet.read_table(out / "results.parquet").num_rows == 9
    book = CalamineWorkbook.from_path(out / "results.xlsx")
    assert len(book.get_sheet_by_name("Particles").to_python()) == 10
    with zipfile.ZipFile(out / "results.labels.zip") as archive:
        labels = tifffile.imread(io.BytesIO(archive.read("a.labels.tif")))
    assert (labels == tifffile.imread(out / "a.labels.tif")).all()
    with zipfile.ZipFile(out / "results.overlays.zip") as archive:
        assert archive.read("a.overlay.png") == (out / "a.overlay.png").read_bytes()


def test_measure_writes_formats_of_label_maps_and_says_which_cannot_be_made(tmp_path: Path) -> None:
    labels = np.zeros((40, 50), np.uint8)
    labels[10:20, 10:20], labels[25:30, 5:15] = 1, 7
    (tmp_path / "map.tif").write_bytes(tiff_bytes(labels))
    asked = ("--format", "roi", "--format", "nanodefiner", "--format", "overlays", "--format", "json")
    result = invoke("measure", "map.tif", "--out", "out", *asked)
    assert result.exit_code == 1
    said = result.stderr
    assert "results.nanodefiner.zip is not written: None of the images has a pixel size" in said
    assert "results.overlays.zip is not written: A label map alone has no picture. Name its micrograph by --image." in said
    assert [roi.name for roi in ImagejRoi.fromfile(tmp_path / "out" / "results.RoiSet.zip")] == ["00001", "00007"]
    document = json.loads((tmp_path / "out" / "results.json").read_text())
    assert document["images"][0]["model_name"] is None
    assert not (tmp_path / "out" / "results.nanodefiner.zip").exists()


def test_measure_with_the_micrograph_draws_on_it_and_follows_the_counting_rule(tmp_path: Path) -> None:
    labels = np.zeros((128, 128), np.uint8)
    labels[:20, 10:20], labels[40:60, 40:60] = 3, 5
    (tmp_path / "map.png").write_bytes(png_bytes(labels))
    (tmp_path / "image.png").write_bytes(png_bytes(draw_discs()))
    said = ("--image", "image.png", "--no-scale-bar", "--nm-per-px", "2", "--counting-rule", "exclude-border")
    result = invoke("measure", "map.png", *said, "--json", "--out", "out", "--format", "overlays", "--format", "labels")
    assert result.exit_code == 0, result.output
    (row,) = json.loads(result.stdout)
    assert (row["counting_rule"], row["n_particles"], row["n_counted"]) == ("exclude-border", 2, 1)
    with zipfile.ZipFile(tmp_path / "out" / "results.overlays.zip") as archive:
        assert archive.read("map.overlay.png") == (tmp_path / "out" / "map.overlay.png").read_bytes()
        assert "Counting rule: exclude-border" in archive.read("methods.txt").decode().splitlines()
    with zipfile.ZipFile(tmp_path / "out" / "results.labels.zip") as archive:
        assert (tifffile.imread(io.BytesIO(archive.read("map.labels.tif"))) == labels).all()


def test_an_unknown_format_or_rule_is_wrong_usage(tmp_path: Path) -> None:
    (tmp_path / "map.png").write_bytes(png_bytes(np.eye(9, dtype=np.uint8)))
    for option, wrong in (("--format", "docx"), ("--counting-rule", "some")):
        result = invoke("measure", "map.png", option, wrong)
        assert result.exit_code == 2
        assert f"{wrong!r} is not one of" in result.stderr
    assert not (tmp_path / "saemi-results").exists()
