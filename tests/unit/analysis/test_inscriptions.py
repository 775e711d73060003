"""What is written on a micrograph, by the real text reader: banner, scale bar, annotations, and the pixel size that follows."""

import csv
from dataclasses import replace

import numpy as np
import pytest

from shared.domain import Calibration, Metadata, Micrograph
from tests.unit.analysis.scale_bar.drawing import canvas, specimen
from worker.analysis.inscriptions import calibrate, read_inscriptions
from worker.micrograph.sandbox import Decoder
from worker.text_reader import RapidTextReader


@pytest.fixture(scope="module")
def reader() -> RapidTextReader:
    return RapidTextReader()


def with_banner(draw, *, rows: int = 480, columns: int = 640, ground: int = 0, banner_rows: int = 48) -> Micrograph:
    """A grainy picture above a banner on which ``draw`` writes."""
    strip = canvas(banner_rows, columns, ground)
    draw(strip)
    pixels = np.vstack([specimen(rows - banner_rows, columns), strip.pixels()])
    return Micrograph(pixels, "TIFF")


def zeiss(strip) -> None:
    strip.text("200 nm", 30, 6, 14, 255)
    strip.block(30, 130, 36, 37, 255)
    for end in (30, 129):
        strip.block(end, end + 1, 30, 43, 255)
    strip.text("WD = 5.2 mm", 260, 6, 14, 255)
    strip.text("EHT = 5.00 kV", 260, 26, 14, 255)
    strip.text("Mag = 50.00 K X", 450, 6, 14, 255)


def hitachi(strip) -> None:
    for number in range(11):
        strip.block(400 + 20 * number, 402 + 20 * number, 2, 14 if number % 5 == 0 else 9, 255)
    strip.text("SU8010 5.0kV 8.2mm x25.0k SE(M)", 20, 20, 17, 255)
    strip.text("2.00um", 540, 20, 17, 255)


def fei(strip) -> None:
    strip.text("HV", 20, 3, 13, 255)
    strip.text("5.00 kV", 10, 22, 13, 255)
    strip.text("HFW", 120, 3, 13, 255)
    strip.text("13.4 um", 110, 22, 13, 255)
    for left, right in ((300, 390), (450, 540)):
        strip.block(left, right, 20, 22, 255)
    for end in (300, 539):
        strip.block(end, end + 1, 15, 27, 255)
    strip.text("5 um", 396, 12, 15, 255)


def jeol(strip) -> None:
    strip.block(330, 432, 6, 20, 255)
    strip.text("10um", 480, 4, 17, 255)
    strip.text("X 1,000", 200, 26, 17, 255)
    strip.text("15.0kV SEI", 330, 26, 17, 255)
    strip.text("WD 10.5mm", 500, 26, 17, 255)


@pytest.mark.parametrize(
    ("draw", "value_nm", "length_px"), [(zeiss, 200, 99), (hitachi, 2000, 200), (fei, 5000, 239), (jeol, 10_000, 102)]
)
def test_the_bar_of_every_maker_is_read_between_the_other_lengths_of_its_banner(reader, draw, value_nm, length_px) -> None:
    written = read_inscriptions(with_banner(draw), reader)
    assert written.scale_bar is not None
    assert written.scale_bar.value_nm == value_nm
    assert written.scale_bar.length_px == pytest.approx(length_px, abs=0.5)
    assert written.banner is not None
    # What the banner holds is outside the field already.
    assert written.annotations == ()


def test_a_banner_without_a_bar_gives_no_scale_whatever_lengths_it_names(reader) -> None:
    def lengths(strip) -> None:
        strip.text("WD 8.6 mm", 20, 6, 15, 255)
        strip.text("HFW 592 nm", 200, 6, 15, 255)
        strip.text("20.0 um", 400, 6, 15, 255)
        strip.text("30.00 kV", 20, 27, 15, 255)

    assert read_inscriptions(with_banner(lengths), reader).scale_bar is None


def burnt_in(words: str = "100 nm", bar: tuple[int, int] = (400, 520), tone: int = 255) -> Micrograph:
    """A picture with a text and a bar drawn on the specimen."""
    drawing = canvas(480, 640, 128)
    drawing.text(words, 410, 400, 30, tone)
    drawing.block(*bar, 445, 455, tone)
    overlay = drawing.pixels()
    return Micrograph(np.where(overlay == 128, specimen(480, 640), overlay), "PNG")


@pytest.mark.parametrize("tone", [0, 255])
def test_text_and_bar_on_the_specimen_are_read_and_left_out(reader, tone) -> None:
    written = read_inscriptions(burnt_in(tone=tone), reader)
    assert written.banner is None
    assert written.scale_bar is not None
    assert written.scale_bar.nm_per_px == pytest.approx(100 / 120, rel=5e-3)
    covered = np.zeros((480, 640), bool)
    for box in written.annotations:
        covered[box.slices] = True
    assert covered[445:455, 400:520].all()
    letters = np.abs(burnt_in(tone=tone).pixels.astype(int) - tone) < 5
    assert covered[400:440][letters[400:440]].mean() > 0.99
    # The rest of the picture stays.
    assert covered.mean() < 0.06


def test_a_bar_cut_by_the_edge_of_the_picture_gives_no_scale(reader) -> None:
    assert read_inscriptions(burnt_in(bar=(520, 640)), reader).scale_bar is None


def test_two_bars_that_contradict_each_other_give_none_and_say_so(reader) -> None:
    first = burnt_in().pixels
    drawing = canvas(480, 640, 128)
    drawing.text("100 nm", 50, 50, 30, 255)
    drawing.block(50, 250, 95, 105, 255)
    overlay = drawing.pixels()
    written = read_inscriptions(Micrograph(np.where(overlay == 128, first, overlay), "PNG"), reader)
    assert written.scale_bar is None
    assert any("contradict each other" in warning for warning in written.warnings)


@pytest.mark.parametrize(("field", "is_read"), [("HFW 13.3 um", True), ("HFW 26.6 um", False), ("View field: 133 um", False)])
def test_a_bar_that_contradicts_the_stated_field_gives_none_and_says_so(reader, field, is_read) -> None:
    def stated(strip) -> None:
        strip.text("2 um", 30, 6, 14, 255)
        strip.block(30, 127, 36, 37, 255)
        for end in (30, 126):
            strip.block(end, end + 1, 30, 43, 255)
        strip.text(field, 260, 6, 16, 255)

    # 2 µm over 96 px are 13.3 µm over 640.
    written = read_inscriptions(with_banner(stated), reader)
    assert (written.scale_bar is not None) == is_read
    assert any("width of the field" in warning for warning in written.warnings) != is_read


def test_a_bar_whose_end_is_hidden_is_marked_but_not_read_and_contradicts_another(reader) -> None:
    pixels = burnt_in().pixels.copy()
    pixels[425:475, 500:540] = 30
    hidden = read_inscriptions(Micrograph(pixels, "PNG"), reader)
    assert hidden.scale_bar is None
    assert any("cannot be seen" in warning for warning in hidden.warnings)
    assert any(box.top <= 445 and box.bottom >= 455 and box.left <= 400 for box in hidden.annotations)
    drawing = canvas(480, 640, 128)
    drawing.text("100 nm", 50, 50, 30, 255)
    drawing.block(50, 250, 95, 105, 255)
    overlay = drawing.pixels()
    both = read_inscriptions(Micrograph(np.where(overlay == 128, pixels, overlay), "PNG"), reader)
    assert both.scale_bar is None
    assert any("contradict each other" in warning for warning in both.warnings)


def test_a_text_that_may_have_lost_a_figure_at_the_edge_is_not_read(reader) -> None:
    whole = burnt_in("520 nm").pixels
    assert read_inscriptions(Micrograph(np.ascontiguousarray(whole[:, 430:]), "PNG"), reader).scale_bar is None


def test_particles_are_not_taken_for_letters(reader) -> None:
    picture = specimen(480, 640).astype(np.int64)
    y, x = np.mgrid[:480, :640]
    for row in range(60, 480, 90):
        for column in range(60, 640, 90):
            picture[(y - row) ** 2 + (x - column) ** 2 < 30**2] = 200
    assert read_inscriptions(Micrograph(picture.astype(np.uint8), "PNG"), reader).annotations == ()


def test_a_figure_of_several_panels_has_no_one_scale(reader) -> None:
    gutter = np.full((480, 12), 255, np.uint8)
    figure = np.hstack([burnt_in().pixels, gutter, specimen(480, 640, seed=5)])
    written = read_inscriptions(Micrograph(figure, "PNG"), reader)
    assert written.scale_bar is None
    assert any("figure of 2 panels" in warning for warning in written.warnings)


def test_16_bit_pictures_are_read_alike(reader) -> None:
    eight = burnt_in()
    deep = replace(eight, pixels=eight.pixels.astype(np.uint16) * 150 + 4000)
    bar = read_inscriptions(deep, reader).scale_bar
    assert bar is not None
    assert bar.nm_per_px == pytest.approx(100 / 120, rel=5e-3)


@pytest.mark.parametrize("shape", [(1, 1), (1, 400), (16, 16), (31, 500), (32, 32), (33, 700), (700, 33), (64, 64), (40, 41)])
@pytest.mark.parametrize("fill", ["noise", "black", "white", "stripes"])
def test_pictures_of_any_shape_are_read_without_a_scale(reader, shape, fill) -> None:
    pixels = specimen(*shape)
    if fill == "stripes":
        pixels[:, ::4] = 255
    elif fill != "noise":
        pixels[:] = 255 if fill == "white" else 0
    written = read_inscriptions(Micrograph(pixels, "PNG"), reader)
    assert written.scale_bar is None
    assert all(box.area_px > 0 for box in written.annotations)


@pytest.mark.shared_data
def test_every_file_of_an_instrument_is_read_and_none_contradicts_itself(reader, shared_data) -> None:
    """The bar of a file whose pixel size is known agrees with it, wherever one is read."""
    with Decoder() as decoder, (shared_data / "vendor" / "manifest.csv").open(encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            if row["file"].endswith(".hdr"):
                continue
            micrograph = decoder.inspect(shared_data / row["file"])
            bar = read_inscriptions(micrograph, reader).scale_bar
            if bar is not None:
                assert bar.nm_per_px == pytest.approx(float(row["pixel_size_nm"]), rel=0.02), row["file"]


def test_without_a_reader_the_banner_is_found_and_nothing_is_read() -> None:
    written = read_inscriptions(with_banner(zeiss), None)
    assert written.banner is not None
    assert written.field.bottom == written.banner.top
    assert (written.scale_bar, written.annotations) == (None, ())


def test_a_person_is_believed_before_the_file_and_the_file_is_compared_with_the_bar(reader) -> None:
    micrograph = burnt_in()
    bar = read_inscriptions(micrograph, reader).scale_bar
    assert bar is not None
    stated = replace(micrograph, metadata=Metadata(nm_per_px=0.833))
    assert calibrate(micrograph, None, None) == Calibration.missing()
    assert calibrate(micrograph, bar, None) == Calibration(bar.nm_per_px, "scale_bar", "ok")
    assert calibrate(stated, bar, None) == Calibration(0.833, "metadata", "ok")
    assert calibrate(replace(micrograph, metadata=Metadata(nm_per_px=8.33)), bar, None) == Calibration.conflict()
    assert calibrate(stated, bar, 4.0) == Calibration.manual(4.0)
