"""The network as a segmenter: looks at a picture at the scales that suit its particles, splits what it sees, and weighs it.

Pictures that are large at that scale are taken block by block, so that memory stays bounded.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from shared.arrays import FloatImage
from shared.domain import ModelIdentity, Segmentation
from worker.analysis.blocks import JoinedBlocks, blocks
from worker.analysis.confidence import ConfidenceModel
from worker.analysis.forward import Forward
from worker.analysis.instances import PixelMaps
from worker.analysis.network import GreyScale, ParticleNet, fused, grey_scale, standardised
from worker.analysis.questions import NetworkLoad, Questions, Seen, answered
from worker.analysis.sight import PlainSight, Settled, Sight, View, nothing, view
from worker.analysis.tiling import predicted_maps
from worker.analysis.viewing import resized, viewing_scale

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
class NetworkSegmenter:
    """Segmenter of the form that ``shared.domain.Segmenter`` describes, around a trained network.

    Attributes
    ----------
    forward : Forward
        The network, on its device.
    identity : ModelIdentity
        Stored with every analysis.
    confidence : ConfidenceModel or None
        Calibrated for this network. Without it, particles have no confidence, and only the fine view is taken, because the
        views cannot be compared.
    """

    forward: Forward
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
        return answered(self.questions(image), self._answer).segmentation()

    @property
    def load(self) -> NetworkLoad:
        """All that went through the network so far."""
        return NetworkLoad(self.forward.n_passes, self.forward.n_tiles, self.forward.n_places)

    def questions(self, image: FloatImage) -> Questions[Seen]:
        """Ask what is to be seen of a grey image.

        A picture that is taken in blocks is split block by block on the way: the maps of all blocks would fill the memory.

        Parameters
        ----------
        image : ndarray of float32, shape (rows, columns)
            Grey values in 0..1.

        Yields
        ------
        ndarray of float32
            Pictures that `answers` looks at.

        Returns
        -------
        Seen
        """
        if image.size == 0 or image.min() == image.max():
            return Settled(nothing(image.shape, self.confidence))
        grey = grey_scale(image)
        scale = yield from viewing_scale(image, grey)
        if image.size * scale * scale <= MAX_WHOLE_PX and image.size <= MAX_WHOLE_PICTURE_PX:
            return (yield from self._seen(image, grey, scale))
        joined = JoinedBlocks((image.shape[0], image.shape[1]))
        core_px = min(round(BLOCK_CORE_PX / scale), MAX_BLOCK_CORE_PICTURE_PX)
        for block in blocks(joined.labels.shape, core_px, round(BLOCK_MARGIN_PX / scale)):
            seen = yield from self._seen(image[block.window], grey, scale)
            joined.add(block, seen.segmentation())
        return Settled(joined.segmentation())

    def answers(self, pictures: Sequence[FloatImage]) -> list[PixelMaps]:
        """Run the network over standardised pictures of any sizes, tiles of several of them at once."""
        return predicted_maps(self.forward, pictures)

    def views(self, image: FloatImage) -> tuple[View, View]:
        """Return the fine and the coarse view of an image that fits into memory whole; what a confidence is calibrated on."""
        grey = grey_scale(image)
        scale = answered(viewing_scale(image, grey), self._answer)
        fine, coarse = (_picture(image, grey, scale * share) for share in (1.0, COARSE_SHARE))
        shape = (image.shape[0], image.shape[1])
        return view(self._answer(fine), shape), view(self._answer(coarse), shape)

    def _seen(self, image: FloatImage, grey: GreyScale, scale: float) -> Questions[Seen]:
        """Look at a picture, or a block of one, whose fine view has this scale."""
        shape = (image.shape[0], image.shape[1])
        fine = yield _picture(image, grey, scale)
        if self.confidence is None:
            return PlainSight(shape, fine)
        coarse = yield _picture(image, grey, scale * COARSE_SHARE)
        return Sight(shape, fine, coarse, self.confidence)

    def _answer(self, picture: FloatImage) -> PixelMaps:
        (maps,) = self.answers([picture])
        return maps


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
    return NetworkSegmenter(Forward(fused(net).to(device)), identity, confidence)


def _picture(image: FloatImage, grey: GreyScale, scale: float) -> FloatImage:
    """The picture as the network sees it at a scale."""
    return standardised(resized(image, scale), grey)
