"""Which crops the network sees at which step: balanced over papers, and the same for the same seed and step.

Chance comes from the seed and the number of the step alone, so a run that was cut off goes on with exactly the batches that it
would have had.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import torch

from shared.arrays import FloatArray, Labels, Pixels
from worker.analysis.banner import find_banner
from worker.analysis.depth import normalised_distance
from worker.analysis.network import grey_scale, standardised
from worker.analysis.normalisation import to_unit_range
from worker.analysis.padding import analysed_field
from worker.training.augmentation import Crop, augmented
from worker.training.losses import Batch
from worker.training.targets import contacts

# A crop has other grey values than its picture; at inference the whole picture sets the scale.
SHIFT_SD = 0.25
SCALE_SD = 0.2


def prepared(pixels: Pixels, labels: Labels) -> Crop:
    """Make a micrograph ready for training: no banner, grey values in 0..1, distances computed.

    Parameters
    ----------
    pixels : ndarray, shape (rows, columns)
        As the file holds them. A banner, where labels are missing, is cut away as it is in an analysis.
    labels : ndarray of int32, shape (rows, columns)
        0 is background.

    Returns
    -------
    Crop
        The analysed field.
    """
    field = analysed_field(pixels.shape, find_banner(pixels))
    inside = np.ascontiguousarray(labels[field.slices])
    valid = np.ones(inside.shape, dtype=np.bool_)
    return Crop(to_unit_range(pixels[field.slices]), inside, normalised_distance(inside), valid)


def paper_weights(papers: Sequence[str]) -> FloatArray:
    """Give the probability to choose each micrograph: by the square root of its paper's size, shared among its pictures.

    Parameters
    ----------
    papers : sequence of str
        Paper, or other group of similar pictures, of each micrograph.

    Returns
    -------
    ndarray of float64, shape (n,)
        Sums to 1.
    """
    sizes = Counter(papers)
    weights = np.array([sizes[paper] ** -0.5 for paper in papers])
    return np.asarray(weights / weights.sum(), dtype=np.float64)


def training_batch(wholes: Sequence[Crop], weights: FloatArray, size_px: int, count: int, seed: tuple[int, ...]) -> Batch:
    """Draw the crops of one step.

    Parameters
    ----------
    wholes : sequence of Crop
        The micrographs.
    weights : ndarray of float64, shape (n,)
        Probability of each.
    size_px, count : int
        Side of a crop and number of crops.
    seed : tuple of int
        The only source of chance.

    Returns
    -------
    Batch
    """
    random = np.random.default_rng(seed)
    chosen = random.choice(len(wholes), size=count, p=weights)
    return _stacked([augmented(wholes[number], size_px, random) for number in chosen], random)


def _stacked(crops: Sequence[Crop], random: np.random.Generator) -> Batch:
    images = [
        standardised(crop.image, grey_scale(crop.image)) * np.float32(np.exp(random.normal(0, SCALE_SD)))
        + np.float32(random.normal(0, SHIFT_SD))
        for crop in crops
    ]
    return Batch(
        image=torch.from_numpy(np.stack(images)[:, None]),
        foreground=_tensor([crop.labels > 0 for crop in crops]),
        distance=_tensor([crop.distance for crop in crops]),
        contact=_tensor([contacts(crop.labels) for crop in crops]),
        valid=_tensor([crop.valid for crop in crops]),
    )


def _tensor(arrays: Sequence[np.ndarray[tuple[int, ...], np.dtype[np.generic]]]) -> torch.Tensor:
    return torch.from_numpy(np.stack(arrays).astype(np.float32))
