"""Grey values of every depth come out on one scale."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from worker.analysis.normalisation import to_unit_range

RAMP = np.linspace(0, 1, 256 * 64).reshape(256, 64)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_a_constant_image_becomes_zeros_at_every_depth(dtype):
    assert not to_unit_range(np.full((5, 7), 37, dtype=dtype)).any()


def test_one_pixel_is_a_constant_image():
    assert to_unit_range(np.full((1, 1), 9, np.uint8)).tolist() == [[0.0]]


def test_sixteen_bits_keep_steps_that_eight_bits_would_lose():
    faint = (30000 + np.arange(1000).reshape(20, 50)).astype(np.uint16)
    assert len(np.unique(to_unit_range(faint))) > 990


def test_one_hot_pixel_does_not_darken_the_picture():
    pixels = np.rint(RAMP * 1000).astype(np.uint16)
    hot = pixels.copy()
    hot[3, 3] = 65535
    clean, burnt = to_unit_range(pixels), to_unit_range(hot)
    # One pixel of 16,384 moves a percentile by at most one grey level of 1000.
    assert np.abs(np.delete(clean.ravel(), 3 * 64 + 3) - np.delete(burnt.ravel(), 3 * 64 + 3)).max() < 2e-3


def test_a_few_bright_pixels_on_a_constant_ground_stay_visible():
    pixels = np.zeros((100, 100), np.uint8)
    pixels[4, 4:7] = 200
    assert to_unit_range(pixels)[4, 5] == 1.0


def test_a_constant_picture_with_dead_pixels_stays_zero():
    pixels = np.full((8, 8), 5.0, np.float32)
    pixels[0, 0] = np.nan
    assert not to_unit_range(pixels).any()


def test_infinite_and_missing_values_become_zero():
    pixels = RAMP.astype(np.float32)
    pixels[0, :3] = [np.nan, np.inf, -np.inf]
    assert to_unit_range(pixels)[0, :3].tolist() == [0.0, 0.0, 0.0]


@given(gain=st.integers(1, 200), offset=st.integers(0, 10000))
def test_gain_and_offset_of_the_detector_change_nothing(gain, offset):
    pixels = np.rint(RAMP * 255).astype(np.uint16)
    # Equal up to the rounding of float32.
    np.testing.assert_allclose(to_unit_range(pixels * np.uint16(gain) + np.uint16(offset)), to_unit_range(pixels), atol=1e-6)


@given(arrays(np.float32, (6, 5), elements=st.floats(width=32, allow_nan=True, allow_infinity=True)))
def test_values_lie_in_zero_to_one_and_the_argument_is_untouched(pixels):
    before = pixels.copy()
    unit = to_unit_range(pixels)
    assert unit.dtype == np.float32
    assert unit.min() >= 0
    assert unit.max() <= 1
    np.testing.assert_array_equal(pixels, before)


@pytest.mark.shared_data
def test_a_real_sixteen_bit_micrograph_uses_the_whole_range(shared_data):
    pixels = cv2.imread(str(shared_data / "banners" / "Tescan_1.TIF"), cv2.IMREAD_ANYDEPTH)
    assert pixels.dtype == np.uint16
    unit = to_unit_range(pixels)
    assert unit.min() == 0
    assert unit.max() == 1
    assert len(np.unique(unit)) > 256 or len(np.unique(pixels)) <= 256
