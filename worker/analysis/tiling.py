"""The network on pictures of any size in bounded memory: overlapping tiles, whose maps fade into each other.

Tiles start on multiples of the network's stride, so that every pixel meets the same grid of features as in the whole picture;
what a tile sees of the picture ends at its edge, hence the wide overlap, and the weight that falls to zero there.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from shared.arrays import FloatImage
from worker.analysis.instances import PixelMaps
from worker.analysis.network import STRIDE_PX, ParticleNet

# Pictures up to the first number of pixels go through in one piece.
MAX_WHOLE_PX = 4_000_000
TILE_PX = 1024
OVERLAP_PX = 256
# Pixels at the edge of a tile that see padding and count for nothing where another tile knows better.
MARGIN_PX = 64
# A GPU wants much work at once; on a CPU several tiles gain a tenth and cost memory.
TILES_PER_PASS = {"cpu": 1, "cuda": 8}


def predicted_maps(net: ParticleNet, image: FloatImage) -> PixelMaps:
    """Run the network over a picture, in tiles where it is large.

    Parameters
    ----------
    net : ParticleNet
        For inference, as `worker.analysis.network.fused` makes it.
    image : ndarray of float32, shape (rows, columns)
        As `worker.analysis.network.standardised` makes it.

    Returns
    -------
    PixelMaps
        Of the shape of the picture, probabilities instead of logits.
    """
    if image.size <= MAX_WHOLE_PX:
        return PixelMaps(*predicted_batch(net, image[None])[:, 0])
    padded = _padded(image)
    rows, columns = padded.shape
    total = np.zeros((3, rows, columns), dtype=np.float32)
    weight = np.zeros((rows, columns), dtype=np.float32)
    windows = [(top, left) for top in _starts(rows) for left in _starts(columns)]
    height, width = min(TILE_PX, rows), min(TILE_PX, columns)
    at_once = TILES_PER_PASS.get(next(net.parameters()).device.type, 1)
    for first in range(0, len(windows), at_once):
        places = windows[first : first + at_once]
        tiles = np.stack([padded[top : top + height, left : left + width] for top, left in places])
        maps = predicted_batch(net, tiles)
        for number, (top, left) in enumerate(places):
            fade = _fade(top, height, rows)[:, None] * _fade(left, width, columns)
            total[:, top : top + height, left : left + width] += maps[:, number] * fade
            weight[top : top + height, left : left + width] += fade
    total /= weight
    return PixelMaps(*(found[: image.shape[0], : image.shape[1]] for found in total))


def predicted_batch(net: ParticleNet, images: FloatImage) -> NDArray[np.float32]:
    """Run the network once.

    Parameters
    ----------
    net : ParticleNet
        For inference.
    images : ndarray of float32, shape (batch, rows, columns)
        Standardised grey values.

    Returns
    -------
    ndarray of float32, shape (3, batch, rows, columns)
        Foreground probability, distance in 0..1, contact probability.
    """
    device = next(net.parameters()).device
    with torch.inference_mode():
        given = torch.from_numpy(images[:, None]).to(device).contiguous(memory_format=torch.channels_last)
        maps = net(given)
        found = torch.stack([torch.sigmoid(maps.foreground), maps.distance.clamp(0, 1), torch.sigmoid(maps.contact)])
        result: NDArray[np.float32] = found.float().cpu().numpy()
    return result


def _starts(length: int) -> list[int]:
    """First pixels of the tiles along an axis, whose length is a multiple of the stride, as then are they all."""
    if length <= TILE_PX:
        return [0]
    last = length - TILE_PX
    return [*range(0, last, TILE_PX - OVERLAP_PX), last]


def _padded(image: FloatImage) -> FloatImage:
    """Continue a picture by reflection to a multiple of the stride, as the network itself does with a whole one."""
    return np.pad(image, [(0, -length % STRIDE_PX) for length in image.shape], mode="reflect").astype(np.float32, copy=False)


def _fade(start: int, size: int, length: int) -> NDArray[np.float32]:
    """Weight of a tile's pixels along an axis: 0 in the margin, rising to 1 over the overlap, and 1 at the picture's edge."""
    ramp_px = OVERLAP_PX - 2 * MARGIN_PX
    from_start = (np.arange(size, dtype=np.float32) - MARGIN_PX + 0.5) / ramp_px
    weight = np.ones(size, dtype=np.float32)
    if start > 0:
        weight = np.minimum(weight, from_start)
    if start + size < length:
        weight = np.minimum(weight, from_start[::-1])
    return np.clip(weight, 0, 1).astype(np.float32, copy=False)
