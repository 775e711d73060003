"""Lines beside a length that are no scale bar, drawn: none of them is found as one; bars that look alike still are."""

import numpy as np
import pytest

from shared.geometry import Box
from tests.unit.analysis.scale_bar.drawing import Canvas, canvas
from worker.analysis.scale_bar.bars import find_bars
from worker.analysis.scale_bar.belonging import belonging
from worker.analysis.scale_bar.decoys import is_underline
from worker.analysis.scale_bar.strokes import ink_of

# Text of 16 px at (100, 40); its box as a text reader gives it.
TEXT = Box(38, 60, 98, 152)


def written(ground: int = 0) -> Canvas:
    picture = canvas(200, 500, ground)
    picture.text("1 um", 100, 40, 16, 255)
    return picture


def bars_of(picture: Canvas, text: Box = TEXT) -> list[float]:
    """Lengths of everything that may be the text's bar."""
    pixels = picture.pixels()
    ink = ink_of(pixels, text)
    bars = [bar for bar in find_bars(pixels, text) if not bar.is_doubtful]
    return [bar.length_px for bar in bars if belonging(bar, text, ink) > 0.5]


def framed(picture: Canvas, left: float, right: float, top: float, bottom: float) -> None:
    for y in (top, bottom):
        picture.block(left, right, y, y + 2, 255)
    for x in (left, right - 2):
        picture.block(x, x + 2, top, bottom + 2, 255)


@pytest.mark.parametrize("pad", [4, 12, 20])
def test_a_frame_around_a_text_is_no_bar(pad) -> None:
    picture = written()
    framed(picture, 98 - pad, 152 + pad, 38 - pad, 60 + pad)
    assert bars_of(picture) == []


def test_the_edge_of_an_inset_is_no_bar() -> None:
    picture = written()
    framed(picture, 60, 300, 70, 180)
    assert bars_of(picture) == []


def test_a_cell_of_two_lines_is_no_bar() -> None:
    picture = written()
    picture.text("Aperture", 100, 14, 16, 255)
    picture.block(90, 230, 66, 68, 255)
    for x in (90, 228):
        picture.block(x, x + 2, 8, 68, 255)
    assert bars_of(picture) == []


def test_a_low_cell_around_one_line_is_no_bar() -> None:
    """Its walls are no taller than ticks may be elsewhere, but rise beyond the text between them."""
    picture = written()
    picture.block(90, 230, 62, 64, 255)
    for x in (90, 228):
        picture.block(x, x + 2, 28, 64, 255)
    assert bars_of(picture) == []


def test_a_bracket_around_one_line_is_a_bar() -> None:
    """TESCAN's: the ticks end level with the text between them."""
    picture = written()
    picture.block(60, 200, 66, 68, 255)
    for x in (60, 198):
        picture.block(x, x + 2, 38, 68, 255)
    assert bars_of(picture) == [pytest.approx(138, abs=0.3)]


def test_the_white_ground_between_the_ticks_of_a_black_bracket_is_no_frame() -> None:
    picture = canvas(200, 500, 255)
    picture.text("1 um", 100, 40, 16, 0)
    picture.block(60, 200, 66, 68, 0)
    for x in (60, 198):
        picture.block(x, x + 2, 38, 68, 0)
    assert bars_of(picture) == [pytest.approx(138, abs=0.3)]


def test_two_lines_above_and_below_a_text_bound_a_layer() -> None:
    picture = written()
    for y in (20, 75):
        picture.block(90, 250, y, y + 3, 255)
    assert bars_of(picture) == []


@pytest.mark.parametrize("turned", [False, True])
def test_an_arrow_is_no_bar(turned) -> None:
    picture = written()
    picture.block(90, 190, 69, 73, 255)
    for step in range(1, 12):
        x = 90 + step if turned else 189 - step
        picture.block(x, x + 1, 71 - step * 0.7, 71 + step * 0.7, 255)
    assert bars_of(picture) == []


@pytest.mark.parametrize("tone", [110, 200])
def test_a_bar_that_ends_at_a_particle_may_go_on_behind_it(tone) -> None:
    picture = written()
    picture.block(90, 190, 68, 74, 255)
    picture.block(190, 220, 56, 86, tone)
    assert bars_of(picture) == []


def test_a_bar_over_a_ground_that_changes_along_it_is_read() -> None:
    picture = canvas(200, 500)
    picture.block(180, 500, 0, 200, 70)
    picture.text("1 um", 100, 40, 16, 255)
    picture.block(90, 240, 68, 74, 255)
    assert bars_of(picture) == [pytest.approx(150, abs=0.3)]


def test_a_bar_beside_a_text_lies_on_its_rows() -> None:
    level, lower = written(), written()
    level.block(220, 320, 44, 54, 255)
    lower.block(220, 320, 64, 74, 255)
    assert bars_of(level) == [pytest.approx(100, abs=0.3)]
    assert bars_of(lower) == []


def test_an_underline_ends_with_its_line_of_text() -> None:
    line, part = Box(38, 60, 98, 300), Box(38, 60, 200, 300)
    assert is_underline(100, 297, part, line)
    assert not is_underline(100, 200, part, line)
    # A text that is a length and nothing else may have a bar of its own length.
    assert not is_underline(100, 297, line, line)


def test_noise_behind_an_end_hides_nothing() -> None:
    picture = canvas(200, 500, 120)
    picture.text("1 um", 100, 40, 16, 60)
    picture.block(90, 240, 68, 74, 60)
    pixels = picture.pixels().astype(np.float64)
    noisy = pixels + np.where(pixels == 120, np.random.default_rng(5).normal(0, 10, pixels.shape), 0)
    lengths = [bar.length_px for bar in find_bars(np.clip(noisy, 0, 255).astype(np.uint8), TEXT) if bar.length_px > 60]
    assert lengths == [pytest.approx(150, abs=1)]
