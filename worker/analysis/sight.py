"""What the network sees of an image at its scales, and how particles are made of it.

Apart from the network, so that another process than the network's can do it, which then needs no PyTorch.
"""

from dataclasses import dataclass

import numpy as np

from shared.arrays import FloatArray, Labels
from shared.domain import Segmentation
from worker.analysis.confidence import ConfidenceModel, evidence
from worker.analysis.enlarging import enlarged, enlarged_foreground
from worker.analysis.instances import FOREGROUND_PROBABILITY, VIEWING_SIZE, PixelMaps, largest_parts, split_instances
from worker.analysis.label_map import numbers_before
from worker.analysis.merging import merged


@dataclass(frozen=True, slots=True)
class View:
    """What the network finds at one scale: particles 1..n in the shape of the picture, with their evidence, shape (n, …)."""

    labels: Labels
    evidence: FloatArray


@dataclass(frozen=True, slots=True)
class PlainSight:
    """What is seen of an image, or a block of one, by a network without a confidence: the fine view alone.

    Attributes
    ----------
    shape : tuple of int
        Rows and columns of the image.
    fine : PixelMaps
        At the scale that suits the particles.
    """

    shape: tuple[int, int]
    fine: PixelMaps

    def segmentation(self) -> Segmentation:
        """Split what was seen into particles."""
        return Segmentation(view(self.fine, self.shape).labels)


@dataclass(frozen=True, slots=True)
class Sight:
    """What is seen of an image, or a block of one, at both scales.

    Attributes
    ----------
    shape : tuple of int
        Rows and columns of the image.
    fine, coarse : PixelMaps
        At the scale that suits the particles, and at a smaller one.
    confidence : ConfidenceModel
        Decides between the two.
    """

    shape: tuple[int, int]
    fine: PixelMaps
    coarse: PixelMaps
    confidence: ConfidenceModel

    def segmentation(self) -> Segmentation:
        """Split what was seen into particles."""
        fine, coarse = (view(maps, self.shape) for maps in (self.fine, self.coarse))
        return merged(*(Segmentation(one.labels, self.confidence(one.evidence)) for one in (fine, coarse)))


@dataclass(frozen=True, slots=True)
class Settled:
    """An image whose particles are known already."""

    found: Segmentation

    def segmentation(self) -> Segmentation:
        """Return them."""
        return self.found


def view(maps: PixelMaps, shape: tuple[int, int]) -> View:
    """Split the maps of one scale into particles.

    Parameters
    ----------
    maps : PixelMaps
        As the network saw the picture.
    shape : tuple of int
        Rows and columns of the picture itself.

    Returns
    -------
    View
    """
    seen = split_instances(maps, VIEWING_SIZE)
    foreground = enlarged_foreground(maps.foreground, shape)
    fine = enlarged(seen, foreground > FOREGROUND_PROBABILITY)
    labels = largest_parts(fine)
    return View(labels, evidence(seen, maps)[numbers_before(labels, fine) - 1])


def nothing(shape: tuple[int, ...], confidence: ConfidenceModel | None) -> Segmentation:
    """Return the segmentation of an image without particles."""
    return Segmentation(np.zeros(shape, dtype=np.int32), None if confidence is None else np.zeros(0))
