"""Segmenting a picture too large for memory block by block, so that no seam shows.

Blocks overlap widely. A particle belongs to the one block in whose core its centroid lies, and is taken from there whole.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from shared.arrays import FloatArray, FloatImage, Labels
from shared.domain import Segmentation
from worker.analysis.instances import numbered

# Of a particle that two blocks claim, since its centroid lies on their border, the second finds the pixels taken.
MIN_FREE_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Block:
    """A window of a picture and the part of it that no other block owns; rows and columns, ends exclusive, in the picture."""

    window: tuple[slice, slice]
    core: tuple[slice, slice]


def blocks(shape: tuple[int, int], core_px: int, margin_px: int) -> Iterator[Block]:
    """Divide a picture.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns of the picture.
    core_px, margin_px : int
        Side of a core, and how far the window reaches beyond it on every side, px.

    Yields
    ------
    Block
        In the order of the rows.
    """
    for rows in _spans(shape[0], core_px, margin_px):
        for columns in _spans(shape[1], core_px, margin_px):
            yield Block((rows[0], columns[0]), (rows[1], columns[1]))


class JoinedBlocks:
    """The segmentation of a picture as it grows block by block.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns of the picture.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self.labels = np.zeros(shape, dtype=np.int32)
        self._confidence: list[FloatArray] = []
        self._count = 0
        self._n_blocks = 0

    def add(self, block: Block, found: Segmentation) -> None:
        """Take the particles of a block that are its own."""
        place = self.labels[block.window]
        is_kept = _is_owned(found.labels, block) & _is_free(found.labels, place)
        new = numbered(is_kept, first=self._count + 1)[found.labels]
        place[...] = np.where(place == 0, new, place)
        if found.confidence is not None:
            self._confidence.append(found.confidence[is_kept[1:]])
        self._count += int(is_kept.sum())
        self._n_blocks += 1

    def segmentation(self) -> Segmentation:
        """Return all particles; with confidence if every block has it."""
        has_confidence = len(self._confidence) == self._n_blocks
        return Segmentation(self.labels, np.concatenate(self._confidence) if has_confidence else None)


def segment_in_blocks(
    image: FloatImage, core_px: int, margin_px: int, segment: Callable[[FloatImage], Segmentation]
) -> Segmentation:
    """Segment a picture block by block.

    Parameters
    ----------
    image : ndarray of float32, shape (rows, columns)
        Grey values.
    core_px, margin_px : int
        As in `blocks`; particles up to twice the margin are always seen whole.
    segment : callable
        From a part of the picture to its particles.

    Returns
    -------
    Segmentation
        Of the shape of the picture; with confidence if every block has it.
    """
    joined = JoinedBlocks((image.shape[0], image.shape[1]))
    for block in blocks(joined.labels.shape, core_px, margin_px):
        joined.add(block, segment(image[block.window]))
    return joined.segmentation()


def _spans(length: int, core_px: int, margin_px: int) -> Iterator[tuple[slice, slice]]:
    for start in range(0, length, core_px):
        stop = min(start + core_px, length)
        yield slice(max(start - margin_px, 0), min(stop + margin_px, length)), slice(start, stop)


def _is_owned(labels: Labels, block: Block) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Whether the centroid of each label, 0 included, lies in the core; the background never does."""
    flat = labels.ravel()
    area = np.maximum(np.bincount(flat), 1)
    rows, columns = labels.shape
    y = np.bincount(flat, weights=np.repeat(np.arange(rows, dtype=np.float64), columns)) / area + block.window[0].start
    x = np.bincount(flat, weights=np.tile(np.arange(columns, dtype=np.float64), rows)) / area + block.window[1].start
    # Half a pixel: the border between two cores runs between two pixels.
    top, bottom, left, right = (value - 0.5 for span in block.core for value in (span.start, span.stop))
    inside: np.ndarray[tuple[int], np.dtype[np.bool_]] = (y >= top) & (y < bottom) & (x >= left) & (x < right)
    inside[0] = False
    return inside


def _is_free(labels: Labels, place: Labels) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Whether most pixels of each label, 0 included, are not yet taken."""
    flat = labels.ravel()
    free = np.bincount(flat, weights=(place == 0).ravel())
    return np.asarray(free >= MIN_FREE_SHARE * np.bincount(flat))
