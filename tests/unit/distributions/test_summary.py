"""Weighted statistics against numpy, closed forms of the log-normal distribution, and laws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.distributions.sample import COUNTING_RULES, Sample, counted
from shared.distributions.summary import POWERS, Weighting, moments, percentiles, summarise
from shared.quantities import MAX_EDGE_WEIGHT

sizes_lists = st.lists(st.floats(0.5, 5000), min_size=2, max_size=60)
MU, SIGMA = np.log(40), np.log(1.5)
# Of the standard normal distribution.
Z90 = 1.281552


def lognormal(n: int, seed: int = 0) -> Sample:
    return Sample.of(np.exp(np.random.default_rng(seed).normal(MU, SIGMA, n)))


@pytest.mark.parametrize("weighting", POWERS)
def test_percentiles_of_a_log_normal_sample_are_those_of_the_closed_form_in_every_weighting(weighting: Weighting) -> None:
    """Weighted by d^k a log-normal distribution is log-normal again, with the median exp(µ + kσ²) (Hatch and Choate, 1929)."""
    found = summarise(lognormal(400_000), weighting)
    median = np.exp(MU + POWERS[weighting] * SIGMA**2)
    expected = [median * np.exp(z * SIGMA) for z in (-Z90, 0, Z90)]
    # The volume distribution rests on few large particles: its sampling error here is 0.7 %.
    assert [found.d10, found.d50, found.d90] == pytest.approx(expected, rel=0.02)
    assert found.mean == pytest.approx(median * np.exp(SIGMA**2 / 2), rel=0.02)
    assert found.span == pytest.approx((expected[2] - expected[0]) / expected[1], rel=0.03)
    assert found.cv == pytest.approx(np.sqrt(np.exp(SIGMA**2) - 1), rel=0.04)
    assert found.mode == pytest.approx(median * np.exp(-(SIGMA**2)), rel=0.06)


def test_moment_means_and_log_normal_measures_are_those_of_the_closed_form() -> None:
    found = moments(lognormal(400_000))
    assert found.geometric_mean == pytest.approx(40, rel=0.01)
    assert found.gsd == pytest.approx(1.5, rel=0.01)
    assert [found.d10_mean, found.d32, found.d43] == pytest.approx(
        [np.exp(MU + (p + 0.5) * SIGMA**2) for p in (0, 2, 3)], rel=0.02
    )
    w = np.exp(SIGMA**2)
    assert found.skewness == pytest.approx((w + 2) * np.sqrt(w - 1), rel=0.05)


def test_moments_take_a_whole_number_of_weight_for_as_many_particles() -> None:
    sizes, repeats = np.array([10.0, 20, 40, 80]), np.array([1, 3, 2, 1])
    weighted, repeated = moments(Sample.of(sizes, repeats.astype(float))), moments(Sample.of(np.repeat(sizes, repeats)))
    for name in ("d10_mean", "d32", "d43", "geometric_mean", "skewness"):
        assert getattr(weighted, name) == pytest.approx(getattr(repeated, name)), name


@given(sizes=sizes_lists, percent=st.floats(0, 100))
def test_percentiles_of_equal_weights_are_hazens(sizes: list[float], percent: float) -> None:
    ordered = np.sort(sizes)
    found = percentiles(ordered, np.full(len(ordered), 3.0), (percent,))[0]
    assert found == pytest.approx(np.percentile(ordered, percent, method="hazen"), rel=1e-9, abs=1e-9)


@given(sizes=sizes_lists, factor=st.sampled_from([0.5, 2.0, 1024.0]))
def test_statistics_scale_with_the_unit(sizes: list[float], factor: float) -> None:
    for weighting in POWERS:
        one, other = (summarise(Sample.of(np.array(sizes) * by), weighting) for by in (1.0, factor))
        for name in ("mean", "sd", "d10", "d50", "d90"):
            assert getattr(other, name) == pytest.approx(factor * getattr(one, name), rel=1e-9, abs=1e-9)
        assert (other.cv, other.span) == pytest.approx((one.cv, one.span), rel=1e-6, abs=1e-9)


@given(sizes=sizes_lists)
def test_larger_particles_weigh_more_in_area_and_more_still_in_volume(sizes: list[float]) -> None:
    number, area, volume = (summarise(Sample.of(np.array(sizes)), weighting) for weighting in POWERS)
    for name in ("mean", "d10", "d50", "d90"):
        low, middle, high = (getattr(one, name) for one in (number, area, volume))
        assert low <= middle * (1 + 1e-9)
        assert middle <= high * (1 + 1e-9)


def test_nothing_and_one_particle_have_what_is_defined() -> None:
    nothing = summarise(Sample.of(np.empty(0)), "volume")
    assert {getattr(nothing, name) for name in nothing.__slots__ if name != "weighting"} == {None}
    assert {getattr(moments(Sample.of(np.empty(0))), name) for name in ("d43", "gsd", "skewness")} == {None}
    one = summarise(Sample.of(np.array([7.0])), "volume")
    assert (one.mean, one.d10, one.d90, one.span, one.sd, one.cv, one.mode) == (7, 7, 7, 0, None, None, None)
    alone = moments(Sample.of(np.array([7.0])))
    assert (alone.d43, alone.gsd, alone.skewness) == (pytest.approx(7), None, None)


@pytest.mark.parametrize(
    ("sizes", "weights"), [([1.0, np.nan], None), ([1.0, np.inf], None), ([1.0], [0.0]), ([1.0], [np.nan])]
)
def test_what_is_no_size_or_no_weight_is_refused(sizes: list[float], weights: list[float] | None) -> None:
    with pytest.raises(ValueError, match=r"finite|above 0"):
        Sample.of(np.array(sizes), None if weights is None else np.array(weights))


def test_counting_rules_leave_out_and_weigh() -> None:
    sizes, touches, weight = np.array([3.0, 1.0, 2.0]), np.array([True, False, False]), np.array([1.5, 1.25, 5.0])
    every, excluded, weighted = (
        counted(sizes, touches, weight, rule) for rule in ("all", "exclude-border", "exclude-border-weighted")
    )
    assert every.sample.sizes.tolist() == [1, 2, 3]
    assert (excluded.sample.sizes.tolist(), excluded.sample.weights.tolist()) == ([1, 2], [1, 1])
    assert (weighted.sample.weights.tolist(), weighted.capped_share) == ([1.25, 5], 0.5)


def test_edge_weights_remove_the_bias_of_leaving_out_what_the_border_cuts() -> None:
    """Discs of log-normal diameters at random places, of which a field of 400 × 300 shows some."""
    random = np.random.default_rng(0)
    width, height, n = 400.0, 300.0, 400_000
    size = np.minimum(np.exp(random.normal(np.log(30), 0.5, n)), 200)
    left, top = random.uniform(-200, width, n), random.uniform(-200, height, n)
    # Seen are the discs that reach into the field, whole those that lie in it; a disc belongs to it with its centre.
    shows = (left + size > 0) & (top + size > 0)
    touches = (left < 0) | (top < 0) | (left + size > width) | (top + size > height)
    centred = (abs(left + size / 2 - width / 2) < width / 2) & (abs(top + size / 2 - height / 2) < height / 2)
    truth = size[centred].mean()
    weight = np.minimum(width * height / np.maximum((width - size) * (height - size), 1), MAX_EDGE_WEIGHT)
    bias = {}
    for rule in COUNTING_RULES:
        of_rule = counted(size[shows], touches[shows], weight[shows], rule)
        mean = summarise(of_rule.sample, "number").mean
        assert mean is not None
        bias[rule] = mean / truth - 1
    assert bias["exclude-border"] < -0.05
    assert bias["all"] > 0.05
    assert abs(bias["exclude-border-weighted"]) < 0.01
    assert of_rule.sample.weights.sum() == pytest.approx(centred.sum(), rel=0.01), "they stand for all that belong to the field"


def test_images_are_pooled_with_those_that_show_nothing() -> None:
    pooled = Sample.of_images([Sample.of(np.array([3.0, 1.0])), Sample.of(np.empty(0)), Sample.of(np.array([2.0]))])
    assert (pooled.sizes.tolist(), pooled.image.tolist(), pooled.n_images) == ([1, 2, 3], [0, 2, 0], 3)
    assert len(Sample.of_images([])) == 0


def test_equal_sizes_have_no_skewness_however_their_mean_is_rounded() -> None:
    weights = np.random.default_rng(0).uniform(1, 2, 24)
    for size in (0.1, 31.675, 1e5 / 3):
        assert moments(Sample.of(np.full(24, size), weights)).skewness is None
