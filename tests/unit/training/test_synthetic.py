"""The synthetic micrographs repeat, and their labels, banner and pixel size say what the picture shows."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from shared.geometry import AnalysedField
from worker.analysis.label_map import labels_from_array
from worker.analysis.measurement.particles import measure
from worker.training.synthetic import SyntheticMicrograph, synthetic_micrograph, write_samples

SMALL = (300, 400)


def small(seed: int, style: str = "sem") -> SyntheticMicrograph:
    return synthetic_micrograph(seed, SMALL, n_particles=20, style=style)


@pytest.mark.parametrize("style", ["sem", "tem"])
def test_the_same_seed_gives_the_same_picture_and_another_seed_another(style: str) -> None:
    one, same, other = small(1, style), small(1, style), small(2, style)
    assert np.array_equal(one.pixels, same.pixels)
    assert np.array_equal(one.labels, same.labels)
    assert not np.array_equal(one.pixels, other.pixels)


@pytest.mark.parametrize("style", ["sem", "tem"])
@pytest.mark.parametrize("seed", range(5))
def test_labels_are_connected_particles_numbered_from_one_outside_the_banner(seed: int, style: str) -> None:
    made = small(seed, style)
    assert (made.pixels.shape, made.pixels.dtype, made.labels.shape, made.labels.dtype) == (SMALL, np.uint8, SMALL, np.int32)
    assert np.array_equal(labels_from_array(made.labels), made.labels)
    assert np.array_equal(np.unique(made.labels), np.arange(made.labels.max() + 1))
    assert 15 <= made.labels.max() <= 20
    assert made.banner is not None
    assert made.banner.bottom == SMALL[0]
    assert (made.labels[made.banner.top :] == 0).all()


@pytest.mark.parametrize("seed", range(3))
def test_particles_are_bright_in_sem_and_dark_in_tem(seed: int) -> None:
    for style, sign in (("sem", 1), ("tem", -1)):
        made = small(seed, style)
        assert made.banner is not None
        field = made.pixels[: made.banner.top].astype(float)
        inside = made.labels[: made.banner.top] > 0
        assert sign * (field[inside].mean() - field[~inside].mean()) > 20


def test_edges_are_brighter_than_the_middle_in_sem() -> None:
    made = synthetic_micrograph(4, n_particles=20)
    table = measure(made.labels, AnalysedField(0, 768, 0, 1024), None)
    middle = made.pixels[table.centroid_y_px.round().astype(int), table.centroid_x_px.round().astype(int)]
    rim = (made.labels != np.roll(made.labels, 2, axis=1)) & (made.labels > 0)
    assert made.pixels[rim].mean() > middle.mean() + 10


def test_without_a_banner_the_specimen_fills_the_picture() -> None:
    made = synthetic_micrograph(3, SMALL, n_particles=40, banner=False)
    assert made.banner is None
    assert (made.labels[-20:] > 0).any()


@pytest.mark.parametrize("seed", range(8))
def test_the_scale_bar_is_as_long_as_the_pixel_size_says(seed: int) -> None:
    made = synthetic_micrograph(seed, n_particles=1)
    assert made.banner is not None
    strip = made.pixels[made.banner.top + 3 : made.banner.bottom - 3]  # without the frame
    dark_on_white = strip.mean() > 128
    ink = strip < 100 if dark_on_white else strip == 255
    # The bar is the longest run of ink in the banner; ZEISS counts from centre to centre of the end ticks, one pixel less.
    framed = np.pad(ink, ((0, 0), (1, 1))).astype(int)
    starts, stops = np.argwhere(np.diff(framed) == 1), np.argwhere(np.diff(framed) == -1)
    bar_px = (stops[:, 1] - starts[:, 1]).max() - int(dark_on_white)
    bar_nm = bar_px * made.nm_per_px
    assert min(abs(bar_nm - value) for value in (100, 200, 500, 1000, 2000)) < 1e-6 * bar_nm


def test_sizes_spread_as_asked() -> None:
    made = synthetic_micrograph(6, (1500, 2000), n_particles=300, sigma_ln=0.3, banner=False)
    table = measure(made.labels, AnalysedField(0, 1500, 0, 2000), None)
    spread = np.log(table.ecd_px[~table.touches_border]).std()
    # 300 particles estimate a spread to about 4 %; overlaps and the few that found no room add as much again.
    assert spread == pytest.approx(0.3, rel=0.15)


def test_no_particles_give_an_empty_ground() -> None:
    made = synthetic_micrograph(1, SMALL, n_particles=0)
    assert made.labels.max() == 0
    assert made.pixels.std() > 0


def test_samples_are_written_with_their_truth(tmp_path: Path) -> None:
    paths = write_samples(tmp_path / "samples", 3)
    assert [path.name for path in paths] == ["sample_01.png", "sample_02.png", "sample_03.png"]
    with (tmp_path / "samples" / "truth.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["file"] for row in rows] == [path.name for path in paths]
    assert list(rows[0]) == ["file", "n_particles", "nm_per_px", "ecd_mean_nm"]
    for path, row in zip(paths, rows, strict=True):
        with Image.open(path) as image:
            assert (image.mode, image.size) == ("L", (1024, 768))
        assert int(row["n_particles"]) > 20
        assert float(row["ecd_mean_nm"]) > 10 * float(row["nm_per_px"])
