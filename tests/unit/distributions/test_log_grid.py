"""The grid of the stored histograms."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.distributions import log_grid


def test_the_grid_goes_from_a_tenth_of_a_nanometre_to_a_millimetre() -> None:
    assert (log_grid.EDGES_NM[0], log_grid.EDGES_NM[-1], log_grid.N_BINS) == (0.1, 1e6, 700)
    assert log_grid.bins_of(np.array([0.01, 0.1, 1.0, 10.0, 9.999, 1e6, 1e9])).tolist() == [0, 0, 100, 200, 199, 699, 699]


@given(mu=st.floats(0, 10), sigma=st.floats(0.05, 1), seed=st.integers(0, 2**16))
def test_the_median_of_summed_histograms_is_near_the_exact_one(mu: float, sigma: float, seed: int) -> None:
    images = [np.exp(np.random.default_rng((seed, number)).normal(mu, sigma, 400)) for number in range(5)]
    summed = sum(log_grid.histogram(sizes, np.ones(len(sizes))) for sizes in images)
    assert isinstance(summed, np.ndarray)
    assert summed.sum() == 2000
    for percent in (10.0, 50.0, 90.0):
        exact = np.percentile(np.concatenate(images), percent)
        assert log_grid.percentile(summed, percent) == pytest.approx(exact, rel=0.012)


def test_an_empty_histogram_has_no_median() -> None:
    assert log_grid.percentile(np.zeros(log_grid.N_BINS), 50) is None
