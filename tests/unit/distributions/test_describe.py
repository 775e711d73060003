"""What is shown of a sample: bins that hold every particle once, shares of the whole, and curves that lie over them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.distributions.describe import MOST_BINS, MOST_POINTS, FittedCurve, Look, describe
from shared.distributions.fits import FAMILIES, NoFit
from shared.distributions.sample import Sample
from shared.distributions.summary import POWERS, Weighting

SIZES = st.lists(st.floats(1e-3, 1e6), min_size=1, max_size=40)


def lognormal(n: int = 4000, median: float = 50.0, gsd: float = 1.5) -> Sample:
    return Sample.of(np.random.default_rng(7).lognormal(np.log(median), np.log(gsd), n))


@given(sizes=SIZES, weighting=st.sampled_from(list(POWERS)), n_bins=st.none() | st.integers(1, 500), is_log=st.booleans())
def test_bins_hold_every_particle_once_and_all_of_the_weight(
    sizes: list[float], weighting: Weighting, n_bins: int | None, is_log: bool
) -> None:
    found = describe(Sample.of(np.array(sizes)), Look(weighting, n_bins, is_log)).bins
    assert found.counts.sum() == len(sizes)
    assert found.shares.sum() == pytest.approx(1)
    assert (np.diff(found.edges) > 0).all()
    assert len(found.counts) == (n_bins or len(found.counts)) <= MOST_BINS


@pytest.mark.parametrize(
    "values", [[1.0] * 7, [1.0 - 2**-53, 1.0] * 9, [0.0, 0.0], [1e15, 1e15 + 1], [0.9] * 50 + [0.9 + 1e-15]]
)
@pytest.mark.parametrize("n_bins", [None, 1, 30, 500])
def test_values_that_differ_by_rounding_only_are_one_value(values: list[float], n_bins: int | None) -> None:
    found = describe(Sample.of(np.array(values)), Look(n_bins=n_bins)).bins
    assert len(found.counts) == (n_bins or 1)
    assert sorted(found.counts) == [0] * (len(found.counts) - 1) + [len(values)]
    assert (np.diff(found.edges) > 0).all()


def test_bins_are_of_equal_width_or_of_equal_ratio() -> None:
    linear = describe(lognormal(), Look(n_bins=10)).bins.edges
    assert np.diff(linear) == pytest.approx(np.full(10, np.diff(linear)[0]))
    ratio = describe(lognormal(), Look(n_bins=10, is_log_axis=True)).bins.edges
    assert ratio[1:] / ratio[:-1] == pytest.approx(np.full(10, ratio[1] / ratio[0]))


def test_the_cumulative_curve_rises_to_one_and_is_thinned_where_sizes_are_many() -> None:
    few, many = (describe(lognormal(n), Look("volume")).cumulative for n in (10, 20_000))
    assert (len(few.sizes), MOST_POINTS // 2 < len(many.sizes) <= MOST_POINTS) == (10, True)
    # No part of the volume is jumped over, however few its particles are.
    assert np.diff(many.shares).max() < 0.02
    for curve in (few, many):
        assert (np.diff(curve.shares) > 0).all()
        assert 0 < curve.shares[0] < curve.shares[-1] < 1
    d50 = describe(lognormal(20_000), Look("volume")).summary.d50
    assert np.interp(0.5, many.shares, many.sizes) == pytest.approx(d50, rel=0.01)


@pytest.mark.parametrize("weighting", POWERS)
@pytest.mark.parametrize("is_log", [False, True])
@pytest.mark.parametrize("cut", [0.0, 35.0])
def test_a_fitted_curve_lies_over_the_bins_in_every_weighting(weighting: Weighting, is_log: bool, cut: float) -> None:
    found = describe(lognormal(40_000), Look(weighting, 40, is_log, ("lognormal",), truncated_at=cut))
    (fitted,) = found.fits
    assert isinstance(fitted, FittedCurve)
    edges = found.bins.edges
    middles = np.sqrt(edges[:-1] * edges[1:]) if is_log else (edges[:-1] + edges[1:]) / 2
    expected = np.interp(middles, fitted.curve.sizes, fitted.curve.shares)
    kept = middles > cut + np.diff(edges)[0] * 2
    assert np.abs(expected - found.bins.shares)[kept].max() < 0.15 * found.bins.shares.max()
    assert (expected[edges[1:] < cut] == 0).all()


def test_families_that_cannot_be_fitted_say_why() -> None:
    found = describe(lognormal(5), Look(families=FAMILIES))
    assert [fitted.family for fitted in found.fits] == list(FAMILIES)
    assert all(isinstance(fitted, NoFit) and "5 particles" in fitted.reason for fitted in found.fits)


def test_without_particles_there_is_nothing_to_show_and_nothing_fails() -> None:
    found = describe(Sample.of(np.empty(0)), Look("area", None, True, FAMILIES, True))
    assert (found.n_counted, len(found.bins.counts), len(found.cumulative.sizes), found.intervals) == (0, 0, 0, None)
    assert found.summary.d50 is None


@pytest.mark.parametrize("look", [Look("area"), Look(is_log_axis=True), Look(families=("normal",)), Look(with_intervals=True)])
def test_what_is_defined_above_zero_only_is_refused_for_other_quantities(look: Look) -> None:
    with pytest.raises(ValueError, match="defined above 0"):
        describe(Sample.of(np.array([-5.0, 3.0, 4.0])), look)


def test_quantities_of_any_sign_are_described_by_number() -> None:
    found = describe(Sample.of(np.array([-80.0, -10.0, 30.0, 60.0])), Look())
    assert found.summary.mean == 0
    assert (found.summary.cv, found.moments) == (None, None)
    assert found.bins.counts.sum() == 4


@pytest.mark.parametrize("truncated_at", [0.0, 45.0])
def test_a_fitted_curve_adds_up_to_its_own_cumulative_curve(truncated_at: float) -> None:
    sample = lognormal()
    (found,) = describe(sample, Look(families=("lognormal",), truncated_at=truncated_at)).fits
    assert isinstance(found, FittedCurve)
    sizes, shares = found.cumulative.sizes, found.cumulative.shares
    assert sizes[0] >= truncated_at
    assert (np.diff(shares) >= 0).all()
    # By number the curves of sample and fit differ by no more than the distance of Kolmogorov and Smirnov.
    steps = np.searchsorted(sample.sizes, sizes, side="right") / len(sample)
    assert np.abs(steps - shares).max() <= found.fit.ks_distance + 1 / len(sample)
    by_volume = describe(sample, Look("volume", families=("lognormal",), truncated_at=truncated_at))
    (volume,) = by_volume.fits
    assert isinstance(volume, FittedCurve)
    # Hatch and Choate: the median by volume is exp(3 ln² GSD) times that by number.
    assert np.interp(0.5, volume.cumulative.shares, volume.cumulative.sizes) == pytest.approx(
        50 * 1.5 ** (3 * np.log(1.5)), rel=0.03
    )


def test_a_curve_that_is_narrower_than_its_steps_is_no_nan() -> None:
    (found,) = describe(Sample.of(np.linspace(1e4, 1e4 + 1e-3, 40)), Look(families=("normal",))).fits
    assert isinstance(found, FittedCurve)
    assert found.cumulative.shares[-1] > 0.9
