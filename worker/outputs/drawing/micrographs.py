"""Micrographs for print: the analysed field with outlines of the particles and a scale bar of its own, as picture or as SVG."""

import base64
import io
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import cv2
import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from shared.arrays import FloatArray, GreyImage, IntArray
from worker.analysis.rendering import ColourImage, outlines
from worker.files import encode_png
from worker.outputs.content import AnalysedImage
from worker.outputs.drawing.columns import PNG_DPI, pixels
from worker.outputs.drawing.round_length import RoundLength, round_length

# Orange and sky blue of M. Okabe and K. Ito, Color Universal Design (2008); broken lines tell them apart without colour.
COUNTED_RGB, NOT_COUNTED_RGB = (230, 159, 0), (86, 180, 233)
DASH_MM = 0.6
LINE_MM = 0.25
# Of the scale bar, in print.
BAR_MM, MARGIN_MM, PADDING_MM, FONT_PT = 0.7, 1.5, 1.0, 7.0
MM_PER_PT = 25.4 / 72
BOX_ALPHA = 160
# No printer shows more.
MOST_DPI = 600
SUBPIXEL_BITS = 4
# Noise packs no better by a longer search.
PNG_LEVEL = 1
SVG = "http://www.w3.org/2000/svg"
XLINK = "http://www.w3.org/1999/xlink"


@dataclass(frozen=True, slots=True)
class FieldPicture:
    """The analysed field of an image.

    Attributes
    ----------
    grey : ndarray of uint8, shape (rows, columns)
        Without banner.
    counted, not_counted : tuple of ndarray of float64, shape (k, 2)
        Outlines of the particles, (x, y) in px of ``grey``; whole numbers are pixel centres.
    bar : RoundLength or None
        None without a pixel size.
    """

    grey: GreyImage
    counted: tuple[FloatArray, ...]
    not_counted: tuple[FloatArray, ...]
    bar: RoundLength | None

    @property
    def caption(self) -> str:
        """What stands beside the bar; without a pixel size how wide the field is in pixels."""
        rows, columns = self.grey.shape
        return f"{columns} × {rows} px, no calibration" if self.bar is None else self.bar.text

    def height_mm(self, width_mm: float) -> float:
        """Return the height at a width in print."""
        return width_mm * self.grey.shape[0] / self.grey.shape[1]


def field_picture(image: AnalysedImage, counted_labels: IntArray) -> FieldPicture:
    """Read micrograph and label map of an image, and tell the particles that count from the others."""
    record = image.record
    grey = np.asarray(image.preview(), dtype=np.uint8)
    labels = image.labels()
    field = slice(record["field_top"], record["field_bottom"]), slice(record["field_left"], record["field_right"])
    counts = set(counted_labels.tolist())
    counted, others = [], []
    for label, polygon in outlines(labels[field]):
        (counted if label in counts else others).append(polygon)
    nm_per_px = record.get("nm_per_px")
    grey = np.ascontiguousarray(grey[field])
    bar = None if nm_per_px is None else round_length(float(nm_per_px), grey.shape[1])
    return FieldPicture(grey, tuple(counted), tuple(others), bar)


def as_picture(field: FieldPicture, width_mm: float, dpi: float) -> ColourImage:
    """Draw a field at a width in print, RGB; outlines and bar are drawn after scaling, so that they are as wide in all."""
    width = pixels(width_mm, dpi)
    scale = width / field.grey.shape[1]
    height = max(1, round(field.grey.shape[0] * scale))
    grey = cv2.resize(field.grey, (width, height), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    picture = np.ascontiguousarray(np.repeat(np.asarray(grey, dtype=np.uint8)[:, :, None], 3, axis=2))
    thickness = max(1, round(pixels(LINE_MM, dpi)))
    _draw(picture, field.not_counted, scale, NOT_COUNTED_RGB, thickness)
    if field.not_counted:
        # Broken: of every other dash along the diagonals the micrograph shows again.
        dash = pixels(DASH_MM, dpi)
        rows, columns = np.indices((height, width), sparse=True)
        gaps = (rows + columns) // dash % 2 == 1
        picture[gaps] = np.asarray(grey, dtype=np.uint8)[gaps][:, None]
    _draw(picture, field.counted, scale, COUNTED_RGB, thickness)
    return _with_bar(picture, field, scale, dpi)


def encode_for_print(picture: ColourImage) -> bytes:
    """Encode a picture as PNG that says how fine it is meant to be printed."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG", dpi=(PNG_DPI, PNG_DPI), compress_level=PNG_LEVEL)
    return buffer.getvalue()


def as_svg(field: FieldPicture, width_mm: float) -> bytes:
    """Write a field as SVG: the micrograph as a picture, outlines as paths, the bar as a rectangle, its length as text."""
    rows, columns = field.grey.shape
    height_mm = field.height_mm(width_mm)
    per_mm = columns / width_mm
    ElementTree.register_namespace("", SVG)
    ElementTree.register_namespace("xlink", XLINK)
    root = ElementTree.Element(
        f"{{{SVG}}}svg",
        {"width": f"{width_mm:g}mm", "height": f"{height_mm:.3f}mm", "viewBox": f"0 0 {columns} {rows}", "version": "1.1"},
    )
    picture = f"data:image/png;base64,{base64.b64encode(encode_png(_printable(field.grey, width_mm))).decode()}"
    ElementTree.SubElement(
        root,
        f"{{{SVG}}}image",
        {"id": "micrograph", "width": str(columns), "height": str(rows), f"{{{XLINK}}}href": picture},
    )
    dashes = f"{DASH_MM * per_mm:.3f}"
    for name, polygons, colour, dash in (
        ("not-counted", field.not_counted, NOT_COUNTED_RGB, dashes),
        ("counted", field.counted, COUNTED_RGB, "none"),
    ):
        style = {"fill": "none", "stroke": _hex(colour), "stroke-width": f"{LINE_MM * per_mm:.3f}", "stroke-dasharray": dash}
        group = ElementTree.SubElement(root, f"{{{SVG}}}g", {"id": name, **style})
        for polygon in polygons:
            # A pixel's centre lies half a pixel inside the picture.
            points = "L".join(f"{x:.1f} {y:.1f}" for x, y in (polygon + 0.5).tolist())
            ElementTree.SubElement(group, f"{{{SVG}}}path", {"d": f"M{points}Z"})
    _svg_bar(root, field, per_mm)
    return b'<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="utf-8")


@dataclass(frozen=True, slots=True)
class _BarBox:
    """Places of the bar and its text in a picture, px from its upper left corner."""

    left: float
    top: float
    right: float
    bottom: float
    bar_left: float
    bar_top: float
    bar_right: float
    bar_bottom: float
    text_x: float
    text_baseline: float
    font_px: float


def _bar_box(height: float, bar_px: float, text: str, per_mm: float) -> _BarBox:
    """Lay out the bar in the lower left corner, its length above it."""
    padding, margin = PADDING_MM * per_mm, MARGIN_MM * per_mm
    font_px = FONT_PT * MM_PER_PT * per_mm
    text_px = _font(round(font_px * 16)).getlength(text) / 16
    inner = max(bar_px, text_px)
    bar_height = BAR_MM * per_mm if bar_px else 0.0
    left, bottom = margin, height - margin
    right = left + inner + 2 * padding
    bar_bottom = bottom - padding
    bar_top = bar_bottom - bar_height
    baseline = bar_top - (0.6 * padding if bar_px else 0)
    middle = (left + right) / 2
    return _BarBox(
        left=left,
        top=baseline - 0.8 * font_px - 0.8 * padding,
        right=right,
        bottom=bottom,
        bar_left=middle - bar_px / 2,
        bar_top=bar_top,
        bar_right=middle + bar_px / 2,
        bar_bottom=bar_bottom,
        text_x=middle,
        text_baseline=baseline,
        font_px=font_px,
    )


def _with_bar(picture: ColourImage, field: FieldPicture, scale: float, dpi: float) -> ColourImage:
    bar_px = 0.0 if field.bar is None else field.bar.px * scale
    box = _bar_box(picture.shape[0], bar_px, field.caption, dpi / 25.4)
    shown = Image.fromarray(picture)
    draw = ImageDraw.Draw(shown, "RGBA")
    draw.rectangle((box.left, box.top, box.right, box.bottom), fill=(0, 0, 0, BOX_ALPHA))
    if bar_px:
        # Pillow draws the last row and column too.
        left, top = round(box.bar_left), round(box.bar_top)
        draw.rectangle((left, top, left + round(bar_px) - 1, round(box.bar_bottom) - 1), fill="white")
    draw.text((box.text_x, box.text_baseline), field.caption, font=_font(round(box.font_px)), fill="white", anchor="ms")
    return np.asarray(shown)


def _svg_bar(root: ElementTree.Element, field: FieldPicture, per_mm: float) -> None:
    bar_px = 0.0 if field.bar is None else field.bar.px
    box = _bar_box(field.grey.shape[0], bar_px, field.caption, per_mm)
    group = ElementTree.SubElement(root, f"{{{SVG}}}g", {"id": "scale-bar"})
    back = {"fill": "#000000", "fill-opacity": f"{BOX_ALPHA / 255:.2f}"}
    ElementTree.SubElement(group, f"{{{SVG}}}rect", back | _rectangle(box.left, box.top, box.right, box.bottom))
    if bar_px:
        bar = _rectangle(box.bar_left, box.bar_top, box.bar_right, box.bar_bottom)
        ElementTree.SubElement(group, f"{{{SVG}}}rect", {"class": "bar", "fill": "#ffffff"} | bar)
    text = ElementTree.SubElement(
        group,
        f"{{{SVG}}}text",
        {
            "x": f"{box.text_x:.3f}",
            "y": f"{box.text_baseline:.3f}",
            "font-family": "DejaVu Sans, Arial, sans-serif",
            "font-size": f"{box.font_px:.3f}",
            "text-anchor": "middle",
            "fill": "#ffffff",
        },
    )
    text.text = field.caption


def _rectangle(left: float, top: float, right: float, bottom: float) -> dict[str, str]:
    sides = {"x": left, "y": top, "width": right - left, "height": bottom - top}
    return {name: f"{value:.3f}" for name, value in sides.items()}


def _printable(grey: GreyImage, width_mm: float) -> GreyImage:
    most = pixels(width_mm, MOST_DPI)
    if grey.shape[1] <= most:
        return grey
    size = most, max(1, round(grey.shape[0] * most / grey.shape[1]))
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _draw(picture: ColourImage, polygons: tuple[FloatArray, ...], scale: float, rgb: tuple[int, int, int], px: int) -> None:
    lines: list[NDArray[np.int32]] = [
        np.round(((polygon + 0.5) * scale - 0.5) * 2**SUBPIXEL_BITS).astype(np.int32) for polygon in polygons
    ]
    cv2.polylines(picture, lines, isClosed=True, color=rgb, thickness=px, lineType=cv2.LINE_AA, shift=SUBPIXEL_BITS)


def _hex(rgb: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*rgb)


@cache
def _font(size_px: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", max(size_px, 1))
