"""How well predicted label maps agree with true ones: the figures of one image, and of a set with confidence intervals.

The definitions are those of the labelled set's own scorer (`score_segmentation.py`), so that both give the same numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from shared.arrays import FloatArray, IntArray, Labels, Mask

# Written as the scorer writes it: the rounding of these steps decides where an IoU is exactly 3/4.
IOU_THRESHOLDS = np.arange(0.5, 1.0, 0.05)
AP75 = 5
# Upper edges of the size classes by true ECD, px; each step is a factor of four.
SIZE_EDGES_PX = (12.0, 48.0, 192.0)
SIZE_CLASSES = ("ecd_below_12_px", "ecd_12_to_48_px", "ecd_48_to_192_px", "ecd_above_192_px")
BOOTSTRAP_DRAWS = 2000
BOOTSTRAP_SEED = 0
CONFIDENCE_PERCENTILES = (2.5, 97.5)


@dataclass(frozen=True, slots=True)
class ImageScore:
    """Figures of one image. Ratios, 1 is best; the two errors are relative, 0 is best.

    With T true and P predicted particles of which M are matched one to one at IoU ≥ threshold (IoU = |t ∩ p| / |t ∪ p|):

    - dice = 2 |F_T ∩ F_P| / (|F_T| + |F_P|), F the foreground pixels; 0 where both are empty
    - ap50, ap75 = M / (T + P − M) at IoU 0.5 and 0.75; map: its mean over 0.50:0.05:0.95
    - f1 = 2M / (T + P), pq = 2 Σ IoU of the matches / (T + P), both at IoU 0.5
    - count_error = |P − T| / T; ecd_error = |mean ECD_P − mean ECD_T| / mean ECD_T, 1 where either side has no particle

    ``n_by_size`` and ``found_by_size`` count the true particles of each of the `SIZE_CLASSES` and those matched at IoU 0.5.
    """

    dice: float
    ap50: float
    ap75: float
    map: float
    f1: float
    pq: float
    count_error: float
    ecd_error: float
    n_true: int
    n_predicted: int
    n_by_size: tuple[int, ...]
    found_by_size: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of a set of images with its 95 % confidence interval; ``n`` counts what it is taken over.

    ``value`` and its limits are NaN where nothing was there to take it over.
    """

    name: str
    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True)
class _Overlaps:
    """Areas of the particles on both sides, px, and the pairs that share pixels: their positions and IoU, shape (k,)."""

    true_area: IntArray
    predicted_area: IntArray
    true_index: IntArray
    predicted_index: IntArray
    iou: FloatArray


MEAN_FIGURES = tuple(field.name for field in fields(ImageScore) if field.type is float)
MEDIAN_FIGURES = ("map", "count_error", "ecd_error")


def score_image(truth: Labels, prediction: Labels) -> ImageScore:
    """Score a predicted label map.

    Parameters
    ----------
    truth, prediction : ndarray of int32, shape (rows, columns)
        Background 0; each other number is a particle, gaps in the numbering do not matter.

    Raises
    ------
    ValueError
        When the shapes differ.
    """
    if truth.shape != prediction.shape:
        raise ValueError(f"the truth has shape {truth.shape}, the prediction {prediction.shape}")
    overlaps = _overlaps(truth, prediction)
    n_true, n_predicted = len(overlaps.true_area), len(overlaps.predicted_area)
    matched = _best_partners(overlaps)
    iou = overlaps.iou[matched]
    n_matched = (iou[None, :] >= IOU_THRESHOLDS[:, None]).sum(axis=1)
    precision = n_matched / np.maximum(n_true + n_predicted - n_matched, 1)
    half = max((n_true + n_predicted) / 2, 0.5)
    true_ecd = _ecd(overlaps.true_area)
    return ImageScore(
        dice=_dice(truth > 0, prediction > 0),
        ap50=float(precision[0]),
        ap75=float(precision[AP75]),
        map=float(precision.mean()),
        f1=len(iou) / half,
        pq=float(iou.sum()) / half,
        count_error=abs(n_predicted - n_true) / max(n_true, 1),
        ecd_error=_relative_error(_ecd(overlaps.predicted_area), true_ecd),
        n_true=n_true,
        n_predicted=n_predicted,
        n_by_size=_by_size(true_ecd),
        found_by_size=_by_size(true_ecd[overlaps.true_index[matched]]),
    )


def is_matched(truth: Labels, prediction: Labels) -> Mask:
    """Whether each predicted particle, by ascending number, has a true one as its partner at IoU ≥ 0.5; shape (n,)."""
    overlaps = _overlaps(truth, prediction)
    found = np.zeros(len(overlaps.predicted_area), dtype=np.bool_)
    found[overlaps.predicted_index[_best_partners(overlaps)]] = True
    return found


def paired_ious(one: Labels, other: Labels) -> FloatArray:
    """IoU of each pair of the best one-to-one matching at IoU ≥ 0.5 of two label maps of one shape, shape (k,)."""
    overlaps = _overlaps(one, other)
    return overlaps.iou[_best_partners(overlaps)]


def summarise(scores: Sequence[ImageScore], seed: int = BOOTSTRAP_SEED) -> tuple[Figure, ...]:
    """Figures of a set of images, each with a bootstrap interval over images.

    Parameters
    ----------
    scores : sequence of ImageScore
        At least one.
    seed : int
        Of the bootstrap: the same scores give the same intervals.

    Returns
    -------
    tuple of Figure
        The mean over images of each figure under its own name; ``median_…`` for those whose mean a few images dominate; and
        ``recall_…``: of all true particles of a size class, the share that was found (IoU ≥ 0.5).

    Notes
    -----
    Images, not particles, are the sampling unit. Percentile interval: 2.5 % and 97.5 % of 2000 resampled sets
    (B. Efron and R. Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13).
    """
    if not scores:
        raise ValueError("there are no scores to summarise")
    n = len(scores)
    resampled = np.random.default_rng(seed).integers(0, n, size=(BOOTSTRAP_DRAWS, n))
    values = {name: np.array([getattr(score, name) for score in scores]) for name in MEAN_FIGURES}
    means = [_figure(name, value.mean(), value[resampled].mean(axis=1), n) for name, value in values.items()]
    medians = [
        _figure(f"median_{name}", np.median(values[name]), np.median(values[name][resampled], axis=1), n)
        for name in MEDIAN_FIGURES
    ]
    found = np.array([score.found_by_size for score in scores], dtype=np.float64)
    total = np.array([score.n_by_size for score in scores], dtype=np.float64)
    recalls = [_recall(f"recall_{name}", found[:, k], total[:, k], resampled) for k, name in enumerate(SIZE_CLASSES)]
    return (*means, *medians, *recalls)


def _overlaps(truth: Labels, prediction: Labels) -> _Overlaps:
    """Areas and pairs by one pass over the pixels that are particle on either side."""
    either = (truth > 0) | (prediction > 0)
    # Position 0 is put in for the background, which may be absent on one side.
    true_numbers, true_at = np.unique(np.append(0, truth[either]), return_inverse=True)
    predicted_numbers, predicted_at = np.unique(np.append(0, prediction[either]), return_inverse=True)
    true_at, predicted_at = true_at[1:].astype(np.int64), predicted_at[1:].astype(np.int64)
    true_area = np.bincount(true_at, minlength=len(true_numbers))[1:]
    predicted_area = np.bincount(predicted_at, minlength=len(predicted_numbers))[1:]
    both = (true_at > 0) & (predicted_at > 0)
    # Only pairs that meet are kept: a table of all would have 400 million cells for 20,000 particles on either side.
    pairs, shared = np.unique(true_at[both] * len(predicted_numbers) + predicted_at[both], return_counts=True)
    true_index, predicted_index = pairs // len(predicted_numbers) - 1, pairs % len(predicted_numbers) - 1
    union = true_area[true_index] + predicted_area[predicted_index] - shared
    return _Overlaps(true_area, predicted_area, true_index, predicted_index, shared / union)


def _best_partners(overlaps: _Overlaps) -> IntArray:
    """Pairs of the best one-to-one matching at IoU 0.5, as positions in ``overlaps.iou``.

    Particles of one map do not overlap, so a particle has at most one partner above IoU 0.5, and two at exactly 0.5 only
    where they are its halves and meet nothing else. Taking the first best partner from both sides is therefore the best
    matching, without solving an assignment problem; at higher thresholds it is the same matching cut off.
    """
    by_iou = np.argsort(-overlaps.iou, kind="stable")
    by_iou = by_iou[overlaps.iou[by_iou] >= IOU_THRESHOLDS[0]]
    first_of_true = np.unique(overlaps.true_index[by_iou], return_index=True)[1]
    first_of_predicted = np.unique(overlaps.predicted_index[by_iou], return_index=True)[1]
    best: IntArray = by_iou[np.intersect1d(first_of_true, first_of_predicted)]
    return best


def _dice(true: Mask, predicted: Mask) -> float:
    return 2 * int((true & predicted).sum()) / max(int(true.sum()) + int(predicted.sum()), 1)


def _ecd(area: IntArray) -> FloatArray:
    return np.asarray(np.sqrt(4 * area / np.pi), dtype=np.float64)


def _relative_error(predicted: FloatArray, true: FloatArray) -> float:
    """Relative error of the mean; 1 where a side has no particle."""
    if len(predicted) == 0 or len(true) == 0:
        return 1.0
    return float(abs(predicted.mean() - true.mean()) / true.mean())


def _by_size(ecd_px: FloatArray) -> tuple[int, ...]:
    counts = np.bincount(np.digitize(ecd_px, SIZE_EDGES_PX), minlength=len(SIZE_CLASSES))
    return tuple(int(count) for count in counts)


def _recall(name: str, found: FloatArray, total: FloatArray, resampled: IntArray) -> Figure:
    drawn_found, drawn_total = found[resampled].sum(axis=1), total[resampled].sum(axis=1)
    # A resampled set without a particle of the class says nothing about it.
    drawn = drawn_found[drawn_total > 0] / drawn_total[drawn_total > 0]
    n = int(total.sum())
    return _figure(name, found.sum() / n, drawn, n) if n else Figure(name, np.nan, np.nan, np.nan, 0)


def _figure(name: str, value: float, drawn: FloatArray, n: int) -> Figure:
    low, high = np.percentile(drawn, CONFIDENCE_PERCENTILES)
    return Figure(name, float(value), float(low), float(high), n)
