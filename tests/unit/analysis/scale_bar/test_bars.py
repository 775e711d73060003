"""Bars drawn with known ends are found by their kind and measured to a fraction of a pixel."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.geometry import Box
from tests.unit.analysis.scale_bar.drawing import canvas
from worker.analysis.scale_bar.bars import find_bars, find_interrupted
from worker.analysis.scale_bar.rulers import find_rulers
from worker.analysis.scale_bar.strokes import ink_of

# Text of 16 px at (40, 20); its box as a text reader gives it, with a little margin.
TEXT = Box(18, 40, 38, 92)
# Edges of antialiased drawings are found by interpolation; a tenth of a pixel is far below what a bar's ends are good for.
EDGE_TOLERANCE_PX = 0.15


def drawn(tone: int = 255, ground: int = 0):
    picture = canvas(120, 400, ground)
    picture.text("1 um", 40, 20, 16, tone)
    return picture


@settings(max_examples=40, deadline=None)
@given(
    left=st.floats(20, 40),
    length=st.floats(40, 250),
    thickness=st.integers(3, 12),
    tones=st.sampled_from([(255, 0), (0, 255), (230, 60)]),
)
def test_a_block_is_measured_from_edge_to_edge_wherever_it_begins(left, length, thickness, tones) -> None:
    picture = drawn(*tones)
    picture.block(left, left + length, 50, 50 + thickness, tones[0])
    (bar,) = [bar for bar in find_bars(picture.pixels(), TEXT) if bar.y > 45]
    assert bar.kind == "solid"
    # Edges lie half a pixel outside the centres of the outermost whole pixels.
    assert bar.x0 == pytest.approx(left - 0.5, abs=EDGE_TOLERANCE_PX)
    assert bar.length_px == pytest.approx(length, abs=2 * EDGE_TOLERANCE_PX)
    assert bar.y == pytest.approx(50 + (thickness - 1) / 2, abs=0.5)


@settings(max_examples=40, deadline=None)
@given(
    left=st.integers(20, 40),
    length=st.integers(30, 250),
    line=st.integers(1, 3),
    tick=st.integers(1, 4),
    rise=st.integers(3, 8),
)
def test_a_line_with_ticks_is_measured_from_centre_to_centre_of_the_ticks(left, length, line, tick, rise) -> None:
    picture = drawn()
    picture.block(left, left + length, 60, 60 + line, 255)
    for end in (left, left + length - tick):
        picture.block(end, end + tick, 60 - rise, 60 + line + rise, 255)
    (bar,) = [bar for bar in find_bars(picture.pixels(), TEXT) if bar.y > 45]
    assert bar.kind == "ticks"
    assert bar.x0 == pytest.approx(left + (tick - 1) / 2, abs=EDGE_TOLERANCE_PX)
    assert bar.length_px == pytest.approx(length - tick, abs=2 * EDGE_TOLERANCE_PX)


def test_the_halves_of_an_interrupted_bar_count_as_one_and_never_alone() -> None:
    picture = canvas(60, 400)
    picture.text("5 um", 180, 20, 16, 255)
    for left, right in ((100, 170), (230, 300)):
        picture.block(left, right, 30, 32, 255)
    for end in (100, 299):
        picture.block(end, end + 1, 25, 37, 255)
    bars = [bar for bar in find_bars(picture.pixels(), Box(18, 40, 178, 222)) if bar.length_px > 40]
    assert [bar.kind for bar in bars] == ["split"]
    assert bars[0].length_px == pytest.approx(199, abs=0.3)


def test_a_line_of_one_pixel_beside_large_text_is_a_bar() -> None:
    """Thermo Fisher's at 1024 columns: capitals of 22 px, in a box of 35 rows, and a line of one."""
    picture = canvas(60, 500)
    picture.text("5 um", 200, 20, 26, 255)
    for left, right in ((100, 185), (295, 380)):
        picture.block(left, right, 33, 34, 255)
    for end in (100, 379):
        picture.block(end, end + 1, 26, 41, 255)
    bars = [bar for bar in find_bars(picture.pixels(), Box(16, 51, 198, 282)) if bar.length_px > 40]
    assert [bar.kind for bar in bars] == ["split"]
    assert bars[0].length_px == pytest.approx(279, abs=0.3)


def test_an_interrupted_bar_is_found_without_its_text() -> None:
    picture = canvas(60, 400)
    for left, right in ((100, 170), (230, 300)):
        picture.block(left, right, 30, 32, 255)
    for end in (100, 299):
        picture.block(end, end + 1, 25, 37, 255)
    found = find_interrupted(picture.pixels(), slice(0, 60))
    assert found
    assert all(bar.length_px == pytest.approx(199, abs=0.3) for bar, _ in found)
    assert all((gap.left, gap.right) == (170, 230) for _, gap in found)


def test_small_ticks_of_a_thick_line_are_ticks() -> None:
    """FEI draws a line of 3 px whose ticks rise one pixel, in the second column."""
    picture = canvas(60, 400)
    picture.text("5 um", 180, 20, 16, 255)
    for left, right, tick in ((100, 170, 101), (230, 300, 298)):
        picture.block(left, right, 30, 33, 255)
        picture.block(tick, tick + 1, 29, 34, 255)
    (bar,) = [bar for bar in find_bars(picture.pixels(), Box(18, 40, 178, 222)) if bar.length_px > 40]
    assert bar.length_px == pytest.approx(197, abs=0.3)


@pytest.mark.parametrize("hidden", [None, 5])
@pytest.mark.parametrize("spacing", [9, 20.25, 31])
def test_a_ruler_of_eleven_ticks_has_ten_intervals_even_if_one_is_hidden(spacing, hidden) -> None:
    picture = canvas(80, 420)
    for number in range(11):
        if number != hidden:
            left = 30 + number * spacing
            picture.block(left, left + 2, 20, 32 if number % 5 == 0 else 28, 255)
    right = 30 + 10 * spacing
    picture.text("500nm", round(right) - 45, 38, 16, 255)
    (ruler, *others) = find_rulers(picture.pixels(), Box(36, 58, round(right) - 47, round(right) + 8))
    assert ruler.length_px == pytest.approx(10 * spacing, abs=0.3)
    assert all(other.length_px == pytest.approx(ruler.length_px, abs=0.3) for other in others)


@pytest.mark.parametrize("n_ticks", [8, 10, 12, 21])
def test_any_other_number_of_ticks_is_no_ruler(n_ticks) -> None:
    picture = canvas(80, 420)
    for number in range(n_ticks):
        picture.block(30 + 16 * number, 32 + 16 * number, 20, 28, 255)
    picture.text("500nm", 140, 38, 16, 255)
    assert find_rulers(picture.pixels(), Box(36, 58, 138, 195)) == []


def test_a_bar_that_runs_out_of_the_picture_is_none() -> None:
    picture = drawn()
    picture.block(250, 400, 50, 56, 255)
    assert [bar for bar in find_bars(picture.pixels(), TEXT) if bar.length_px > 60] == []


def test_a_line_across_the_picture_is_a_frame() -> None:
    picture = drawn()
    picture.block(5, 395, 50, 52, 255)
    assert [bar for bar in find_bars(picture.pixels(), TEXT) if bar.length_px > 60] == []


def test_fields_of_a_dashed_bar_are_no_bars() -> None:
    picture = drawn()
    for left in (40, 100, 160):
        picture.block(left, left + 30, 50, 56, 255)
    assert [bar for bar in find_bars(picture.pixels(), TEXT) if bar.y > 45] == []


def test_a_bar_in_a_picture_of_noise_is_found_and_the_noise_is_not() -> None:
    picture = drawn(255, 90)
    picture.block(40, 160, 50, 56, 255)
    pixels = picture.pixels()
    grain = np.random.default_rng(3).normal(0, 12, pixels.shape)
    noisy = np.where(pixels == 90, np.clip(90 + grain, 0, 255), pixels).astype(np.uint8)
    (bar,) = [bar for bar in find_bars(noisy, TEXT) if bar.length_px > 20]
    assert bar.length_px == pytest.approx(120, abs=0.5)


@pytest.mark.parametrize(("tone", "ground"), [(255, 0), (0, 255), (200, 120), (40, 128)])
def test_the_tones_of_a_text_are_those_it_was_written_in(tone, ground) -> None:
    ink = ink_of(drawn(tone, ground).pixels(), TEXT)
    # A quarter of the letters' pixels is darker than the rest, blurred at the edges.
    assert ink.tone == pytest.approx(tone, abs=0.25 * abs(tone - ground))
    assert ink.ground == ground


def test_the_image_is_not_changed() -> None:
    picture = drawn()
    picture.block(40, 160, 50, 56, 255)
    pixels = picture.pixels()
    before = pixels.copy()
    find_bars(pixels, TEXT)
    find_rulers(pixels, TEXT)
    assert (pixels == before).all()
