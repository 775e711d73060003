"""The table of the NanoDefiner e-tool: cumulative fractions under the counting rule."""

import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from shared.distributions.sample import CountingRule
from shared.domain import Calibration
from shared.errors import InputError
from tests.unit.outputs.made import analysed_image, content, drawn_labels, written
from worker.outputs.content import Choices, Content


def test_the_table_is_the_cumulative_number_distribution_of_the_minimum_feret(tmp_path: Path) -> None:
    labels = drawn_labels()
    images = [analysed_image(labels, f"{number}.tif", f"{number}") for number in range(2)]
    assert written("nanodefiner", content(*images), tmp_path / "o.zip") == [1, 2]
    header, sizes, fractions = table_of(tmp_path / "o.zip")
    assert header == "minimum Feret diameter / nm\tcumulative number fraction Q0"
    particles = images[0].particles()
    counts = ~particles.touches_border
    assert particles.feret_min_nm is not None
    feret, weights = particles.feret_min_nm[counts], particles.edge_weight[counts]
    order = np.argsort(feret)
    assert sizes == pytest.approx(feret[order], abs=1e-6), "each size of the two equal images once"
    assert fractions == pytest.approx(np.cumsum(weights[order]) / weights.sum(), abs=1e-8)
    assert fractions[-1] == 1


@pytest.mark.parametrize(("rule", "expected"), [("all", 7), ("exclude-border", 6)])
def test_every_particle_of_the_rule_counts_once(tmp_path: Path, rule: CountingRule, expected: int) -> None:
    written("nanodefiner", content(analysed_image(drawn_labels()), choices=Choices(rule=rule)), tmp_path / "o.zip")
    _, sizes, fractions = table_of(tmp_path / "o.zip")
    assert fractions == pytest.approx(np.arange(1, expected + 1) / expected, abs=1e-8)
    assert len(sizes) == expected


def test_images_without_a_pixel_size_are_left_out_and_named(tmp_path: Path) -> None:
    labels = drawn_labels()
    images = (
        analysed_image(labels, "no.tif", "no", calibrated=Calibration.missing()),
        analysed_image(labels, "two.tif", "two", calibrated=Calibration.conflict()),
        analysed_image(labels, "nm.tif", "nm"),
        analysed_image(np.zeros_like(labels), "empty.tif", "empty"),
    )
    assert written("nanodefiner", content(*images), tmp_path / "o.zip") == [3, 4]
    assert len(table_of(tmp_path / "o.zip")[1]) == 6
    told = methods_of(tmp_path / "o.zip")
    assert "Images left out: 2" in told
    assert "no.tif: It has no pixel size." in told
    assert "two.tif: Its metadata and its scale bar state different pixel sizes, and nobody has decided." in told


def test_what_gives_no_distribution_is_refused_with_the_reason(tmp_path: Path) -> None:
    labels = np.zeros((20, 20), np.int32)
    labels[:5, :5] = 1
    at_border = content(analysed_image(labels))
    no_pixel_size = content(analysed_image(labels, calibrated=Calibration.missing()))
    for refused, code in ((at_border, "no_particles"), (no_pixel_size, "not_calibrated"), (content(), "not_calibrated")):
        with pytest.raises(InputError) as raised:
            written("nanodefiner", refused, tmp_path / "o.zip")
        assert raised.value.code == code
    written("nanodefiner", replace_rule(at_border, "all"), tmp_path / "o.zip")
    assert table_of(tmp_path / "o.zip")[1:] == ([pytest.approx(2.5)], [1.0])


def replace_rule(what: Content, rule: CountingRule) -> Content:
    return replace(what, choices=Choices(rule=rule))


def table_of(path: Path) -> tuple[str, list[float], list[float]]:
    with zipfile.ZipFile(path) as archive:
        header, *lines = archive.read("nanodefiner.txt").decode().splitlines()
    rows = [tuple(map(float, line.split("\t"))) for line in lines]
    return header, [size for size, _ in rows], [fraction for _, fraction in rows]


def methods_of(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        return archive.read("methods.txt").decode().splitlines()
