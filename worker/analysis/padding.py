"""The analysed field of a micrograph, and what stands in for the rows outside it and for the annotations within it.

A segmenter sees the specimen go on by reflection where the banner and burnt-in letters were, instead of straight edges; what it
finds there is cut away before anything is measured.
"""

from collections.abc import Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray

from shared.arrays import FloatImage, Labels, Pixels
from shared.geometry import AnalysedField, Banner, Box


def analysed_field(shape: tuple[int, int], banner: Banner | None) -> AnalysedField:
    """Give the larger rectangle of full rows beside the banner.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns of the image, px.
    banner : Banner or None
        Rows that are not specimen.

    Returns
    -------
    AnalysedField
        All of the image without a banner; without rows where the banner covers everything.
    """
    rows, columns = shape
    if banner is None:
        return AnalysedField(0, rows, 0, columns)
    if banner.top >= rows - banner.bottom:
        return AnalysedField(0, banner.top, 0, columns)
    return AnalysedField(banner.bottom, rows, 0, columns)


@overload
def reflect_outside(image: FloatImage, field: AnalysedField) -> FloatImage: ...
@overload
def reflect_outside(image: Pixels, field: AnalysedField) -> Pixels: ...
def reflect_outside(image: Pixels, field: AnalysedField) -> Pixels:
    """Replace everything outside the field by its mirror image.

    The edge pixels are repeated (``symmetric`` in the words of ``numpy.pad``), and the mirror image is mirrored again where
    the banner is taller than the field.

    Parameters
    ----------
    image : ndarray of uint8, uint16 or float32, shape (rows, columns)
        Grey values.
    field : AnalysedField
        The rectangle to keep. An empty one leaves the image as it is.

    Returns
    -------
    ndarray, shape (rows, columns)
        A new array of the same type, equal to ``image`` inside the field.
    """
    if field.area_px == 0:
        return image.copy()
    rows = _mirrored(image.shape[0], field.top, field.bottom)
    columns = _mirrored(image.shape[1], field.left, field.right)
    return image[np.ix_(rows, columns)]


def reflect_over(image: Pixels, boxes: Sequence[Box], field: AnalysedField) -> Pixels:
    """Replace what annotations cover by the mirror image of what lies above or below them, else beside them.

    Parameters
    ----------
    image : ndarray of uint8, uint16 or float32, shape (rows, columns)
        Grey values.
    boxes : sequence of Box
        The annotations, within the field.
    field : AnalysedField
        Where mirror images are taken from.

    Returns
    -------
    ndarray, shape (rows, columns)
        A new array of the same type, equal to ``image`` outside the boxes.
    """
    filled = image.copy()
    # The first round may mirror one annotation into another; in the second all of them are specimen.
    for box in [*boxes, *boxes]:
        rows = _beside(box.top, box.bottom, field.top, field.bottom)
        columns = np.arange(box.left, box.right)
        if rows is None:
            beside = _beside(box.left, box.right, field.left, field.right)
            rows, columns = np.arange(box.top, box.bottom), columns if beside is None else beside
        filled[box.slices] = filled[np.ix_(rows, columns)]
    return filled


def cut_to_field(labels: Labels, field: AnalysedField, annotations: Sequence[Box] = ()) -> Labels:
    """Remove what lies outside the field or under annotations, and number the rest anew.

    Of a particle that the cut leaves in several pieces only the largest stays: every label is one connected particle, and one
    particle counts once. Pieces that touch at a corner are connected.

    Parameters
    ----------
    labels : ndarray of int32, shape (rows, columns)
        0 is background.
    field : AnalysedField
        The rectangle that is measured.
    annotations : sequence of Box
        Parts of it that are no specimen.

    Returns
    -------
    ndarray of int32, shape (rows, columns)
        Numbered 1..n, 0 outside the field and under annotations. `labels` itself where nothing is cut.
    """
    if labels[field.slices].shape == labels.shape and not annotations:
        return labels
    kept = np.zeros_like(labels, dtype=np.int32)
    kept[field.slices] = labels[field.slices]
    for box in annotations:
        kept[box.slices] = 0
    if not kept.any():
        return kept
    # A library of a tenth of a second and more, which whoever asks for the field alone need not wait for.
    from skimage.measure import label as connected_parts  # noqa: PLC0415

    pieces = np.asarray(connected_parts(kept, background=0, connectivity=2), dtype=np.int32)  # type: ignore[no-untyped-call]
    return _largest_pieces(pieces, kept)


def _largest_pieces(pieces: Labels, particles: Labels) -> Labels:
    """Of the pieces of each particle the largest, the first of equal ones; numbered anew."""
    sizes = np.bincount(pieces.ravel())
    particle_of = np.zeros(len(sizes), dtype=np.int64)
    particle_of[pieces.ravel()] = particles.ravel()
    by_size = 1 + np.argsort(-sizes[1:], kind="stable")
    _, first = np.unique(particle_of[by_size], return_index=True)
    number = np.zeros(len(sizes), dtype=np.int32)
    number[np.sort(by_size[first])] = np.arange(1, len(first) + 1)
    return number[pieces]


def _mirrored(length: int, start: int, end: int) -> NDArray[np.intp]:
    """For every position of an axis, the position inside start..end that it mirrors."""
    size = end - start
    phase = (np.arange(length) - start) % (2 * size)
    return start + np.minimum(phase, 2 * size - 1 - phase)


def _beside(start: int, end: int, first: int, last: int) -> NDArray[np.intp] | None:
    """For every position of start..end, the one that it mirrors behind the nearer end; None where first..last has no room."""
    places = np.arange(start, end)
    before, behind = 2 * start - 1 - places, 2 * end - 1 - places
    fits_before, fits_behind = before >= first, behind < last
    if not (fits_before | fits_behind).all():
        return None
    is_nearer_before = places - start < end - 1 - places
    mirrored: NDArray[np.intp] = np.where((is_nearer_before | ~fits_behind) & fits_before, before, behind)
    return mirrored
