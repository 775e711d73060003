"""Calibrating the confidence of a network on labelled micrographs that it was not trained on.

The same logistic regression is also fitted with whole groups of similar micrographs left out, and judged on those: what the
reliability says is then not learnt by heart.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy import optimize

from shared.arrays import FloatArray, Labels, Mask
from shared.domain import Segmentation
from shared.geometry import AnalysedField
from worker.analysis.banner import find_banner
from worker.analysis.confidence import ConfidenceModel
from worker.analysis.label_map import numbers_before
from worker.analysis.merging import merged
from worker.analysis.network_segmenter import NetworkSegmenter
from worker.analysis.normalisation import to_unit_range
from worker.analysis.padding import analysed_field, cut_to_field, reflect_outside
from worker.analysis.sight import View
from worker.training.labelled import LabelledImage, read_labelled
from worker.training.scoring import is_matched

BINS = 10
FOLDS = 5
# A particle right or wrong tells more where its micrograph shows few; by the root, crowded ones still count for more.
CROWD_EXPONENT = -0.5
# Pulls the weights of the standardised evidence towards 0, as a hundred particles at most could.
RIDGE = 1e-3
# Keeps logits finite.
LEAST_CONFIDENCE = 1e-6
# With fewer, a calibration would be chance.
MIN_PARTICLES = 200
MIN_WRONG = 20
# The views of so many micrographs are held in memory; more would not change the fit.
MAX_IMAGES = 150


@dataclass(frozen=True, slots=True)
class Observed:
    """Particles that a network found in labelled micrographs, from both of its views.

    Attributes
    ----------
    evidence : ndarray of float64, shape (n, k)
        As `worker.analysis.confidence.evidence` gives it.
    is_right : ndarray of bool, shape (n,)
        Whether a person outlined the same (IoU ≥ 0.5).
    weight : ndarray of float64, shape (n,)
        Share in the fit.
    """

    evidence: FloatArray
    is_right: Mask
    weight: FloatArray


@dataclass(frozen=True, slots=True)
class Calibrated:
    """What a calibration gives: the model for the card, and how well it holds on micrographs that it does not know."""

    confidence: ConfidenceModel
    reliability: "Reliability"


@dataclass(frozen=True, slots=True)
class _Seen:
    """A labelled micrograph as the network sees it."""

    truth: Labels
    field: AnalysedField
    views: tuple[View, View]
    group: str


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Particles whose confidence lies between two limits: how many, their mean confidence, and the share that is right."""

    low: float
    high: float
    n: int
    confidence: float | None
    right: float | None


@dataclass(frozen=True, slots=True)
class Reliability:
    """How well confidence and truth agree, particles taken from micrographs of groups that the fit did not know.

    Attributes
    ----------
    n_images, n_particles : int
        What it was judged on.
    expected_calibration_error : float
        Σ over bins of n_bin/n · |mean confidence − share right| (M. P. Naeini et al., AAAI 2015).
    share_right : float
        Of all particles.
    bins : tuple of ReliabilityBin
        Ten of equal width.
    """

    n_images: int
    n_particles: int
    expected_calibration_error: float
    share_right: float
    bins: tuple[ReliabilityBin, ...]

    def as_card(self) -> dict[str, Any]:
        """Return the plain values for a model card."""
        return asdict(self)


def fit(observed: Observed) -> ConfidenceModel:
    """Fit the logistic regression by weighted maximum likelihood with a small ridge.

    Parameters
    ----------
    observed : Observed
        Particles, right and wrong ones.

    Returns
    -------
    ConfidenceModel
    """
    mean = observed.evidence.mean(axis=0)
    deviation = np.maximum(observed.evidence.std(axis=0), 1e-9)
    design = np.column_stack([(observed.evidence - mean) / deviation, np.ones(len(observed.is_right))])
    right = observed.is_right.astype(np.float64)
    weight = observed.weight / observed.weight.sum()

    def cost(parameters: FloatArray) -> tuple[float, FloatArray]:
        logit = design @ parameters
        slopes = np.append(parameters[:-1], 0.0)
        loss = float(weight @ (np.logaddexp(0, logit) - right * logit) + RIDGE * slopes @ slopes)
        gradient = design.T @ (weight * (1 / (1 + np.exp(-logit)) - right)) + 2 * RIDGE * slopes
        return loss, gradient

    found = optimize.minimize(cost, np.zeros(design.shape[1]), jac=True, method="L-BFGS-B").x
    return ConfidenceModel(tuple(mean.tolist()), tuple(deviation.tolist()), tuple(found[:-1].tolist()), float(found[-1]))


def calibrate(
    images: Sequence[LabelledImage],
    groups: Mapping[str, str],
    segmenter: NetworkSegmenter,
    on_image: Callable[[], None] = lambda: None,
) -> Calibrated | None:
    """Calibrate the confidence of a network.

    Parameters
    ----------
    images : sequence of LabelledImage
        That it was not trained on; of very many, some evenly chosen.
    groups : mapping of str
        Paper, or other group of similar micrographs, by name; those missing stand for themselves.
    segmenter : NetworkSegmenter
        With or without a confidence, which is not used.
    on_image : callable
        Called after each micrograph, for a progress bar.

    Returns
    -------
    Calibrated or None
        None where there are fewer than 200 particles, fewer than 20 wrong ones, or a single group.
    """
    if not images:
        return None
    seen: list[_Seen] = []
    for image in images[:: -(-len(images) // MAX_IMAGES)]:
        seen.append(_look(image, groups.get(image.name, image.name), segmenter))
        on_image()
    observed = [_observed(one) for one in seen]
    whole = _joined(observed)
    fold_of = _folds([one.group for one in seen])
    if len(whole.is_right) < MIN_PARTICLES or np.count_nonzero(~whole.is_right) < MIN_WRONG or len(set(fold_of)) < 2:
        return None
    return Calibrated(_fitted(seen, observed), _reliability(seen, observed, fold_of))


def reliability(confidence: FloatArray, is_right: Mask, n_images: int) -> Reliability:
    """Compare confidences with the truth in ten bins of equal width.

    Parameters
    ----------
    confidence : ndarray of float64, shape (n,)
        In 0..1.
    is_right : ndarray of bool, shape (n,)
        Whether each particle is right; at least one particle.
    n_images : int
        Stated with the result.

    Returns
    -------
    Reliability
    """
    place = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    n = np.bincount(place, minlength=BINS)
    filled = np.maximum(n, 1)
    stated = np.bincount(place, weights=confidence, minlength=BINS) / filled
    right = np.bincount(place, weights=is_right, minlength=BINS) / filled
    bins = tuple(
        ReliabilityBin(
            low=i / BINS,
            high=(i + 1) / BINS,
            n=int(n[i]),
            confidence=float(stated[i]) if n[i] else None,
            right=float(right[i]) if n[i] else None,
        )
        for i in range(BINS)
    )
    error = float((n * np.abs(stated - right)).sum() / len(confidence))
    return Reliability(n_images, len(confidence), error, float(is_right.mean()), bins)


def _look(image: LabelledImage, group: str, segmenter: NetworkSegmenter) -> _Seen:
    """Show a micrograph to the network as an analysis does."""
    micrograph, truth = read_labelled(image)
    field = analysed_field(micrograph.pixels.shape, find_banner(micrograph.pixels))
    views = segmenter.views(to_unit_range(reflect_outside(micrograph.pixels, field)))
    return _Seen(truth, field, views, group)


def _observed(seen: _Seen) -> Observed:
    """Judge the particles of both views."""
    parts = []
    for view in seen.views:
        labels = cut_to_field(view.labels, seen.field)
        found = view.evidence[numbers_before(labels, view.labels) - 1]
        parts.append(Observed(found, is_matched(seen.truth, labels), _weights(len(found))))
    return _joined(parts)


def _weights(n: int) -> FloatArray:
    """Weight of each of the n particles of a view."""
    return np.full(n, float(max(n, 1)) ** CROWD_EXPONENT)


def _joined(parts: Sequence[Observed]) -> Observed:
    return Observed(
        np.concatenate([part.evidence for part in parts]),
        np.concatenate([part.is_right for part in parts]),
        np.concatenate([part.weight for part in parts]),
    )


def _folds(groups: Sequence[str]) -> list[int]:
    """Fold of each micrograph; those of a group are never apart, and the folds are about equally large."""
    sizes = [0] * FOLDS
    fold_of_group: dict[str, int] = {}
    for group in sorted(set(groups), key=lambda one: (-groups.count(one), one)):
        fold = sizes.index(min(sizes))
        fold_of_group[group] = fold
        sizes[fold] += groups.count(group)
    return [fold_of_group[group] for group in groups]


def _reliability(seen: Sequence[_Seen], observed: Sequence[Observed], fold_of: Sequence[int]) -> Reliability:
    """Judge the confidences of whole analyses, each by a fit that knows neither its micrograph nor its group."""
    confidences, rights = [], []
    for fold in sorted(set(fold_of)):
        known = [i for i, place in enumerate(fold_of) if place != fold]
        model = _fitted([seen[i] for i in known], [observed[i] for i in known])
        for one in (one for one, place in zip(seen, fold_of, strict=True) if place == fold):
            confidence, is_right = _judged(one, model)
            confidences.append(confidence)
            rights.append(is_right)
    return reliability(np.concatenate(confidences), np.concatenate(rights), len(seen))


def _fitted(seen: Sequence[_Seen], observed: Sequence[Observed]) -> ConfidenceModel:
    """Fit to the particles of both views, then stretch and shift the logit to fit those that merging leaves.

    Merging takes the surer of two answers, so that its particles are right more often than those of the views (the second step
    is the scaling of J. Platt, Advances in Large Margin Classifiers, 1999).
    """
    model = fit(_joined(observed))
    parts = []
    for one in seen:
        confidence, is_right = _judged(one, model)
        inner = np.clip(confidence, LEAST_CONFIDENCE, 1 - LEAST_CONFIDENCE)
        # Here each particle counts the same, as it does where somebody reads its confidence.
        parts.append(Observed(np.log(inner / (1 - inner))[:, None], is_right, np.ones(len(is_right))))
    scaling = fit(_joined(parts))
    slope = scaling.weights[0] / scaling.deviation[0]
    return model.rescaled(slope, scaling.bias - slope * scaling.mean[0])


def _judged(seen: _Seen, model: ConfidenceModel) -> tuple[FloatArray, Mask]:
    """Confidences of the particles that an analysis would store, and whether they are right."""
    found = merged(*_segmentations(seen.views, model))
    labels = cut_to_field(found.labels, seen.field)
    confidence = np.zeros(0) if found.confidence is None else found.confidence
    return confidence[numbers_before(labels, found.labels) - 1], is_matched(seen.truth, labels)


def _segmentations(views: tuple[View, View], model: ConfidenceModel) -> Iterator[Segmentation]:
    return (Segmentation(view.labels, model(view.evidence)) for view in views)
