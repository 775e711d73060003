"""Fits find the parameters that samples were drawn with, cut off or not."""

import numpy as np
import pytest
from scipy import integrate, stats

from shared.distributions.fits import FAMILIES, Family, Fit, NoFit, density, fit
from shared.distributions.sample import Sample

N = 20_000
TRUTHS: dict[Family, tuple[float, float]] = {"lognormal": (40.0, 1.5), "normal": (60.0, 15.0), "weibull": (50.0, 2.5)}


def drawn(family: Family, n: int = N, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    location, shape = TRUTHS[family]
    if family == "lognormal":
        return location * np.exp(random.normal(0, np.log(shape), n))
    return random.normal(location, shape, n) if family == "normal" else location * random.weibull(shape, n)


@pytest.mark.parametrize("cut", [0.0, 35.0])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_fit_finds_what_the_sample_was_drawn_from_also_without_its_small_ones(family: Family, cut: float) -> None:
    sizes = drawn(family)
    found = fit(Sample.of(sizes[sizes >= cut]), family, cut)
    assert isinstance(found, Fit)
    # Four standard errors of 20,000 particles, more where a third is cut off.
    assert (found.location, found.shape) == pytest.approx(TRUTHS[family], rel=0.03)
    assert found.ks_distance < 1.63 / np.sqrt(found.n)
    assert found.n == (sizes >= cut).sum()


@pytest.mark.parametrize("family", FAMILIES)
def test_the_family_that_was_drawn_from_has_the_lowest_aic(family: Family) -> None:
    sample = Sample.of(drawn(family, seed=1))
    aic = {one: found.aic for one in FAMILIES if isinstance(found := fit(sample, one), Fit)}
    assert min(aic, key=aic.__getitem__) == family


@pytest.mark.parametrize("family", FAMILIES)
def test_likelihood_and_density_are_those_of_scipy(family: Family) -> None:
    sizes = drawn(family, 300, seed=2)
    found = fit(Sample.of(sizes), family)
    assert isinstance(found, Fit)
    theirs = {
        "lognormal": stats.lognorm(np.log(found.shape), scale=found.location),
        "normal": stats.norm(found.location, found.shape),
        "weibull": stats.weibull_min(found.shape, scale=found.location),
    }[family]
    assert found.aic == pytest.approx(4 - 2 * theirs.logpdf(sizes).sum(), rel=1e-9)
    assert found.ks_distance == pytest.approx(stats.kstest(sizes, theirs.cdf).statistic, rel=1e-6)
    np.testing.assert_allclose(density(found, np.array([20.0, 50.0])), theirs.pdf([20.0, 50.0]), rtol=1e-9)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_density_of_a_truncated_curve_holds_all_of_it_above_the_cut(family: Family) -> None:
    found = fit(Sample.of(drawn(family)), family, 30.0)
    assert isinstance(found, Fit)
    total, _ = integrate.quad(lambda size: float(density(found, np.array([size]))[0]), 30, 1000, limit=200)
    assert total == pytest.approx(1, abs=1e-4)
    assert density(found, np.array([29.9])).tolist() == [0]


def test_a_weight_of_two_is_two_particles() -> None:
    sizes = drawn("lognormal", 200)
    weights = np.where(sizes > 40, 2.0, 1.0)
    weighted, repeated = (
        fit(Sample.of(sizes, weights), "lognormal"),
        fit(Sample.of(np.repeat(sizes, weights.astype(int))), "lognormal"),
    )
    assert isinstance(weighted, Fit)
    assert isinstance(repeated, Fit)
    assert (weighted.location, weighted.shape) == pytest.approx((repeated.location, repeated.shape), rel=1e-5)


@pytest.mark.parametrize(
    ("sizes", "cut", "reason"),
    [(np.arange(1.0, 20), 0.0, "takes 20"), (np.arange(1.0, 30), 25.0, "takes 20"), (np.full(50, 3.0), 0.0, "equal")],
)
def test_too_little_is_not_fitted_and_said(sizes: np.ndarray, cut: float, reason: str) -> None:
    for family in FAMILIES:
        found = fit(Sample.of(sizes), family, cut)
        assert isinstance(found, NoFit)
        assert reason in found.reason
