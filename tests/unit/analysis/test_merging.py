"""Of two views of a picture, each place gets the answer of the surer one, whole."""

import numpy as np
import pytest

from shared.domain import Segmentation
from worker.analysis.merging import FINE_ADVANTAGE, merged


def squares(*places, shape=(40, 80)):
    labels = np.zeros(shape, dtype=np.int32)
    for number, (top, bottom, left, right) in enumerate(places, 1):
        labels[top:bottom, left:right] = number
    return labels


WHOLE, HALVES = (5, 25, 5, 25), ((5, 25, 5, 15), (5, 25, 15, 25))
FAR = (5, 25, 50, 70)


def test_a_particle_cut_in_the_fine_view_is_whole_where_the_coarse_view_is_surer():
    fine = Segmentation(squares(*HALVES, FAR), np.array([0.4, 0.3, 0.95]))
    coarse = Segmentation(squares(WHOLE, FAR), np.array([0.9, 0.9]))
    found = merged(fine, coarse)
    assert found.labels.max() == 2
    assert (found.labels > 0).sum() == 800
    assert len(np.unique(found.labels[5:25, 5:25])) == 1
    # The far one is taken from the fine view, which was not less sure of it.
    assert sorted(found.confidence) == [0.9, 0.95]
    assert found.confidence[found.labels[10, 60] - 1] == 0.95


def test_a_little_more_confidence_does_not_outweigh_finer_outlines():
    fine = Segmentation(squares((5, 25, 5, 25)), np.array([0.8]))
    coarse = Segmentation(squares((4, 26, 4, 26)), np.array([0.8 + FINE_ADVANTAGE / 2]))
    found = merged(fine, coarse)
    np.testing.assert_array_equal(found.labels, fine.labels)
    assert found.confidence.tolist() == [0.8]


def test_what_one_view_alone_sees_must_be_likely():
    fine = Segmentation(squares((2, 6, 2, 6), (2, 6, 12, 16)), np.array([0.7, 0.2]))
    coarse = Segmentation(squares((20, 38, 20, 60), (20, 38, 62, 78)), np.array([0.8, 0.4]))
    found = merged(fine, coarse)
    assert sorted(found.confidence) == [0.7, 0.8]
    assert (found.labels > 0).sum() == 16 + 18 * 40


def test_neighbours_that_barely_overlap_stay_apart():
    fine = Segmentation(squares((5, 25, 5, 25)), np.array([0.9]))
    coarse = Segmentation(squares((5, 25, 24, 44)), np.array([0.9]))
    found = merged(fine, coarse)
    assert found.labels.max() == 2
    assert (found.labels[10, 5:25] == found.labels[10, 5]).all()


def test_views_without_particles():
    empty = Segmentation(np.zeros((4, 5), dtype=np.int32), np.zeros(0))
    assert merged(empty, empty).labels.max() == 0
    one = Segmentation(squares((1, 3, 1, 3), shape=(4, 5)), np.array([0.6]))
    for pair in ((one, empty), (empty, one)):
        np.testing.assert_array_equal(merged(*pair).labels, one.labels)


def test_views_without_confidence_cannot_be_compared():
    bare = Segmentation(squares(WHOLE))
    with pytest.raises(ValueError, match="confidence"):
        merged(bare, bare)
