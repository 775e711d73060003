"""The network as a segmenter: looks at a picture at the scale that suits its particles, and splits what it sees.

Pictures that are large at that scale are taken block by block, so that memory stays bounded.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from shared.domain import FloatImage, ModelIdentity, Segmentation
from worker.analysis.blocks import segment_in_blocks
from worker.analysis.instances import (
    FOREGROUND_PROBABILITY,
    VIEWING_SIZE,
    Instances,
    largest_parts,
    split_instances,
    with_confidence,
)
from worker.analysis.network import GreyScale, ParticleNet, fused, grey_scale, standardised
from worker.analysis.tiling import predicted_maps
from worker.analysis.viewing import enlarged, enlarged_foreground, resized, viewing_scale

# Sides in pixels as the network sees them: a particle twice as large as the margin is still whole in one block.
BLOCK_CORE_PX = 2048
BLOCK_MARGIN_PX = 256
MAX_WHOLE_PX = 2560 * 2560


@dataclass(frozen=True, slots=True)
class NetworkSegmenter:
    """Segmenter of the form that ``shared.domain.Segmenter`` describes, around a trained network.

    Attributes
    ----------
    net : ParticleNet
        For inference, on its device; `network_segmenter` makes it so.
    identity : ModelIdentity
        Name and version stored with every analysis.
    """

    net: ParticleNet
    identity: ModelIdentity

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
        return Segmentation(self.instances(image).labels)

    def instances(self, image: FloatImage) -> Instances:
        """Split a grey image into particles and say how sure the network is of each.

        Parameters
        ----------
        image : ndarray of float32, shape (rows, columns)
            Grey values in 0..1.

        Returns
        -------
        Instances
        """
        if image.size == 0 or image.min() == image.max():
            return Instances(np.zeros(image.shape, dtype=np.int32), np.zeros(0))
        grey = grey_scale(image)
        scale = viewing_scale(self.net, image, grey)
        segment = partial(self._at_scale, grey=grey, scale=scale)
        if image.size * scale * scale <= MAX_WHOLE_PX:
            return segment(image)
        return segment_in_blocks(image, round(BLOCK_CORE_PX / scale), round(BLOCK_MARGIN_PX / scale), segment)

    def _at_scale(self, image: FloatImage, grey: GreyScale, scale: float) -> Instances:
        """Split a picture, or a block of one, as seen at a scale; labels of the shape of the picture."""
        maps = predicted_maps(self.net, standardised(resized(image, scale), grey))
        foreground = enlarged_foreground(maps.foreground, image.shape)
        labels = enlarged(split_instances(maps, VIEWING_SIZE).labels, foreground > FOREGROUND_PROBABILITY)
        return with_confidence(largest_parts(labels), foreground)


def network_segmenter(net: ParticleNet, identity: ModelIdentity, device: torch.device) -> NetworkSegmenter:
    """Build the segmenter of a trained network.

    Parameters
    ----------
    net : ParticleNet
        Trained; left as it is.
    identity : ModelIdentity
        Name and version.
    device : torch.device
        Where it shall run.

    Returns
    -------
    NetworkSegmenter
    """
    return NetworkSegmenter(fused(net).to(device), identity)
