"""Size statistics against values worked out by hand, and the laws of pooling and scale."""

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.geometry import AnalysedField
from shared.quantities import ParticleTable, SizeStatistics
from worker.analysis.distribution import size_statistics
from worker.analysis.measurement.particles import measure

diameters = st.lists(st.floats(0.5, 5000), min_size=1, max_size=60)


def table(ecd_px: list[float], nm_per_px: float | None = None, touching: int = 0) -> ParticleTable:
    """A table in which only the diameters and the border matter."""
    ecd = np.array(ecd_px, dtype=float)
    columns = {f.name: None if f.name.endswith(("_nm", "_nm2")) else ecd for f in fields(ParticleTable)}
    columns["touches_border"] = np.arange(len(ecd)) < touching
    columns["ecd_nm"] = None if nm_per_px is None else ecd * nm_per_px
    return ParticleTable(**columns)


def test_percentiles_lie_on_the_straight_line_between_ordered_diameters() -> None:
    found = size_statistics(table([50, 10, 30, 20, 40], touching=2))
    # (n − 1)·p/100 = 0.4, 2 and 3.6 steps from the smallest.
    assert (found.ecd_d10_px, found.ecd_d50_px, found.ecd_d90_px) == pytest.approx((14, 30, 46))
    assert (found.n_particles, found.n_touching_border) == (5, 2)


def test_mean_and_standard_deviation_are_those_of_the_sample() -> None:
    found = size_statistics(table([2, 4, 4, 4, 5, 5, 7, 9]))
    assert found.ecd_mean_px == 5
    assert found.ecd_sd_px == pytest.approx((32 / 7) ** 0.5)


def test_without_particles_no_statistic_is_defined() -> None:
    empty = measure(np.zeros((3, 3), dtype=np.int32), AnalysedField(0, 3, 0, 3), 1.0)
    found = size_statistics(empty)
    assert (found.n_particles, found.n_touching_border) == (0, 0)
    assert all(getattr(found, f.name) is None for f in fields(SizeStatistics) if f.name.startswith("ecd"))


def test_one_particle_has_a_mean_but_no_standard_deviation() -> None:
    found = size_statistics(table([8.0], nm_per_px=2.0))
    assert (found.ecd_mean_px, found.ecd_mean_nm, found.ecd_d10_nm) == (8, 16, 16)
    assert found.ecd_sd_px is None
    assert found.ecd_sd_nm is None


def test_every_nm_statistic_is_none_without_a_calibration() -> None:
    found = size_statistics(table([1, 2, 3]))
    names = [f.name for f in fields(SizeStatistics)]
    assert all((getattr(found, name) is None) == name.endswith("_nm") for name in names)


def test_statistics_are_plain_numbers() -> None:
    found = size_statistics(table([1, 2, 3], nm_per_px=1.0))
    assert all(type(getattr(found, f.name)) in {int, float} for f in fields(SizeStatistics))


@given(ecd=diameters, nm_per_px=st.floats(0.01, 100))
def test_doubling_the_pixel_size_doubles_every_nm_statistic(ecd: list[float], nm_per_px: float) -> None:
    one, two = size_statistics(table(ecd, nm_per_px)), size_statistics(table(ecd, 2 * nm_per_px))
    for f in fields(SizeStatistics):
        value = getattr(one, f.name)
        factor = 2 if f.name.endswith("_nm") else 1
        assert getattr(two, f.name) == (None if value is None else pytest.approx(factor * value))


@given(first=diameters, second=diameters)
def test_the_mean_of_a_pool_is_the_weighted_mean_of_its_parts(first: list[float], second: list[float]) -> None:
    parts = [size_statistics(table(ecd)) for ecd in (first, second)]
    pool = size_statistics(table(first + second))
    assert pool.n_particles == sum(part.n_particles for part in parts)
    assert pool.ecd_mean_px == pytest.approx(sum(p.ecd_mean_px * p.n_particles for p in parts) / pool.n_particles)
    for name in ("ecd_d50_px", "ecd_mean_px"):
        low, high = sorted(getattr(part, name) for part in parts)
        # Neither can lie outside its parts by more than the gap between neighbouring diameters, which the extremes bound, but
        # for the rounding of a sum.
        lowest, highest = min(low, *first, *second), max(high, *first, *second)
        assert lowest * (1 - 1e-12) <= getattr(pool, name) <= highest * (1 + 1e-12)


@given(ecd=diameters)
def test_a_pool_of_a_sample_with_itself_has_its_mean_and_median(ecd: list[float]) -> None:
    one, both = size_statistics(table(ecd)), size_statistics(table(ecd + ecd))
    assert both.ecd_mean_px == pytest.approx(one.ecd_mean_px)
    assert both.ecd_d50_px == pytest.approx(one.ecd_d50_px)


@given(ecd=diameters, seed=st.integers(0, 100))
def test_the_order_of_the_particles_does_not_matter(ecd: list[float], seed: int) -> None:
    shuffled = np.random.default_rng(seed).permutation(ecd).tolist()
    one, two = size_statistics(table(ecd)), size_statistics(table(shuffled))
    assert two.ecd_mean_px == pytest.approx(one.ecd_mean_px)
    assert (two.ecd_d10_px, two.ecd_d50_px, two.ecd_d90_px) == (one.ecd_d10_px, one.ecd_d50_px, one.ecd_d90_px)
