"""Arrangement of particles: a field of chance, a lattice, and plain numbers."""

import numpy as np
import pytest

from shared.distributions import arrangement
from shared.distributions.arrangement import coverage, number_density_per_um2, radial_distribution

HEIGHT, WIDTH = 600, 800


def test_points_of_chance_neither_gather_nor_keep_away() -> None:
    random = np.random.default_rng(0)
    drawn = [
        radial_distribution(random.uniform(0, HEIGHT, 400), random.uniform(0, WIDTH, 400), HEIGHT, WIDTH) for _ in range(60)
    ]
    mean = np.mean([one.g for one in drawn if one is not None], axis=0)
    # Also in the outermost ring, which a border cuts for many points; the innermost ones hold few pairs.
    np.testing.assert_allclose(mean[5:], 1, atol=0.05)


def test_a_square_lattice_shows_its_distances() -> None:
    pitch = 20.0
    y, x = np.meshgrid(np.arange(10, HEIGHT, pitch), np.arange(10, WIDTH, pitch), indexing="ij")
    found = radial_distribution(y.ravel(), x.ravel(), HEIGHT, WIDTH)
    assert found is not None
    rings = np.diff(found.distance_px)[0]
    occupied = [k for k, g in enumerate(found.g) if g > 0]
    for distance in (pitch, np.sqrt(2) * pitch, 2 * pitch):
        assert int(distance / rings) in occupied
    assert not found.g[found.distance_px < pitch - rings].any(), "nothing is nearer than the pitch"


def test_of_very_many_points_the_near_ones_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrangement, "MOST_PAIRS", 20_000)
    random = np.random.default_rng(0)
    scattered = radial_distribution(random.uniform(0, HEIGHT, 2000), random.uniform(0, WIDTH, 2000), HEIGHT, WIDTH)
    assert scattered is not None
    assert scattered.distance_px[-1] < 40
    np.testing.assert_allclose(scattered.g[10:].mean(), 1, atol=0.03)
    # All of them in one corner.
    gathered = radial_distribution(random.uniform(0, 60, 2000), random.uniform(0, 60, 2000), HEIGHT, WIDTH)
    assert gathered is not None
    assert gathered.distance_px[-1] < scattered.distance_px[-1]
    assert gathered.g[5] > 50


def test_few_points_have_no_distribution() -> None:
    assert radial_distribution(np.arange(39.0), np.arange(39.0), HEIGHT, WIDTH) is None


def test_coverage_and_density_are_shares_of_the_field() -> None:
    assert coverage(np.array([100.0, 300.0]), 2000) == pytest.approx(0.2)
    # 1000 × 1000 px of 2 nm are 4 µm².
    assert number_density_per_um2(8, 1e6, 2.0) == pytest.approx(2)
