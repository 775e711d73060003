"""Figures for papers: what their files hold, and that scale bars, curves and numbers are right."""

import base64
import io
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from shared.arrays import GreyImage
from shared.calibration import calibration
from shared.quantities import ParticleTable
from tests.unit.outputs.drawn_contents import COLUMNS, ROWS, drawn_image
from tests.unit.outputs.made import analysed_image, content, written
from worker.outputs.content import AnalysedImage, Choices, Content
from worker.outputs.drawing.micrographs import as_picture, as_svg, field_picture
from worker.outputs.drawing.round_length import round_length

SVG = "{http://www.w3.org/2000/svg}"
ALL = Choices(rule="all")
CHARTS = {f"{name}.{ending}" for name in ("histogram", "cumulative", "distribution") for ending in ("svg", "png")}


def files_of(what: Content, folder: Path) -> dict[str, bytes]:
    progress = written("figures", what, folder / "figures.zip")
    assert progress == list(range(1, len(what.images) + 1))
    with zipfile.ZipFile(folder / "figures.zip") as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def texts(svg: bytes) -> list[str]:
    return ["".join(element.itertext()) for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def pooled(*tables: ParticleTable) -> np.ndarray:
    return np.concatenate([table.ecd_nm for table in tables])  # type: ignore[misc]


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[AnalysedImage], dict[str, bytes]]:
    images = [drawn_image("day 1/a.tif", seed=1), drawn_image("b.tif", seed=2)]
    return images, files_of(content(*images, choices=ALL), tmp_path_factory.mktemp("two"))


def test_a_selection_has_charts_of_all_images_and_a_micrograph_of_each(
    two: tuple[list[AnalysedImage], dict[str, bytes]],
) -> None:
    _, files = two
    micrographs = {f"{stem}.micrograph.{ending}" for stem in "ab" for ending in ("svg", "png")}
    assert set(files) == {*CHARTS, *micrographs, "methods.txt"}
    assert b"Counting rule: all" in files["methods.txt"]


def test_charts_are_as_wide_as_the_columns_of_journals(two: tuple[list[AnalysedImage], dict[str, bytes]]) -> None:
    _, files = two
    for name, width_mm in (("histogram", 85), ("cumulative", 85), ("distribution", 170)):
        picture = Image.open(io.BytesIO(files[f"{name}.png"]))
        assert picture.info["dpi"] == pytest.approx((300, 300), rel=1e-3)
        # matplotlib cuts a fraction of a pixel off.
        assert picture.width == pytest.approx(width_mm / 25.4 * 300, abs=1)
        points = float(ElementTree.fromstring(files[f"{name}.svg"]).attrib["width"].removesuffix("pt"))
        assert points == pytest.approx(width_mm / 25.4 * 72, abs=0.01)


def test_text_of_a_chart_stays_text_and_says_what_is_counted(two: tuple[list[AnalysedImage], dict[str, bytes]]) -> None:
    images, files = two
    sizes = pooled(*(image.particles() for image in images))
    assert f"n = {len(sizes)} particles of 2 images; counting rule: all" in texts(files["histogram.svg"])
    assert {"Equivalent circular diameter / nm", "Share by number / %"} <= set(texts(files["histogram.svg"]))
    said = texts(files["cumulative.svg"])
    expected = ", ".join(f"{value:.3g}" for value in np.percentile(sizes, (10, 50, 90), method="hazen"))
    assert f"number: {expected}" in said
    by_volume = np.repeat(sizes, np.round(200 * sizes**3 / sizes.max() ** 3).astype(int))
    volume = next(text for text in said if text.startswith("volume: "))
    found = [float(number) for number in volume.removeprefix("volume: ").split(", ")]
    # Rounding of the repeats, and of three digits.
    assert found == pytest.approx(np.percentile(by_volume, (10, 50, 90)), rel=0.02)


def test_fitted_curves_stand_in_the_histogram(two: tuple[list[AnalysedImage], dict[str, bytes]]) -> None:
    _, files = two
    legend = [text for text in texts(files["histogram.svg"]) if text.startswith(("log-normal", "normal", "Weibull"))]
    assert len(legend) == 3
    assert sum("lowest AIC" in text for text in legend) == 1
    ids = {element.get("id") for element in ElementTree.fromstring(files["histogram.svg"]).iter()}
    assert {"fit-lognormal", "fit-normal", "fit-weibull"} <= ids


@pytest.mark.parametrize(
    ("nm_per_px", "width_px", "nm", "written_length"),
    [
        (0.42, 1000, 100, "100 nm"),
        (0.5, 1000, 100, "100 nm"),
        (0.002, 1000, 0.5, "0.5 nm"),
        (4.0, 1000, 1000, "1 µm"),
        (4000.0, 2000, 2e6, "2 mm"),
    ],
)
def test_a_scale_bar_is_the_longest_round_length_within_a_quarter_of_the_width(
    nm_per_px: float, width_px: int, nm: float, written_length: str
) -> None:
    bar = round_length(nm_per_px, width_px)
    assert bar.nm == pytest.approx(nm)
    assert bar.text == written_length
    assert bar.px == pytest.approx(nm / nm_per_px)
    assert bar.px <= 0.25 * width_px * (1 + 1e-9)


def test_the_bar_of_a_micrograph_is_as_long_as_it_says() -> None:
    # 320 px of 0.5 nm: 40 nm would be the quarter, 20 nm are 40 px.
    image = drawn_image(nm_per_px=0.5)
    field = field_picture(image, image.particles().label)
    root = ElementTree.fromstring(as_svg(field, 85))
    assert root.attrib["viewBox"] == f"0 0 {COLUMNS} {ROWS}"
    (bar,) = [element for element in root.iter(f"{SVG}rect") if element.get("class") == "bar"]
    assert texts(as_svg(field, 85)) == ["20 nm"]
    assert float(bar.attrib["width"]) == pytest.approx(40, abs=0.001)
    picture = as_picture(field, 85, 300)
    white = (picture == 255).all(axis=2)
    longest = max(max(map(len, "".join("x" if pixel else " " for pixel in row).split()), default=0) for row in white)
    assert longest == round(40 * picture.shape[1] / COLUMNS)


def test_a_micrograph_without_pixel_size_has_no_bar_and_says_px() -> None:
    image = drawn_image(nm_per_px=None)
    svg = as_svg(field_picture(image, image.particles().label), 85)
    assert texts(svg) == ["320 × 220 px, no calibration"]
    assert not [element for element in ElementTree.fromstring(svg).iter(f"{SVG}rect") if element.get("class") == "bar"]


def test_outlines_of_particles_that_count_are_told_from_those_that_do_not() -> None:
    image = drawn_image(seed=3)
    table = image.particles()
    inside = table.label[~table.touches_border]
    root = ElementTree.fromstring(as_svg(field_picture(image, inside), 85))
    groups = {group.get("id"): group for group in root.iter(f"{SVG}g")}
    assert len(groups["counted"]) == len(inside)
    assert len(groups["not-counted"]) == len(table) - len(inside) > 0
    assert groups["not-counted"].attrib["stroke-dasharray"] != "none"


def test_the_banner_is_not_in_a_micrograph() -> None:
    def preview() -> GreyImage:
        grey = np.full((100, 80), 10, dtype=np.uint8)
        grey[90:] = 250
        return grey

    labels = np.zeros((100, 80), dtype=np.int32)
    image = analysed_image(labels, field_bottom=90)
    image = AnalysedImage(image.name, image.stem, image.record, image.particles, image.labels, preview)
    field = field_picture(image, np.empty(0, dtype=np.int64))
    root = ElementTree.fromstring(as_svg(field, 85))
    (embedded,) = root.iter(f"{SVG}image")
    data = embedded.attrib["{http://www.w3.org/1999/xlink}href"].removeprefix("data:image/png;base64,")
    shown = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))
    assert shown.shape == (90, 80)
    assert shown.max() == 10


def test_images_without_pixel_size_are_shown_but_not_pooled(tmp_path: Path) -> None:
    images = [drawn_image("a.tif", seed=1), drawn_image("b.tif", seed=2, nm_per_px=None)]
    files = files_of(content(*images, choices=ALL), tmp_path)
    assert "b.micrograph.png" in files
    assert "n = 30 particles of 1 image; counting rule: all" in texts(files["histogram.svg"])
    assert b"b.tif: It has no pixel size." in files["methods.txt"]


def test_a_logarithmic_axis_by_volume_is_drawn(tmp_path: Path) -> None:
    choices = Choices(rule="all", weighting="volume", is_log_axis=True, n_bins=12)
    files = files_of(content(drawn_image(), choices=choices), tmp_path)
    assert "Share by volume / %" in texts(files["histogram.svg"])


def test_without_particles_the_charts_say_so(tmp_path: Path) -> None:
    empty = analysed_image(np.zeros((50, 60), dtype=np.int32), calibrated=calibration(None, 0.5, None))
    files = files_of(content(empty), tmp_path)
    assert "No particle counts." in texts(files["histogram.svg"])
    assert "No particle counts." in texts(files["cumulative.svg"])
