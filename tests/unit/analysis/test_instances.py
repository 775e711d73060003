"""Maps drawn from known particles give these particles back."""

import cv2
import numpy as np
import pytest

from worker.analysis.enlarging import enlarged
from worker.analysis.instances import (
    ANY_SIZE,
    VIEWING_SIZE,
    PixelMaps,
    largest_parts,
    numbered,
    split_instances,
)
from worker.training.targets import targets


def drawn(discs, shape=(160, 200)):
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    labels = np.zeros(shape, dtype=np.int32)
    for number, (y, x, radius) in enumerate(discs, 1):
        labels[(rows - y) ** 2 + (columns - x) ** 2 <= radius**2] = number
    return labels


def perfect_maps(labels):
    wanted = targets(labels)
    return PixelMaps(wanted.foreground.astype(np.float32), wanted.distance, wanted.contact.astype(np.float32))


def smallest_iou(truth, found):
    best = []
    for number in range(1, truth.max() + 1):
        here = truth == number
        other = np.bincount(found[here]).argmax()
        best.append((here & (found == other)).sum() / (here | (found == other)).sum())
    return min(best)


@pytest.mark.parametrize(
    "discs",
    [
        [(40, 40, 20), (40, 78, 20), (74, 59, 20)],
        [(80, 60, 50), (80, 120, 14)],
        [(30, 30, 8), (30, 60, 8), (30, 90, 9), (110, 120, 40)],
    ],
    ids=["three that touch", "a small one at a large one", "from 16 to 80 px"],
)
def test_perfect_maps_give_the_particles_back(discs):
    truth = drawn(discs)
    found = split_instances(perfect_maps(truth), VIEWING_SIZE)
    assert found.max() == len(discs)
    # Watershed lines and smoothing move an outline by at most a pixel; on a disc of 16 px that is a quarter of its area.
    assert smallest_iou(truth, found) > 0.7


def test_an_elongated_particle_stays_one():
    truth = np.zeros((80, 200), dtype=np.int32)
    cv2.line(truth, (20, 30), (180, 50), 1, 14)
    assert split_instances(perfect_maps(truth), VIEWING_SIZE).max() == 1


def test_nothing_gives_nothing():
    found = split_instances(perfect_maps(np.zeros((30, 40), dtype=np.int32)), VIEWING_SIZE)
    assert not found.any()


def test_small_holes_are_filled_and_specks_removed():
    maps = perfect_maps(drawn([(80, 100, 40)]))
    maps.foreground[78:83, 98:103] = 0
    maps.foreground[5:7, 5:7] = 1
    found = split_instances(maps, VIEWING_SIZE)
    assert found.max() == 1
    assert found[80, 100] == 1
    assert found[5, 5] == 0


def test_only_the_largest_part_of_a_label_is_kept():
    labels = np.array([[3, 3, 0, 3], [0, 0, 0, 0], [7, 0, 7, 7]], dtype=np.int32)
    found = largest_parts(labels)
    assert (found > 0).tolist() == [[True, True, False, False], [False] * 4, [False, False, True, True]]
    assert sorted(np.unique(found)) == [0, 1, 2]


def test_new_numbers_are_consecutive():
    assert numbered(np.array([False, True, False, True]), first=5).tolist() == [0, 5, 0, 6]


def test_enlarging_keeps_every_particle_and_follows_the_fine_outline():
    truth = drawn([(80, 60, 40), (80, 140, 40)])
    small = cv2.resize(truth.astype(np.float32), (100, 80), interpolation=cv2.INTER_NEAREST_EXACT).astype(np.int32)
    found = enlarged(small, truth > 0)
    assert smallest_iou(truth, found) > 0.97


def test_a_first_look_counts_particles_from_12_px():
    assert split_instances(perfect_maps(drawn([(30, 30, 6), (30, 60, 6), (110, 120, 40)])), ANY_SIZE).max() == 3
