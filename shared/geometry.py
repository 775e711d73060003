"""Parts of an image: rows and columns of pixels, ends exclusive."""

from dataclasses import dataclass


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
