"""Parts of an image: rows and columns of pixels, ends exclusive."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Banner:
    """Rows of the instrument's banner, its frame included: ``top`` inclusive, ``bottom`` exclusive."""

    top: int
    bottom: int


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of pixels: rows ``top`` to ``bottom`` and columns ``left`` to ``right``, ends exclusive."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """Index of the box in an array of shape (rows, columns)."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    @property
    def area_px(self) -> int:
        """Pixels in the box."""
        return (self.bottom - self.top) * (self.right - self.left)


@dataclass(frozen=True, slots=True)
class AnalysedField(Box):
    """The rectangle of the image that shows specimen, burnt-in annotations included. Only this is ever measured."""


def specimen_area_px(field: AnalysedField, annotations: Sequence[Box] = ()) -> int:
    """Return the pixels of the field that show specimen: those that no annotation lies over."""
    covered = np.zeros((field.bottom - field.top, field.right - field.left), dtype=np.bool_)
    for box in annotations:
        rows, columns = (
            slice(max(box.top - field.top, 0), max(box.bottom - field.top, 0)),
            slice(max(box.left - field.left, 0), max(box.right - field.left, 0)),
        )
        covered[rows, columns] = True
    return field.area_px - int(np.count_nonzero(covered))
