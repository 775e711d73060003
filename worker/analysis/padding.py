"""The analysed field of a micrograph, and what stands in for the rows outside it.

A segmenter sees the specimen go on by reflection where the banner was, instead of a straight black edge; what it finds there
is cut away before anything is measured.
"""

from typing import overload

import numpy as np
from numpy.typing import NDArray
from skimage.measure import label as connected_parts

from shared.domain import AnalysedField, Banner, FloatImage, Labels, Pixels


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


def cut_to_field(labels: Labels, field: AnalysedField) -> Labels:
    """Remove what lies outside the field and number the rest anew.

    A particle that the cut leaves in several pieces becomes several particles, since every label is one connected particle
    (SCIENCE.md); pieces that touch at a corner are connected.

    Parameters
    ----------
    labels : ndarray of int32, shape (rows, columns)
        0 is background.
    field : AnalysedField
        The rectangle that is measured.

    Returns
    -------
    ndarray of int32, shape (rows, columns)
        Numbered 1..n, 0 outside the field. `labels` itself where the field is the whole image.
    """
    if labels[field.slices].shape == labels.shape:
        return labels
    cut = np.zeros_like(labels, dtype=np.int32)
    inside = labels[field.slices]
    if inside.size:
        cut[field.slices] = connected_parts(inside, background=0, connectivity=2)  # type: ignore[no-untyped-call]
    return cut


def _mirrored(length: int, start: int, end: int) -> NDArray[np.intp]:
    """For every position of an axis, the position inside start..end that it mirrors."""
    size = end - start
    phase = (np.arange(length) - start) % (2 * size)
    return start + np.minimum(phase, 2 * size - 1 - phase)
