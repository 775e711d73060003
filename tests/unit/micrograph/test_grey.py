"""Colour is told from grey that was stored in colour, and said in words that fit."""

import cv2
import numpy as np
import pytest

from worker.micrograph.grey import coloured_share, to_grey

ROWS, COLUMNS = 120, 200


def grey_in_colour():
    """A grey micrograph with its value in all three channels."""
    grey = np.random.default_rng(4).normal(120, 25, (ROWS, COLUMNS))
    return np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def with_red_rows(rows):
    image = grey_in_colour()
    image[:rows] = (200, 40, 40)
    return image


@pytest.mark.parametrize("rows", [0, 6, 60, 120])
def test_the_coloured_share_is_the_share_of_coloured_pixels(rows):
    assert coloured_share(with_red_rows(rows)) == rows / ROWS


@pytest.mark.parametrize("scale", [1, 16, 257])
def test_depth_does_not_change_the_coloured_share(scale):
    deep = with_red_rows(30).astype(np.uint16) * scale
    assert coloured_share(deep) == 0.25
    assert coloured_share(deep.astype(np.float32) / 7) == 0.25


def test_transparency_is_no_colour():
    opaque = np.full((ROWS, COLUMNS, 1), 255, np.uint8)
    assert coloured_share(np.concatenate([grey_in_colour() // 4, opaque], axis=2)) == 0


def test_a_black_image_in_colour_has_no_warning():
    assert to_grey(np.zeros((4, 5, 3), np.uint8))[1] == ()


def test_grey_stored_in_colour_loses_nothing_and_is_not_warned_of():
    pixels, warnings = to_grey(grey_in_colour())
    np.testing.assert_array_equal(pixels, grey_in_colour()[..., 0])
    assert warnings == ()


def test_a_grey_jpeg_in_colour_is_called_grey():
    _, coded = cv2.imencode(".jpg", grey_in_colour() + np.uint8([0, 1, 2]), [cv2.IMWRITE_JPEG_QUALITY, 70])
    _, warnings = to_grey(np.ascontiguousarray(cv2.imdecode(coded, cv2.IMREAD_COLOR)[..., ::-1]))
    assert len(warnings) == 1
    assert "stored in colour but is grey" in warnings[0]


def test_coloured_annotations_do_not_make_a_photograph():
    _, warnings = to_grey(with_red_rows(6))
    assert len(warnings) == 1
    assert "stored in colour but is grey (5.0% of its pixels" in warnings[0]


@pytest.mark.parametrize(("rows", "said"), [(30, "25% of its pixels"), (120, "100% of its pixels")])
def test_a_photograph_and_false_colour_are_called_so(rows, said):
    pixels, warnings = to_grey(with_red_rows(rows))
    assert len(warnings) == 1
    assert "colour photograph or a false-colour picture" in warnings[0]
    assert said in warnings[0]
    # 0.299 * 200 + 0.587 * 40 + 0.114 * 40 = 87.84
    assert (pixels[:rows] == 88).all()


def test_a_tinted_micrograph_is_false_colour():
    tinted = (grey_in_colour() * np.array([1.0, 0.8, 0.6])).astype(np.uint8)
    assert coloured_share(tinted) > 0.9
    assert "false-colour" in to_grey(tinted)[1][0]


@pytest.mark.filterwarnings("error")
def test_values_that_are_not_finite_do_not_disturb():
    image = with_red_rows(30).astype(np.float32)
    image[0, 0] = np.nan
    assert coloured_share(image) == 0
