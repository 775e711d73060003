"""Pixels that are not square become square: areas and mean grey values stay, the columns too."""

import numpy as np
import pytest

from shared.errors import InputError
from worker.micrograph.resampling import to_square_pixels


@pytest.mark.parametrize(("aspect", "rows"), [(0.5, 10), (0.3, 6), (2.0, 40), (1.25, 25)])
def test_rows_are_resampled_and_a_gradient_stays_a_gradient(aspect, rows) -> None:
    gradient = np.repeat(np.arange(20, dtype=np.float32)[:, None], 7, axis=1)
    squared = to_square_pixels(gradient, aspect)
    assert squared.shape == (rows, 7)
    assert squared.dtype == np.float32
    # The mean over [i / aspect, (i + 1) / aspect) of a staircase whose step j has the value j.
    edges = np.arange(rows + 1) / aspect
    integral = np.interp(edges, np.arange(21), np.concatenate(([0], np.cumsum(np.arange(20)))))
    np.testing.assert_allclose(squared[:, 0], np.diff(integral) * aspect, rtol=1e-6)


def test_the_mean_grey_value_stays() -> None:
    pixels = np.random.default_rng(1).integers(0, 65535, (40, 30), dtype=np.uint16)
    squared = to_square_pixels(pixels, 0.25)
    assert squared.dtype == np.uint16
    assert squared.mean() == pytest.approx(pixels.mean(), abs=0.5)  # rounding to whole values


@pytest.mark.parametrize("aspect", [0.01, 50.0, float("inf")])
def test_pixels_too_unequal_are_refused(aspect) -> None:
    with pytest.raises(InputError) as caught:
        to_square_pixels(np.zeros((100, 100), np.uint8), aspect)
    assert caught.value.code == "non_square_pixels"
