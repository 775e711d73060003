"""Size statistics against values worked out by hand, and the laws of pooling and scale."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.distributions.sample import COUNTING_RULES
from shared.distributions.size_statistics import size_statistics
from shared.geometry import AnalysedField
from shared.quantities import ParticleTable, SizeStatistics
from worker.analysis.measurement.particles import measure

diameters = st.lists(st.floats(0.5, 5000), min_size=1, max_size=60)


FIELD_PX = 1000


def statistics(particles: ParticleTable) -> SizeStatistics:
    """Every particle counts once."""
    return size_statistics(particles, FIELD_PX, "all")


def table(ecd_px: list[float], nm_per_px: float | None = None, touching: int = 0) -> ParticleTable:
    """A table in which only the diameters and the border matter."""
    ecd = np.array(ecd_px, dtype=float)
    columns = {f.name: None if f.name.endswith(("_nm", "_nm2")) else ecd for f in fields(ParticleTable)}
    columns["touches_border"] = np.arange(len(ecd)) < touching
    columns["edge_weight"] = np.linspace(1, 2, len(ecd))
    columns["low_confidence"] = None
    columns["ecd_nm"] = None if nm_per_px is None else ecd * nm_per_px
    return ParticleTable(**columns)


def test_percentiles_lie_on_the_straight_line_between_ordered_diameters() -> None:
    found = statistics(table([50, 10, 30, 20, 40], touching=2))
    # Half of each of the five lies below its diameter: 10 %, 30 %, 50 %, 70 % and 90 %.
    assert (found.ecd_d10_px, found.ecd_d50_px, found.ecd_d90_px) == pytest.approx((10, 30, 50))
    assert found.ecd_span == pytest.approx(40 / 30)
    assert (found.n_particles, found.n_touching_border) == (5, 2)


def test_mean_and_standard_deviation_are_those_of_the_sample() -> None:
    found = statistics(table([2, 4, 4, 4, 5, 5, 7, 9]))
    assert found.ecd_mean_px == 5
    assert found.ecd_sd_px == pytest.approx((32 / 7) ** 0.5)


def test_without_particles_no_statistic_is_defined() -> None:
    empty = measure(np.zeros((3, 3), dtype=np.int32), AnalysedField(0, 3, 0, 3), 1.0)
    found = statistics(empty)
    assert (found.n_particles, found.n_touching_border) == (0, 0)
    assert all(getattr(found, f.name) is None for f in fields(SizeStatistics) if f.name.startswith("ecd"))


def test_one_particle_has_a_mean_but_no_standard_deviation() -> None:
    found = statistics(table([8.0], nm_per_px=2.0))
    assert (found.ecd_mean_px, found.ecd_mean_nm, found.ecd_d10_nm) == (8, 16, 16)
    assert found.ecd_sd_px is None
    assert found.ecd_sd_nm is None


def test_every_nm_statistic_is_none_without_a_calibration() -> None:
    found = statistics(table([1, 2, 3]))
    names = [f.name for f in fields(SizeStatistics)]
    assert {name for name in names if getattr(found, name) is None} == {
        "n_low_confidence",
        *(name for name in names if name.endswith("_nm")),
    }


def test_statistics_are_plain_numbers() -> None:
    found = statistics(table([1, 2, 3], nm_per_px=1.0))
    plain = {int, float, type(None)}
    assert all(type(getattr(found, f.name)) in plain for f in fields(SizeStatistics))


@given(ecd=diameters, nm_per_px=st.floats(0.01, 100))
def test_doubling_the_pixel_size_doubles_every_nm_statistic(ecd: list[float], nm_per_px: float) -> None:
    one, two = statistics(table(ecd, nm_per_px)), statistics(table(ecd, 2 * nm_per_px))
    for f in fields(SizeStatistics):
        value = getattr(one, f.name)
        factor = 2 if f.name.endswith("_nm") else 1
        assert getattr(two, f.name) == (None if value is None else pytest.approx(factor * value))


@given(first=diameters, second=diameters)
def test_the_mean_of_a_pool_is_the_weighted_mean_of_its_parts(first: list[float], second: list[float]) -> None:
    parts = [statistics(table(ecd)) for ecd in (first, second)]
    pool = statistics(table(first + second))
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
    one, both = statistics(table(ecd)), statistics(table(ecd + ecd))
    assert both.ecd_mean_px == pytest.approx(one.ecd_mean_px)
    assert both.ecd_d50_px == pytest.approx(one.ecd_d50_px)


@given(ecd=diameters, seed=st.integers(0, 100))
def test_the_order_of_the_particles_does_not_matter(ecd: list[float], seed: int) -> None:
    shuffled = np.random.default_rng(seed).permutation(ecd).tolist()
    one, two = statistics(table(ecd)), statistics(table(shuffled))
    assert two.ecd_mean_px == pytest.approx(one.ecd_mean_px)
    assert (two.ecd_d10_px, two.ecd_d50_px, two.ecd_d90_px) == (one.ecd_d10_px, one.ecd_d50_px, one.ecd_d90_px)


def test_the_rule_says_which_particles_count_and_for_how_many() -> None:
    particles = table([10, 20, 30, 40], touching=2)
    by_rule = {rule: size_statistics(particles, FIELD_PX, rule) for rule in COUNTING_RULES}
    assert {rule: found.n_counted for rule, found in by_rule.items()} == {
        "all": 4,
        "exclude-border": 2,
        "exclude-border-weighted": 2,
    }
    assert {found.n_particles for found in by_rule.values()} == {4}
    assert by_rule["all"].ecd_mean_px == 25
    assert by_rule["exclude-border"].ecd_mean_px == 35
    weight = particles.edge_weight[2:]
    assert by_rule["exclude-border-weighted"].ecd_mean_px == pytest.approx(weight @ [30, 40] / weight.sum())
    assert size_statistics(particles, FIELD_PX) == by_rule["exclude-border-weighted"]


def test_where_all_particles_touch_the_border_none_counts_and_no_diameter_is_defined() -> None:
    found = size_statistics(table([10, 20], nm_per_px=1.0, touching=2), FIELD_PX)
    assert (found.n_particles, found.n_counted, found.ecd_d50_px, found.ecd_d50_nm, found.ecd_span) == (2, 0, None, None, None)
    assert found.coverage == pytest.approx(30 / FIELD_PX), "they cover the field all the same"


def test_small_particles_and_capped_weights_are_counted() -> None:
    particles = replace(table([7.9, 8.0, 20]), edge_weight=np.array([1.0, 5.0, 2.0]))
    found = size_statistics(particles, FIELD_PX)
    assert (found.n_small, found.capped_share) == (1, pytest.approx(1 / 3))


def test_moment_means_are_those_of_the_formulas() -> None:
    found = statistics(table([1, 2, 4]))
    assert found.ecd_geometric_mean_px == pytest.approx(2)
    assert found.ecd_gsd == pytest.approx(2)
    assert found.ecd_d32_px == pytest.approx((1 + 8 + 64) / (1 + 4 + 16))
    assert found.ecd_d43_px == pytest.approx((1 + 16 + 256) / (1 + 8 + 64))
