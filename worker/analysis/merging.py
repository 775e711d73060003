"""Two looks at one picture, at a fine and at a coarse scale, made into one answer: where they differ, the surer one counts.

A large particle of rough surface looks like many in the fine view; small ones are blurred in the coarse view. Particles of the
two views that overlap form a group, and each group is taken whole from one view, because halves of two answers make none.
"""

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from shared.arrays import FloatArray, IntArray, Labels, Mask
from shared.domain import Segmentation
from worker.analysis.instances import largest_parts
from worker.analysis.label_map import numbers_before

# Particles belong together when they share so much of the smaller one; less is an outline drawn a little differently.
MIN_SHARED = 0.2
# The coarse view must be so much surer to be preferred: outlines are finer in the fine one. Chosen on the validation split.
FINE_ADVANTAGE = 0.1
# What one view alone sees is taken from this confidence on.
MIN_ALONE = 0.5


def merged(fine: Segmentation, coarse: Segmentation) -> Segmentation:
    """Merge two segmentations of one picture.

    Parameters
    ----------
    fine, coarse : Segmentation
        Of the same shape, both with confidence.

    Returns
    -------
    Segmentation
        Particles numbered 1..n with the confidence that they had in their view.
    """
    if fine.confidence is None or coarse.confidence is None:
        raise ValueError("views without confidence cannot be compared")
    n_fine, n_coarse = len(fine.confidence), len(coarse.confidence)
    area_fine, area_coarse = _areas(fine.labels, n_fine), _areas(coarse.labels, n_coarse)
    group_fine, group_coarse, n_groups = _groups(fine.labels, coarse.labels, area_fine, area_coarse)
    sure_fine = _sureness(group_fine, fine.confidence, area_fine, n_groups)
    sure_coarse = _sureness(group_coarse, coarse.confidence, area_coarse, n_groups)
    # A view without particles in a group is NaN there: then both comparisons are false.
    in_both = ~np.isnan(sure_fine) & ~np.isnan(sure_coarse)
    coarse_is_surer = sure_coarse > sure_fine + FINE_ADVANTAGE
    fine_kept = np.where(in_both[group_fine], ~coarse_is_surer[group_fine], fine.confidence >= MIN_ALONE)
    coarse_kept = np.where(in_both[group_coarse], coarse_is_surer[group_coarse], coarse.confidence >= MIN_ALONE)
    return _joined(fine, coarse, fine_kept, coarse_kept)


def _groups(fine: Labels, coarse: Labels, area_fine: FloatArray, area_coarse: FloatArray) -> tuple[IntArray, IntArray, int]:
    """Number of the group of every fine and every coarse particle, and how many groups there are."""
    n_fine, n_coarse = len(area_fine), len(area_coarse)
    both = (fine > 0) & (coarse > 0)
    pairs, shared = np.unique((fine[both].astype(np.int64) - 1) * n_coarse + coarse[both] - 1, return_counts=True)
    one, other = pairs // max(n_coarse, 1), pairs % max(n_coarse, 1)
    tied = shared >= MIN_SHARED * np.minimum(area_fine[one], area_coarse[other])
    n = n_fine + n_coarse
    ties = coo_matrix((np.ones(int(tied.sum())), (one[tied], n_fine + other[tied])), shape=(n, n))
    n_groups, group = connected_components(ties, directed=False)
    return group[:n_fine].astype(np.int64), group[n_fine:].astype(np.int64), int(n_groups)


def _sureness(group: IntArray, confidence: FloatArray, area: FloatArray, n_groups: int) -> FloatArray:
    """How sure a view is of its particles in each group: halfway between the mean over particles and over their area."""
    count = np.bincount(group, minlength=n_groups)
    total_area = np.bincount(group, weights=area, minlength=n_groups)
    with np.errstate(invalid="ignore"):
        by_number = np.bincount(group, weights=confidence, minlength=n_groups) / count
        by_area = np.bincount(group, weights=confidence * area, minlength=n_groups) / total_area
    return np.asarray((by_number + by_area) / 2, dtype=np.float64)


def _joined(fine: Segmentation, coarse: Segmentation, fine_kept: Mask, coarse_kept: Mask) -> Segmentation:
    """Both views' kept particles in one map; where two of different groups meet, the fine one has the pixels."""
    n_fine = int(fine_kept.sum())
    fine_number = np.concatenate([[0], np.where(fine_kept, np.cumsum(fine_kept), 0)])
    coarse_number = np.concatenate([[0], np.where(coarse_kept, np.cumsum(coarse_kept) + n_fine, 0)])
    from_fine = fine_number[fine.labels]
    together = np.where(from_fine > 0, from_fine, coarse_number[coarse.labels]).astype(np.int32)
    confidence = np.concatenate([fine.confidence[fine_kept], coarse.confidence[coarse_kept]])  # type: ignore[index]
    labels = largest_parts(together)
    return Segmentation(labels, confidence[numbers_before(labels, together) - 1])


def _areas(labels: Labels, n: int) -> FloatArray:
    return np.bincount(labels.ravel(), minlength=n + 1)[1:].astype(np.float64)
