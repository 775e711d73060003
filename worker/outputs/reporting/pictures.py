"""The pages of pictures: every micrograph with its outlines and a scale bar of its own, in the order of the list."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image as Picture
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, Image, LongTable, Paragraph, TableStyle

from worker.outputs.content import AnalysedImage
from worker.outputs.drawing.micrographs import as_picture, field_picture
from worker.outputs.pooled import ImageSizes
from worker.outputs.reporting.layout import WIDTH_MM, text

# Up to so many images there are two in a row, else three.
MOST_LARGE = 40
GAP_MM = 4
# High and narrow pictures are made smaller than the column is wide.
MOST_HEIGHT_MM = 75
MOST_CAPTION = 120
DPI = 200
JPEG_QUALITY = 82


@dataclass(frozen=True, slots=True)
class Drawn:
    """A micrograph as JPEG, or outlines without one, and how large it is in print."""

    jpeg: bytes
    width_mm: float
    height_mm: float
    has_micrograph: bool


def columns(n_images: int) -> int:
    """Return how many pictures stand side by side."""
    return 2 if n_images <= MOST_LARGE else 3


def draw(image: AnalysedImage, sizes: ImageSizes, n_columns: int) -> Drawn:
    """Draw one micrograph as wide as its column."""
    field = field_picture(image, sizes.counted_labels)
    width_mm = _column_mm(n_columns)
    width_mm *= min(1.0, MOST_HEIGHT_MM / field.height_mm(width_mm))
    buffer = io.BytesIO()
    Picture.fromarray(as_picture(field, width_mm, DPI)).save(buffer, "JPEG", quality=JPEG_QUALITY)
    return Drawn(buffer.getvalue(), width_mm, field.height_mm(width_mm), field.has_micrograph)


def pages(drawn: Sequence[Drawn], captions: Sequence[str], n_columns: int) -> list[Flowable]:
    """Return the pictures in rows, each with its caption below."""
    if not drawn:
        return [text("There is no image.")]
    cells: list[list[Any]] = [[_picture(one), _caption(words)] for one, words in zip(drawn, captions, strict=True)]
    cells += [""] * (-len(cells) % n_columns)  # type: ignore[list-item]
    rows = [cells[start : start + n_columns] for start in range(0, len(cells), n_columns)]
    style = TableStyle(
        [
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LEFTPADDING", (0, 0), (-1, -1), 0),
            ("RIGHTPADDING", (0, 0), (-1, -1), 0),
            ("TOPPADDING", (0, 0), (-1, -1), 0),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 4),
        ]
    )
    width_mm = _column_mm(n_columns)
    widths = [(width_mm + GAP_MM) * mm] * (n_columns - 1) + [width_mm * mm]
    return [LongTable(rows, colWidths=widths, style=style, hAlign="LEFT")]


def _column_mm(n_columns: int) -> float:
    return float((WIDTH_MM - GAP_MM * (n_columns - 1)) / n_columns)


def _picture(one: Drawn) -> Image:
    return Image(io.BytesIO(one.jpeg), one.width_mm * mm, one.height_mm * mm, hAlign="LEFT")


def _caption(words: str) -> Paragraph:
    # The list has the whole name; a caption that fills the page would leave no place for its picture.
    return text(words if len(words) <= MOST_CAPTION else f"{words[:30]} … {words[-MOST_CAPTION + 33 :]}", "caption")
