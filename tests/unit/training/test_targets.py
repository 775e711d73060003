"""Targets follow the geometry of the particles and nothing else."""

import numpy as np
import pytest

from worker.training.synthetic import synthetic_micrograph
from worker.training.targets import contacts, normalised_distance, targets


@pytest.fixture(scope="module")
def labels():
    return synthetic_micrograph(1, shape=(200, 260), banner=False, n_particles=25).labels


def test_every_particle_reaches_one_and_the_background_is_zero(labels):
    distance = normalised_distance(labels)
    assert (distance[labels == 0] == 0).all()
    assert all(distance[labels == number].max() == pytest.approx(1) for number in range(1, labels.max() + 1))
    assert (distance[labels > 0] > 0).all()


def test_the_distance_of_a_disc_falls_linearly_from_centre_to_outline():
    rows, columns = np.mgrid[:101, :101]
    radius = np.hypot(rows - 50, columns - 50)
    distance = normalised_distance((radius <= 40).astype(np.int32))
    inside = radius <= 40
    # The outline runs between pixels: half a pixel in 40, on each side.
    np.testing.assert_allclose(distance[inside], 1 - radius[inside] / 41, atol=0.03)


def test_renumbering_changes_nothing(labels):
    order = np.concatenate([[0], np.random.default_rng(0).permutation(labels.max()) + 1]).astype(np.int32)
    np.testing.assert_array_equal(normalised_distance(order[labels]), normalised_distance(labels))
    np.testing.assert_array_equal(contacts(order[labels]), contacts(labels))


def test_quarter_turns_turn_the_targets(labels):
    turned = targets(np.rot90(labels).copy())
    np.testing.assert_allclose(turned.distance, np.rot90(targets(labels).distance), atol=1e-6)
    np.testing.assert_array_equal(turned.contact, np.rot90(targets(labels).contact))


def test_contacts_lie_between_two_particles_only():
    labels = np.zeros((20, 30), dtype=np.int32)
    labels[5:15, 5:15], labels[5:15, 15:25] = 1, 2
    found = contacts(labels)
    assert found[10, 13:17].all()
    assert not found[10, :13].any()
    assert not found[10, 17:].any()
    assert not contacts((labels > 0).astype(np.int32)).any()


def test_an_empty_map_and_a_full_one_have_targets():
    assert not normalised_distance(np.zeros((4, 5), dtype=np.int32)).any()
    assert (normalised_distance(np.ones((4, 5), dtype=np.int32)) == 1).all()
    assert not contacts(np.zeros((4, 5), dtype=np.int32)).any()
