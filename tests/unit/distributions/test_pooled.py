"""Pools made from what is stored of each image, against the same statistics of all their particles."""

from dataclasses import fields

import numpy as np
import pytest

from shared.arrays import FloatArray, Mask
from shared.distributions import pooled, stored
from shared.distributions.bootstrap import intervals
from shared.distributions.sample import COUNTING_RULES, CountingRule, Sample, counted
from shared.distributions.summary import POWERS, Weighting, moments, summarise

# The stored bins are 2.3 % wide.
HALF_BIN = 0.012
# Weights are stored with seven digits.
DIGITS = 1e-6

Image = tuple[FloatArray, Mask, FloatArray, float]


def images(n: int = 12, seed: int = 3) -> list[Image]:
    """Diameters in px, which of them the border cuts, edge weights and the pixel size, of images of several sizes."""
    random = np.random.default_rng(seed)
    found = []
    for number in range(n):
        size = 0 if number == 4 else int(random.integers(500, 2000))
        ecd_px = random.lognormal(np.log(30), 0.4, size)
        found.append((ecd_px, random.random(size) < 0.2, 1 + random.random(size), float(random.uniform(0.8, 1.25))))
    return found


def exact(of: list[Image], rule: CountingRule) -> Sample:
    return Sample.of_images([counted(ecd * nm, border, weight, rule).sample for ecd, border, weight, nm in of])


@pytest.mark.parametrize("rule", COUNTING_RULES)
@pytest.mark.parametrize("weighting", POWERS)
def test_a_pool_from_stored_rows_is_that_of_all_particles(rule: CountingRule, weighting: Weighting) -> None:
    found = images()
    bins = stored.unpack_bins([stored.pack_bins(ecd * nm, border, weight) for ecd, border, weight, nm in found], rule)
    nm_per_px = np.array([nm for *_, nm in found])
    sums = stored.unpack_sums([stored.pack_sums(ecd, border, weight) for ecd, border, weight, _ in found], nm_per_px, rule)
    sample, n = exact(found, rule), int(bins.number.sum())
    assert (bins.n_images, n) == (12, len(sample))
    assert bins.histogram.sum() == pytest.approx(sample.weights.sum(), rel=DIGITS)
    here, there = pooled.summarise_pooled(bins.histogram, sums, n, weighting), summarise(sample, weighting)
    assert here.mean == pytest.approx(there.mean, rel=1e-9)
    for name in ("d10", "d50", "d90"):
        assert getattr(here, name) == pytest.approx(getattr(there, name), rel=HALF_BIN), name
    if weighting == "number":
        assert (here.sd, here.cv) == (pytest.approx(there.sd), pytest.approx(there.cv))
    ours, all_of_them = pooled.pooled_moments(sums, n), moments(sample)
    for field in fields(ours):
        assert getattr(ours, field.name) == pytest.approx(getattr(all_of_them, field.name)), field.name


def test_intervals_of_a_pool_are_those_of_its_particles() -> None:
    found = images(30)
    packed = [stored.pack_bins(ecd * nm, border, weight) for ecd, border, weight, nm in found]
    here = pooled.pooled_intervals(stored.unpack_bins(packed, "exclude-border-weighted"), "number")
    there = intervals(exact(found, "exclude-border-weighted"), "number")
    assert here is not None
    assert there is not None
    for name in ("mean", "d50", "geometric_mean", "gsd"):
        ours, theirs = getattr(here, name), getattr(there, name)
        assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), rel=0.05), name


def test_images_without_particles_are_looked_at_and_add_nothing() -> None:
    nothing = np.empty(0)
    packed = stored.pack_bins(nothing, np.empty(0, dtype=np.bool_), nothing)
    assert packed == b""
    bins = stored.unpack_bins([packed, packed], "all")
    sums = stored.unpack_sums([stored.pack_sums(nothing, np.empty(0, dtype=np.bool_), nothing)] * 2, np.ones(2), "all")
    assert (bins.n_images, int(bins.number.sum())) == (2, 0)
    summary = pooled.summarise_pooled(bins.histogram, sums, 0, "volume")
    assert {getattr(summary, field.name) for field in fields(summary)} == {"volume", None}
    assert set(vars_of(pooled.pooled_moments(sums, 0))) == {None}
    assert pooled.pooled_intervals(bins, "number") is None


def test_a_pool_of_nothing_is_a_pool() -> None:
    assert stored.unpack_bins([], "all").histogram.sum() == 0
    assert stored.unpack_sums([], np.empty(0), "all").weight == 0


def test_equal_sizes_have_no_spread_and_no_skewness() -> None:
    ecd, border, weight = np.full(5, 31.7), np.zeros(5, dtype=np.bool_), np.ones(5)
    sums = stored.unpack_sums([stored.pack_sums(ecd, border, weight)], np.array([0.37]), "all")
    found = pooled.pooled_moments(sums, 5)
    assert (found.gsd, found.skewness) == (pytest.approx(1, abs=1e-6), None)


def vars_of(record: object) -> list[object]:
    return [getattr(record, field.name) for field in fields(record)]  # type: ignore[arg-type]
