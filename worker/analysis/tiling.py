"""The network on pictures of any size in bounded memory: overlapping tiles, whose maps fade into each other.

Tiles start on multiples of the network's stride, so that every pixel meets the same grid of features as in the whole picture;
what a tile sees of the picture ends at its edge, hence the wide overlap, and the weight that falls to zero there.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from shared.arrays import FloatImage
from worker.analysis.forward import Forward
from worker.analysis.instances import PixelMaps
from worker.analysis.network import STRIDE_PX

# Pictures up to the first number of pixels go through in one piece.
MAX_WHOLE_PX = 4_000_000
TILE_PX = 1024
OVERLAP_PX = 256
# Pixels at the edge of a tile that see padding and count for nothing where another tile knows better.
MARGIN_PX = 64


class _Canvas:
    """A picture, its tiles, and their maps as they come in."""

    def __init__(self, image: FloatImage) -> None:
        self._shape = image.shape
        self._padded = _padded(image)
        self._side = TILE_PX if image.size > MAX_WHOLE_PX else max(self._padded.shape)
        self._windows = [(top, left) for top in self._starts(0) for left in self._starts(1)]
        self._is_whole = len(self._windows) == 1
        shape = (0, 0) if self._is_whole else self._padded.shape
        self._total = np.zeros((3, *shape), dtype=np.float32)
        self._weight = np.zeros(shape, dtype=np.float32)

    def tiles(self) -> list[FloatImage]:
        """Return views into the picture, in the order of their numbers."""
        return [self._padded[self._place(top, left)] for top, left in self._windows]

    def lay(self, number: int, maps: NDArray[np.float32]) -> None:
        """Put the maps of a tile in their place."""
        if self._is_whole:
            self._total = maps
            return
        top, left = self._windows[number]
        place = self._place(top, left)
        (rows, columns), (height, width) = self._padded.shape, maps.shape[1:]
        fade = _fade(top, height, rows)[:, None] * _fade(left, width, columns)
        self._total[:, *place] += maps * fade
        self._weight[place] += fade

    def maps(self) -> PixelMaps:
        """Return the maps of the whole picture."""
        if not self._is_whole:
            self._total /= self._weight
        rows, columns = self._shape
        return PixelMaps(*(np.ascontiguousarray(found[:rows, :columns]) for found in self._total))

    def _starts(self, axis: int) -> list[int]:
        return _starts(self._padded.shape[axis], self._side)

    def _place(self, top: int, left: int) -> tuple[slice, slice]:
        return slice(top, top + self._side), slice(left, left + self._side)


def predicted_maps(forward: Forward, pictures: Sequence[FloatImage]) -> list[PixelMaps]:
    """Run the network over pictures, in tiles where they are large; equally large tiles of all of them go together.

    Parameters
    ----------
    forward : Forward
        The network.
    pictures : sequence of ndarray of float32, shape (rows, columns)
        As `worker.analysis.network.standardised` makes them, of any sizes.

    Returns
    -------
    list of PixelMaps
        Of the shapes of the pictures, probabilities instead of logits.
    """
    canvases = [_Canvas(picture) for picture in pictures]
    places = [(canvas, number, tile) for canvas in canvases for number, tile in enumerate(canvas.tiles())]
    for position, maps in forward.passes([tile for _, _, tile in places]):
        canvas, number, _ = places[position]
        canvas.lay(number, maps)
    return [canvas.maps() for canvas in canvases]


def _starts(length: int, side: int) -> list[int]:
    """First pixels of the tiles along an axis, whose length is a multiple of the stride, as then are they all."""
    if length <= side:
        return [0]
    last = length - side
    return [*range(0, last, side - OVERLAP_PX), last]


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
