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
from PIL import Image, ImageDraw, ImageFont

from shared.arrays import GreyImage, IntArray, Labels, Mask
from shared.errors import InputError
from worker.analysis.rendering import ColourImage, outlines
from worker.files import encode_png
from worker.outputs.content import AnalysedImage
from worker.outputs.drawing.columns import PNG_DPI, pixels
from worker.outputs.drawing.round_length import RoundLength, round_length

# Vermilion and sky blue of M. Okabe and K. Ito, Color Universal Design (2008); broken lines tell them apart without colour.
COUNTED_RGB, NOT_COUNTED_RGB = (213, 94, 0), (86, 180, 233)
DASH_MM = 0.6
LINE_MM = 0.3
# Of the scale bar, in print.
BAR_MM, MARGIN_MM, PADDING_MM, FONT_PT = 0.7, 1.5, 1.0, 7.0
MM_PER_PT = 25.4 / 72
BOX_ALPHA = 160
# Ground of outlines without a micrograph, and the code of the error that says there is none.
PLAIN_GREY, NO_MICROGRAPH = 225, "no_micrograph"
# No printer shows more.
MOST_DPI = 600
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
        Without banner; evenly light where there is a label map without its micrograph.
    labels : ndarray of int32, shape (rows, columns)
        Background 0.
    counted_labels : ndarray of int64, shape (n,)
        Those of the particles that count.
    bar : RoundLength or None
        None without a pixel size.
    has_micrograph : bool
        Whether ``grey`` shows the specimen.
    """

    grey: GreyImage
    labels: Labels
    counted_labels: IntArray
    bar: RoundLength | None
    has_micrograph: bool

    @property
    def caption(self) -> str:
        """What stands beside the bar; without a pixel size how large the field is in pixels."""
        rows, columns = self.grey.shape
        return f"{columns} × {rows} px, no calibration" if self.bar is None else self.bar.text

    def height_mm(self, width_mm: float) -> float:
        """Return the height at a width in print."""
        rows, columns = self.grey.shape
        return width_mm * float(rows) / float(columns)


def field_picture(image: AnalysedImage, counted_labels: IntArray) -> FieldPicture:
    """Read micrograph and label map of an image, and cut both to the analysed field."""
    record = image.record
    field = slice(record["field_top"], record["field_bottom"]), slice(record["field_left"], record["field_right"])
    labels = image.labels()[field]
    grey = _micrograph(image, field)
    nm_per_px = record["nm_per_px"]
    bar = None if nm_per_px is None else round_length(nm_per_px, labels.shape[1])
    plain = np.full(labels.shape, PLAIN_GREY, dtype=np.uint8)
    return FieldPicture(plain if grey is None else grey, labels, counted_labels, bar, has_micrograph=grey is not None)


def as_picture(field: FieldPicture, width_mm: float, dpi: float) -> ColourImage:
    """Draw a field at a width in print, RGB; outlines and bar are as wide in all pictures, however fine the micrograph is."""
    scale = pixels(width_mm, dpi) / field.grey.shape[1]
    grey = _scaled(field.grey, scale)
    picture = np.repeat(grey[:, :, None], 3, axis=2).astype(np.float32)
    at_edge = _edges(field.labels)
    counts = np.zeros(at_edge.shape, dtype=np.bool_)
    counts[at_edge] = np.isin(field.labels[at_edge], field.counted_labels)
    dash = pixels(DASH_MM, dpi)
    is_dash = np.add.outer(np.arange(grey.shape[0]), np.arange(grey.shape[1])) // dash % 2 == 0
    # A line narrower than a pixel of the picture would fade.
    width = max(1, round(pixels(LINE_MM, dpi) / scale))
    for rim, shown, rgb in ((at_edge & ~counts, is_dash, NOT_COUNTED_RGB), (counts, True, COUNTED_RGB)):
        drawn = cv2.dilate(rim.astype(np.uint8) * 255, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width)))
        share = (_scaled(np.asarray(drawn, dtype=np.uint8), scale) * shown / 255).astype(np.float32)[:, :, None]
        picture += share * (np.array(rgb, dtype=np.float32) - picture)
    return _with_bar(picture.round().astype(np.uint8), field, scale, dpi)


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
    counted = set(field.counted_labels.tolist())
    groups = {}
    for name, colour, dash in (("not-counted", NOT_COUNTED_RGB, dashes), ("counted", COUNTED_RGB, "none")):
        style = {"fill": "none", "stroke": _hex(colour), "stroke-width": f"{LINE_MM * per_mm:.3f}", "stroke-dasharray": dash}
        groups[name] = ElementTree.SubElement(root, f"{{{SVG}}}g", {"id": name, **style})
    for label, polygon in outlines(field.labels):
        # A pixel's centre lies half a pixel inside the picture.
        points = "L".join(f"{x:.1f} {y:.1f}" for x, y in (polygon + 0.5).tolist())
        ElementTree.SubElement(groups["counted" if label in counted else "not-counted"], f"{{{SVG}}}path", {"d": f"M{points}Z"})
    _svg_bar(root, field, per_mm)
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))


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


def _micrograph(image: AnalysedImage, field: tuple[slice, slice]) -> GreyImage | None:
    """The picture of the specimen; None for a label map that was measured without its micrograph."""
    try:
        return image.preview()[field]
    except InputError as error:
        if error.code != NO_MICROGRAPH:
            raise
        return None


def _printable(grey: GreyImage, width_mm: float) -> GreyImage:
    return _scaled(grey, min(1.0, pixels(width_mm, MOST_DPI) / grey.shape[1]))


def _scaled(grey: GreyImage, scale: float) -> GreyImage:
    if scale == 1:
        return np.ascontiguousarray(grey)
    size = max(1, round(grey.shape[1] * scale)), max(1, round(grey.shape[0] * scale))
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR), dtype=np.uint8)


def _edges(labels: Labels) -> Mask:
    """Pixels of particles beside a pixel that is none of theirs; where the field ends, outlines stay open."""
    at_edge = np.zeros(labels.shape, dtype=np.bool_)
    for one, other in ((np.s_[1:], np.s_[:-1]), (np.s_[:, 1:], np.s_[:, :-1])):
        differ = labels[one] != labels[other]
        at_edge[one] |= differ
        at_edge[other] |= differ
    at_edge &= labels != 0
    return at_edge


def _hex(rgb: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*rgb)


@cache
def _font(size_px: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", max(size_px, 1))
