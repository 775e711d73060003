"""Samples compared: what is known to differ is found, what is equal is not called different, and tests agree with SciPy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ks_2samp

from shared.distributions.comparison import compare_medians, control_chart, equivalence, holm, kolmogorov_smirnov
from shared.distributions.sample import Sample


def images(median: float, n_images: int = 12, n: int = 150, spread: float = 0.05, seed: int = 1) -> Sample:
    """Images of one material, whose medians differ a little from image to image."""
    random = np.random.default_rng(seed)
    return Sample.of_images(
        [Sample.of(random.lognormal(np.log(median) + spread * random.normal(), 0.3, n)) for _ in range(n_images)]
    )


def test_medians_that_differ_are_told_apart_and_equal_ones_are_not() -> None:
    differing = compare_medians(images(50), images(60, seed=2))
    assert differing is not None
    assert differing.is_certain
    assert differing.interval.low < 10 < differing.interval.high
    assert differing.difference == pytest.approx(differing.other - differing.one)
    equal = compare_medians(images(50), images(50, seed=2))
    assert equal is not None
    assert not equal.is_certain


def test_the_interval_of_the_difference_covers_the_truth_as_often_as_it_says() -> None:
    n_covered = 0
    for seed in range(20):
        found = compare_medians(images(50, n=20, seed=2 * seed), images(55, n=20, seed=2 * seed + 1))
        assert found is not None
        n_covered += found.interval.low <= 5 <= found.interval.high
    assert n_covered >= 17, "95 % of 20 are 19; fewer than 17 come in 1 of 60 cases"


@pytest.mark.parametrize(
    ("other", "limit", "verdict"), [(50, 0.2, "equivalent"), (75, 0.2, "different"), (58, 0.15, "undecided")]
)
def test_equivalence_is_decided_by_limits(other: float, limit: float, verdict: str) -> None:
    found = equivalence(images(50), images(other, seed=2), limit)
    assert found is not None
    assert found.verdict == verdict
    assert found.interval.low < found.ratio < found.interval.high


def test_the_distance_of_curves_and_its_chance_are_those_of_scipy() -> None:
    random = np.random.default_rng(4)
    one, other = random.lognormal(3, 0.3, 400), random.lognormal(3.05, 0.3, 300)
    found, oracle = kolmogorov_smirnov(Sample.of(one), Sample.of(other)), ks_2samp(one, other, method="asymp")
    assert found is not None
    assert found.distance == pytest.approx(oracle.statistic)
    assert found.p == pytest.approx(oracle.pvalue, rel=0.1)


def test_a_particle_of_weight_two_counts_as_two() -> None:
    weighted = Sample.of(np.array([1.0, 2.0, 3.0]), np.array([2.0, 1.0, 1.0]))
    repeated, other = Sample.of(np.array([1.0, 1.0, 2.0, 3.0])), Sample.of(np.array([2.0, 2.5, 4.0]))
    ours, theirs = kolmogorov_smirnov(weighted, other), kolmogorov_smirnov(repeated, other)
    assert ours is not None
    assert theirs is not None
    assert ours.distance == pytest.approx(theirs.distance)


def test_without_particles_there_is_nothing_to_compare() -> None:
    nothing, one, two = (Sample.of(np.arange(1.0, n + 1)) for n in (0, 1, 2))
    assert compare_medians(one, two) is None
    assert equivalence(two, nothing, 0.1) is None
    assert kolmogorov_smirnov(nothing, two) is None
    assert kolmogorov_smirnov(one, two) is not None


def test_holm_adjusts_in_the_order_of_the_tests() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_adjusted_chances_are_never_smaller_and_keep_their_order(p: list[float]) -> None:
    adjusted = holm(p)
    assert all(before <= after <= 1 for before, after in zip(p, adjusted, strict=True))
    assert [adjusted[i] for i in np.argsort(p, kind="stable")] == sorted(adjusted)


def test_a_chart_flags_what_jumps_and_not_what_varies() -> None:
    steady = np.random.default_rng(2).normal(40, 0.5, 40)
    chart = control_chart(steady)
    assert chart is not None
    assert not chart.is_outside.any()
    assert chart.high - chart.low == pytest.approx(6 * 0.5, rel=0.25)
    jumped = control_chart(np.append(steady, 44.0))
    assert jumped is not None
    assert np.flatnonzero(jumped.is_outside).tolist() == [40]
    assert control_chart(steady[:7]) is None
