"""The network as a segmenter: looks at a picture at the scales that suit its particles, splits what it sees, and weighs it.

Pictures that are large at that scale are taken block by block, so that memory stays bounded.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from shared.arrays import FloatArray, FloatImage, Labels
from shared.domain import ModelIdentity, Segmentation
from worker.analysis.blocks import segment_in_blocks
from worker.analysis.confidence import ConfidenceModel, evidence
from worker.analysis.instances import FOREGROUND_PROBABILITY, VIEWING_SIZE, largest_parts, split_instances
from worker.analysis.label_map import numbers_before
from worker.analysis.merging import merged
from worker.analysis.network import GreyScale, ParticleNet, fused, grey_scale, standardised
from worker.analysis.tiling import predicted_maps
from worker.analysis.viewing import enlarged, enlarged_foreground, resized, viewing_scale

# The coarse view sees the picture at half the scale, for a quarter of the time that the fine one takes.
COARSE_SHARE = 0.5
# Sides in pixels as the network sees them: a particle twice as large as the margin is still whole in one block.
BLOCK_CORE_PX = 2048
BLOCK_MARGIN_PX = 256
MAX_WHOLE_PX = 2560 * 2560
# Labels are made at the picture's own scale, however much it is reduced for the network.
MAX_WHOLE_PICTURE_PX = 5120 * 5120
MAX_BLOCK_CORE_PICTURE_PX = 4096


@dataclass(frozen=True, slots=True)
class View:
    """What the network finds at one scale: particles 1..n in the shape of the picture, with their evidence, shape (n, …)."""

    labels: Labels
    evidence: FloatArray


@dataclass(frozen=True, slots=True)
class NetworkSegmenter:
    """Segmenter of the form that ``shared.domain.Segmenter`` describes, around a trained network.

    Attributes
    ----------
    net : ParticleNet
        For inference, on its device; `network_segmenter` makes it so.
    identity : ModelIdentity
        Stored with every analysis.
    confidence : ConfidenceModel or None
        Calibrated for this network. Without it, particles have no confidence, and only the fine view is taken, because the
        views cannot be compared.
    """

    net: ParticleNet
    identity: ModelIdentity
    confidence: ConfidenceModel | None

    def __call__(self, image: FloatImage) -> Segmentation:
        """Split a grey image into particles.

        Parameters
        ----------
        image : ndarray of float32, shape (rows, columns)
            Grey values in 0..1.

        Returns
        -------
        Segmentation
            Without particles for a constant image.
        """
        if image.size == 0 or image.min() == image.max():
            return Segmentation(np.zeros(image.shape, dtype=np.int32), None if self.confidence is None else np.zeros(0))
        grey = grey_scale(image)
        scale = viewing_scale(self.net, image, grey)
        segment = partial(self._segmented, grey=grey, scale=scale)
        if image.size * scale * scale <= MAX_WHOLE_PX and image.size <= MAX_WHOLE_PICTURE_PX:
            return segment(image)
        core_px = min(round(BLOCK_CORE_PX / scale), MAX_BLOCK_CORE_PICTURE_PX)
        return segment_in_blocks(image, core_px, round(BLOCK_MARGIN_PX / scale), segment)

    def views(self, image: FloatImage) -> tuple[View, View]:
        """Return the fine and the coarse view of an image that fits into memory whole; what a confidence is calibrated on."""
        grey = grey_scale(image)
        scale = viewing_scale(self.net, image, grey)
        return self._view(image, grey, scale), self._view(image, grey, scale * COARSE_SHARE)

    def _segmented(self, image: FloatImage, grey: GreyScale, scale: float) -> Segmentation:
        """Split a picture, or a block of one, whose fine view has this scale."""
        fine = self._view(image, grey, scale)
        if self.confidence is None:
            return Segmentation(fine.labels)
        coarse = self._view(image, grey, scale * COARSE_SHARE)
        return merged(*(Segmentation(view.labels, self.confidence(view.evidence)) for view in (fine, coarse)))

    def _view(self, image: FloatImage, grey: GreyScale, scale: float) -> View:
        """Split a picture, or a block of one, as seen at a scale."""
        maps = predicted_maps(self.net, standardised(resized(image, scale), grey))
        seen = split_instances(maps, VIEWING_SIZE)
        foreground = enlarged_foreground(maps.foreground, image.shape)
        fine = enlarged(seen, foreground > FOREGROUND_PROBABILITY)
        labels = largest_parts(fine)
        return View(labels, evidence(seen, maps)[numbers_before(labels, fine) - 1])


def network_segmenter(
    net: ParticleNet, identity: ModelIdentity, device: torch.device, confidence: ConfidenceModel | None = None
) -> NetworkSegmenter:
    """Build the segmenter of a trained network.

    Parameters
    ----------
    net : ParticleNet
        Trained; left as it is.
    identity : ModelIdentity
        Name, version and hash.
    device : torch.device
        Where it shall run.
    confidence : ConfidenceModel or None
        Calibrated for this network.

    Returns
    -------
    NetworkSegmenter
    """
    return NetworkSegmenter(fused(net).to(device), identity, confidence)
