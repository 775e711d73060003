"""The PDF report, read back: its sections, its numbers against others, and what it says where there is no number."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pypdf
import pytest

from shared.arrays import GreyImage
from shared.calibration import calibration
from shared.errors import InputError
from tests.unit.outputs.drawn_contents import drawn_image
from tests.unit.outputs.made import COMMAND, analysed_image, content, written
from worker.outputs.content import AnalysedImage, Choices, Content, LeftOut
from worker.outputs.pooled import read_sizes, select
from worker.outputs.reporting import origin
from worker.outputs.reporting.findings import find
from worker.outputs.reporting.fonts import drawable, marked_up
from worker.outputs.reporting.layout import ReportDocument

ALL = Choices(rule="all")
DISTRIBUTIONS = "7 Size distributions"
SECTIONS = [
    "Sample",
    "Instrument and calibration",
    "Images",
    "Segmentation",
    "Parameters",
    "Counting rule and number of particles",
    "Size distributions",
    "Fitted curves",
    "Shape descriptors",
    "How many particles it takes",
    "EU nanomaterial screening",
    "Arrangement",
    "Uncertainty",
    "Corrections and decisions by hand",
    "Images left out",
    "Software and reproduction",
]


class Report:
    """A report that was written and read back."""

    def __init__(self, what: Content, folder: Path) -> None:
        self.path = folder / "report.pdf"
        self.progress = written("pdf", what, self.path)
        self.reader = pypdf.PdfReader(self.path)
        self.lines = lines_of(self.reader)
        self.text = " ".join(self.lines)

    def after(self, name: str, n: int = 1, section: str = "") -> list[str]:
        """The lines that follow one: the values of a row, of the first such row of a section."""
        begin = next(i for i, line in enumerate(self.lines) if line.endswith(section))
        start = self.lines.index(name, begin) + 1
        return self.lines[start : start + n]


def lines_of(reader: pypdf.PdfReader) -> list[str]:
    return [line.strip() for page in reader.pages for line in page.extract_text().splitlines()]


def numbers(cell: str) -> list[float]:
    return [float(found.replace(",", "")) for found in re.findall(r"\d[\d,]*\.?\d*", re.sub(r"(\d),(?=\s)", r"\1 ", cell))]


def equal_discs(n: int) -> AnalysedImage:
    """So many discs of one size, none at the border."""
    y, x = np.mgrid[:120, :160]
    labels = np.zeros((120, 160), dtype=np.int32)
    for number in range(n):
        row, column = divmod(number, 6)
        labels[(y - 15 - 25 * row) ** 2 + (x - 15 - 25 * column) ** 2 <= 64] = number + 1
    return analysed_image(labels, calibrated=calibration(None, 2.0, None))


@pytest.fixture(scope="module")
def images() -> list[AnalysedImage]:
    return [
        drawn_image(
            "day 1/gold µ-αβ.tif", seed=1, n=40, metadata_nm_per_px=0.5, scale_bar_nm_per_px=0.505, sample="S1",
            fitness="doubtful", fitness_reasons=["Only 40 particles."], **{"metadata: batch": "B7"},
        ),
        drawn_image(f"{'very long name ' * 12}.tif", seed=2, n=40, fitness="fit", sample="S1", **{"metadata: batch": "B8"}),
        drawn_image("c.tif", seed=3, n=40, sample="S1", calibration_source="manual", fitness=None),
        drawn_image("no scale.tif", seed=4, n=40, nm_per_px=None),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def report(images: list[AnalysedImage], tmp_path_factory: pytest.TempPathFactory) -> Report:
    what = content(*images, left_out=[LeftOut("broken.tif", "The file is damaged.")], choices=ALL)
    return Report(what, tmp_path_factory.mktemp("report"))


def sizes_of(images: Sequence[AnalysedImage], column: str = "ecd_nm") -> np.ndarray:
    return np.concatenate([getattr(image.particles(), column) for image in images])


def test_sections_come_in_the_order_of_the_standards_and_are_bookmarks(report: Report) -> None:
    titles = [entry.title for entry in report.reader.outline]  # type: ignore[union-attr]
    assert titles == [
        *(f"{number}  {title}" for number, title in enumerate(SECTIONS, start=1)),
        "Micrographs with outlines",
        "Methods, as in all outputs",
    ]
    assert report.reader.metadata is not None
    assert report.reader.metadata.title == "Size distribution: Submission 12, gold"


def test_every_page_bears_the_title_and_its_number(report: Report) -> None:
    n_pages = len(report.reader.pages)
    assert n_pages > 3
    for position, page in enumerate(report.reader.pages, start=1):
        assert f"Page {position} of {n_pages}" in page.extract_text()
        assert page.extract_text().startswith("Submission 12, gold")
    assert report.progress == [1, 2, 3, 4]


def test_statistics_are_those_of_numpy(report: Report, images: list[AnalysedImage]) -> None:
    sizes = sizes_of(images[:3])
    by_number = [
        report.after(name, 1, DISTRIBUTIONS)[0] for name in ("Mean / nm", "SD / nm", "CV", "D10 / nm", "D50 / nm", "D90 / nm")
    ]
    mean, sd = sizes.mean(), sizes.std(ddof=1)
    expected = [mean, sd, 100 * sd / mean, *np.percentile(sizes, (10, 50, 90), method="hazen")]
    # Four digits, of the coefficient three.
    assert [numbers(cell)[0] for cell in by_number] == pytest.approx(expected, rel=2e-3)
    for cell in (by_number[0], *by_number[3:]):
        value, low, high = numbers(cell)
        assert low <= value <= high
    moments = [numbers(report.after(name, 2)[1])[0] for name in ("D[1,0] / nm", "D[3,2] / nm", "D[4,3] / nm")]
    ratios = [(sizes ** (k + 1)).sum() / (sizes**k).sum() for k in (0, 2, 3)]
    assert moments == pytest.approx(ratios, rel=1e-3)
    geometric, gsd = (numbers(report.after(name, 2)[1])[0] for name in ("Geometric mean / nm", "GSD"))
    assert (geometric, gsd) == pytest.approx((np.exp(np.log(sizes).mean()), np.exp(np.log(sizes).std(ddof=1))), rel=1e-3)


def test_shapes_are_medians_with_percentiles(report: Report, images: list[AnalysedImage]) -> None:
    found = [float(cell) for cell in report.after("circularity", 4)[1:]]
    expected = np.percentile(sizes_of(images[:3], "circularity"), (10, 50, 90), method="hazen")
    assert found == pytest.approx(expected, abs=6e-4)


def test_the_list_of_images_has_number_of_particles_median_and_verdict(report: Report, images: list[AnalysedImage]) -> None:
    row = report.after("day 1/gold µ-αβ.tif", 6)
    median = np.percentile(sizes_of(images[:1]), 50, method="hazen")
    assert row[:4] == ["320 × 220", "0.5", "40", "40"]
    assert float(row[4]) == pytest.approx(median, rel=1e-3)
    assert row[5] == "doubtful"
    assert "doubtful: Only 40 particles." in report.text
    assert "not judged: 1 image" in report.text


def test_origin_and_calibration_are_stated(report: Report) -> None:
    assert report.after("batch") == ["B7 (1 image); B8 (1 image); not recorded (1 image)"]
    assert report.after("Instrument", 3) == ["ZEISS Sigma 300", "Accelerating voltage", "5 kV"]
    assert "gave a pixel size; the two differ by 1.00 %" in report.text
    assert report.after("drawn 1", 2) == ["d" * 64, "3"]


def test_images_without_pixel_size_are_left_out_and_listed(report: Report) -> None:
    assert report.after("Particles counted")[0] == "120 of 120 in 3 images"
    start = report.lines.index("Why it was left out")
    assert report.lines[start + 1 : start + 5] == [
        "broken.tif", "The file is damaged.", "no scale.tif", "It has no pixel size.",
    ]  # fmt: skip


def test_decisions_by_hand_and_the_command_are_listed(report: Report) -> None:
    section = report.text[report.text.index("Corrections and decisions by hand") :]
    assert "c.tif stated or decided by a person for the image or submission 0.5" in section
    assert report.text.count(COMMAND) == 2, "in its section and in the methods"


def test_nothing_is_not_a_number(report: Report) -> None:
    assert not re.search(r"\b(nan|inf)\b", report.text, re.IGNORECASE)


def test_arrangement_screening_and_guidance_follow_from_the_particles(report: Report, images: list[AnalysedImage]) -> None:
    field_px = 3 * 320 * 220
    coverage = 100 * sizes_of(images[:3], "area_px").sum() / field_px
    assert numbers(report.after("Coverage")[0])[0] == pytest.approx(coverage, rel=5e-3)
    # Pixels of 0.5 nm.
    density = 120 / (field_px * 0.0005**2)
    assert numbers(report.after("Number density")[0])[0] == pytest.approx(density, rel=1e-3)
    feret = np.percentile(sizes_of(images[:3], "feret_min_nm"), 50, method="hazen")
    assert numbers(report.after("diameter, by number")[0])[0] == pytest.approx(feret, rel=1e-3)
    gsd = np.exp(np.log(sizes_of(images[:3])).std(ddof=1))
    needed = np.ceil((1.96 * np.log(gsd) / 0.05) ** 2)
    assert int(report.after("Geometric mean", 3)[1].replace(",", "")) == pytest.approx(needed, abs=1)


def test_parameters_of_the_analyses_are_stated(report: Report) -> None:
    assert report.after("Parameter min_confidence") == ["0.5"]
    assert report.after("Parameter nm_per_px") == ["not chosen"]


def test_screening_and_uncertainty_say_what_they_do_not_know(report: Report) -> None:
    assert report.after("Verdict") == ["nano"]
    assert "A projection does not show the thickness of plates" in report.text
    assert "the chance by which 3 images and the particles in them were taken" in report.text
    assert "below 8 px, which is 4.00 nm" in report.text


def test_the_same_content_gives_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    what = content(equal_discs(1))
    first, second = tmp_path / "first.pdf", tmp_path / "second.pdf"
    written("pdf", what, first)
    written("pdf", what, second)
    assert first.read_bytes() == second.read_bytes()
    assert "14 November 2023" in lines_of(pypdf.PdfReader(first))[3]


def test_without_particles_each_section_says_so(tmp_path: Path) -> None:
    empty = analysed_image(np.zeros((60, 90), dtype=np.int32))
    found = Report(content(empty), tmp_path)
    assert "No particle counts, so there is no distribution." in found.text
    assert "No fit (log-normal, normal, Weibull): 0 particles" in found.text
    assert "No particle counts, so there is no shape to describe." in found.text
    assert "There is no verdict: needs 2 particles." in found.text
    assert found.after("Median D50 by number") == ["no particle"]
    assert not re.search(r"\b(nan|inf)\b", found.text, re.IGNORECASE)


def test_one_particle_has_a_mean_and_no_spread(tmp_path: Path) -> None:
    found = Report(content(equal_discs(1)), tmp_path)
    assert found.after("SD / nm", 3) == ["needs 2 particles"] * 3
    assert found.after("GSD", 2)[1] == "needs 2 particles"
    assert "There are no confidence intervals: needs 2 particles." in found.text
    diameter = 2 * np.sqrt(4 * equal_discs(1).particles().area_px[0] / np.pi)
    assert numbers(found.after("D50 / nm", 1, DISTRIBUTIONS)[0]) == pytest.approx([diameter], rel=1e-3)


def test_equal_sizes_have_no_mode_and_no_fit(tmp_path: Path) -> None:
    found = Report(content(equal_discs(24)), tmp_path)
    assert found.after("Mode / nm", 3) == ["all sizes are equal"] * 3
    assert "No fit (log-normal, normal, Weibull): All sizes are equal." in found.text
    assert found.after("Skewness", 2)[1] == "all sizes are equal"


def test_without_any_pixel_size_the_report_is_in_px_and_says_so(tmp_path: Path) -> None:
    image = drawn_image(nm_per_px=None, n=40)
    found = Report(content(image, choices=ALL), tmp_path)
    assert all("sizes in pixels, no calibration" in page.extract_text() for page in found.reader.pages)
    assert "No image has a pixel size: all sizes are in pixels, not in nanometres." in found.text
    expected = np.percentile(image.particles().ecd_px, 50, method="hazen")
    assert numbers(found.after("D50 / px", 1, DISTRIBUTIONS)[0])[0] == pytest.approx(expected, rel=1e-3)
    assert "There is no verdict: without pixel sizes no diameter in nm is known." in found.text


def test_of_a_thousand_images_the_list_goes_over_pages_with_its_head_on_each(tmp_path: Path) -> None:
    labels = np.zeros((20, 20), dtype=np.int32)
    labels[5:15, 5:15] = 1
    one = analysed_image(labels, "x")
    named = [
        AnalysedImage(f"folder/image {i:04d}.tif", f"{i}", one.record, one.particles, one.labels, one.preview)
        for i in range(1000)
    ]
    selection = select(content(*named))
    found = find(selection, [read_sizes(image, selection, selection.content.choices) for image in named])
    ReportDocument(tmp_path / "list.pdf", "List", "List").write(origin.images(found))
    pages = [page.extract_text() for page in pypdf.PdfReader(tmp_path / "list.pdf").pages]
    assert all("Fit for sizing" in page for page in pages)
    assert [f"{i:04d}" for i in range(1000)] == re.findall(r"image (\d{4})\.tif", "".join(pages))


def test_a_cell_may_hold_more_than_a_page(tmp_path: Path) -> None:
    image = drawn_image(f"{'n' * 2000}.tif", n=25, **{"metadata: remark": "long " * 1500})
    found = Report(content(image), tmp_path)
    assert found.text.count("long long") == 750
    assert re.sub(r"\s", "", found.text).count("n" * 2000) >= 1


def test_label_maps_without_their_micrographs_are_reported_with_outlines_alone(tmp_path: Path) -> None:
    def no_picture() -> GreyImage:
        raise InputError("There is none.", code="no_micrograph")

    image = equal_discs(2)
    found = Report(content(replace(image, preview=no_picture)), tmp_path)
    assert "2 of 2 counted · no micrograph, outlines alone" in found.text


def test_signs_that_the_embedded_font_lacks_are_set_in_another_or_as_their_code() -> None:
    assert marked_up("a<b & µ α") == "a&lt;b &amp; µ α"
    assert marked_up("金.tif") == '<font name="STSong-Light">金</font>.tif'
    assert marked_up("日本の金") == '<font name="HeiseiKakuGo-W5">日本の金</font>'
    assert marked_up("한국") == '<font name="HYSMyeongJo-Medium">한국</font>'
    assert marked_up("a\U0001f9ea") == "a[U+1F9EA]"
    assert drawable("金 µ") == "[U+91D1] µ"
