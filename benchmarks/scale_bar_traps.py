"""Drawn images in which a length stands near a line that is no scale bar, or whose bar cannot be believed.

What is made here has no readable scale unless its length is given: any other answer is wrong.
"""

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np

from benchmarks.drawn_banners import Layout, burnt_in, zeiss
from benchmarks.drawn_sheet import FONTS, Drawn, Grey, Length, Scene, Sheet, any_length, specimen

TRAP_SIZES = ((640, 480), (1024, 768), (2048, 1536))


def trap(random: np.random.Generator, draw: Callable[[Scene], Drawn | None], pictures: list[Grey]) -> Drawn:
    """Draw one trap on a picture of a random size."""
    columns, rows = TRAP_SIZES[int(random.integers(len(TRAP_SIZES)))]
    picture = specimen(random, columns, rows, pictures)
    tone = 255 if np.median(picture) < 128 else 0
    font = FONTS[int(random.integers(len(FONTS)))]
    height = max(round(random.uniform(0.018, 0.035) * columns), 10)
    scene = Scene(random, pictures, Sheet(picture, font, tone), columns, rows, height, any_length(random))
    return draw(scene) or Drawn(scene.sheet.pixels, None)


def _panel(it: Scene, share: float = 0.12) -> Scene:
    """The scene with an even banner at its bottom."""
    pixels = it.sheet.pixels
    pixels[round((1 - share) * it.rows) :] = 255 - it.sheet.tone
    return replace(it, sheet=Sheet(pixels, it.sheet.font_name, it.sheet.tone))


def table_cell(it: Scene) -> Drawn:
    """A table of label and value, a rule below the value from one upright rule to the next."""
    panel, h = _panel(it), round(0.6 * it.height)
    top, left, line = round(0.89 * it.rows), it.between(0.1, 0.5, it.columns), it.between(1, 3)
    width = max(it.between(0.1, 0.25, it.columns), panel.sheet.width_of(it.length.words, h) + 2 * h)
    panel.sheet.text("Aperture", left + h, top, h)
    panel.sheet.text(it.length.words, left + h, top + round(1.6 * h), h)
    bottom = top + round(3.1 * h)
    panel.sheet.block(left, left + width, bottom, bottom + line)
    for x in (left, left + width):
        panel.sheet.block(x, x + line, top - h // 2, bottom + line)
    return Drawn(panel.sheet.pixels, None)


def framed_text(it: Scene) -> None:
    """A length within a frame on the picture."""
    left, top, h = it.between(0.1, 0.6, it.columns), it.between(0.1, 0.7, it.rows), it.height
    line, width = it.between(1, 4), it.sheet.width_of(it.length.words, h)
    it.sheet.text(it.length.words, left, top, h)
    pad = it.between(0.4, 0.9, h)
    box = (left - pad, left + width + pad, top - pad, top + h + pad)
    for y in box[2:]:
        it.sheet.block(box[0], box[1] + line, y, y + line)
    for x in box[:2]:
        it.sheet.block(x, x + line, box[2], box[3] + line)


def underlined_label(it: Scene) -> None:
    """A caption that names a length, underlined from its first letter to its last."""
    left, top = it.between(0.05, 0.3, it.columns), it.between(0.05, 0.85, it.rows)
    words = str(it.random.choice(["Tip {}", "{} Au NPs", "d = {}", "Sample A {}", "{} after 2 h"])).format(it.length.words)
    first, last = it.sheet.text(words, left, top, it.height)
    y = top + round(1.35 * it.height)
    it.sheet.block(first, last, y, y + it.between(1, 3))


def arrow_beside(it: Scene) -> None:
    """An arrow with a head at one end that points from a length to a particle."""
    left, top, h = it.between(0.2, 0.5, it.columns), it.between(0.2, 0.8, it.rows), it.height
    last = it.sheet.text(it.length.words, left, top, h)[1]
    if it.random.random() < 0.5:
        start, y = last + h // 2, top + h // 2
    else:
        start, y = left, top + round(1.9 * h)
    end, head = start + it.between(2.5, 7, h), it.between(0.3, 0.5, h)
    it.sheet.block(start, end, y, y + it.between(2, 5))
    it.sheet.pen.polygon([(end - head, y - head), (end + head, y + 1), (end - head, y + head + 2)], fill=it.sheet.tone)


def layer_thickness(it: Scene) -> None:
    """Two rules above each other with an upright double arrow between them, and how far they are apart."""
    left, top, h = it.between(0.1, 0.5, it.columns), it.between(0.2, 0.6, it.rows), it.height
    apart, width, line = it.between(2, 5, h), it.between(3, 9, h), it.between(1, 4)
    for y in (top, top + apart):
        it.sheet.block(left, left + width, y, y + line)
    it.sheet.block(left + h // 2, left + h // 2 + line, top, top + apart)
    it.sheet.text(it.length.words, left + h, top + (apart - h) // 2, h)


def inset_frame(it: Scene) -> None:
    """The lower edge of an inset's frame runs above a length, or the upper one below it."""
    h, line = it.height, it.between(1, 5)
    left, width = it.between(0.05, 0.4, it.columns), it.between(0.2, 0.4, it.columns)
    top, depth = it.between(0.2, 0.5, it.rows), it.between(0.15, 0.3, it.rows)
    for y in (top, top + depth):
        it.sheet.block(left, left + width + line, y, y + line)
    for x in (left, left + width):
        it.sheet.block(x, x + line, top, top + depth)
    y = top - round(1.6 * h) if it.random.random() < 0.5 else top + depth + line + round(0.6 * h)
    it.sheet.text(it.length.words, left + it.between(0.05, 0.4, width), y, h)


def colour_bar(it: Scene) -> None:
    """A gradient of tones between two lengths, as force microscopes and maps have it."""
    pixels, h = it.sheet.pixels, it.height
    width, thick = it.between(0.2, 0.4, it.columns), it.between(0.7, 1.5, h)
    left, top = it.between(0.1, 0.5, it.columns), it.between(0.5, 0.85, it.rows)
    pixels[top : top + thick, left : left + width] = np.linspace(0, 255, width)
    sheet = Sheet(pixels, it.sheet.font_name, it.sheet.tone)
    sheet.text("0 nm", left, top + thick + h // 2, h)
    sheet.text(it.length.words, left + width - sheet.width_of(it.length.words, h), top + thick + h // 2, h)
    it.sheet.image.paste(sheet.image)


def shadow(it: Scene) -> None:
    """A soft long particle, lighter or darker than its surroundings, below a length."""
    pixels, h = it.sheet.pixels.astype(np.float32), it.height
    left, top = it.between(0.2, 0.6, it.columns), it.between(0.2, 0.8, it.rows)
    spot = np.zeros_like(pixels)
    centre = (left + 2 * h, top + round(it.random.uniform(1.8, 2.6) * h))
    cv2.ellipse(spot, centre, (it.between(1.5, 4, h), max(it.between(0.1, 0.4, h), 2)), 0, 0, 360, 1.0, -1)
    spot = cv2.GaussianBlur(spot, (0, 0), it.random.uniform(0.6, 3))
    pixels += spot * it.random.choice([-1, 1]) * it.between(60, 150)
    sheet = Sheet(np.clip(pixels, 0, 255).astype(np.uint8), it.sheet.font_name, it.sheet.tone)
    sheet.text(it.length.words, left, top, h)
    it.sheet.image.paste(sheet.image)


def edge_of_a_layer(it: Scene) -> None:
    """A straight bright or dark layer of the specimen that a length stands above."""
    pixels, h = it.sheet.pixels, it.height
    left, width = it.between(0, 0.3, it.columns), it.between(0.3, 0.7, it.columns)
    top = it.between(0.3, 0.8, it.rows)
    layer = pixels[top : top + it.between(0.15, 0.6, h) + 2, left : left + width]
    layer[:] = np.clip(layer.astype(np.float32) + it.random.choice([-1, 1]) * it.between(50, 100), 0, 255)
    sheet = Sheet(pixels, it.sheet.font_name, it.sheet.tone)
    sheet.text(it.length.words, left + it.between(0.1, 0.4, width), top - round(1.7 * h), h)
    it.sheet.image.paste(sheet.image)


def lost_text(it: Scene) -> Drawn:
    """A block without its length, in a banner that names the working distance and an aperture."""
    panel, h = _panel(it), round(0.6 * it.height)
    top = round(0.89 * it.rows)
    left = it.between(0.4, 0.5, it.columns)
    panel.sheet.block(left, left + it.between(0.08, 0.2, it.columns), top, top + h)
    panel.sheet.text("WD 10.0mm", left + it.between(-0.1, 0.25, it.columns), top + round(1.9 * h), h)
    panel.sheet.text("15.0kV SEI", round(0.1 * it.columns), top + round(1.9 * h), h)
    panel.sheet.text("10 µm", round(0.85 * it.columns), top + round(1.9 * h), h)
    return Drawn(panel.sheet.pixels, None)


def cut_bar(it: Scene) -> Drawn:
    """A bar that runs out of the image, its text within."""
    drawn = burnt_in(it.random, (it.columns, it.rows), it.pictures)
    whole, px = drawn.pixels, drawn.length_px
    left = _first_column(whole, round(px))
    if left is None:
        return drawn
    share = it.random.uniform(0.15, 0.9)
    kept = whole[:, : left + round(share * px)] if left > it.columns / 2 else whole[:, left + round((1 - share) * px) :]
    return Drawn(np.ascontiguousarray(kept), None)


def cut_text(it: Scene) -> Drawn:
    """A bar whose text lost its first figures at the left edge."""
    h = it.height
    words = str(it.random.choice(["100 nm", "200 nm", "500 nm", "10 µm", "20 µm", "2.5 µm", "150 nm", "0.5 µm"]))
    width = it.sheet.width_of(words[0] if words[1] != "." else words[:2], h)
    left, top = h, round(0.85 * it.rows)
    it.sheet.text(words, left, top, h)
    it.sheet.block(left + 2 * h, left + 2 * h + it.between(3, 8, h), top + round(1.6 * h), top + round(1.9 * h))
    return Drawn(np.ascontiguousarray(it.sheet.pixels[:, left + width + it.between(0, 0.15, h) :]), None)


def hidden_end(it: Scene) -> Drawn:
    """One end of the bar lies under a particle that has its own tone or nearly the bar's."""
    h, px = it.height, it.between(0.12, 0.3, it.columns)
    left, top, thick = it.between(0.1, 0.6, it.columns), round(0.85 * it.rows), it.between(0.15, 0.4, it.height) + 2
    it.sheet.text(it.length.words, left + px // 4, top, h)
    y = top + round(1.6 * h)
    it.sheet.block(left, left + px, y, y + thick)
    centre = left + round(it.random.choice([0.0, 1.0]) * px)
    radius = it.between(0.08, 0.25, px)
    box = (centre - radius, y - radius, centre + radius, y + radius)
    it.sheet.pen.ellipse(box, fill=abs(it.sheet.tone - it.between(20, 200)))
    return Drawn(it.sheet.pixels, it.length.value_nm, px)


def _in_fields(it: Scene, fields: int) -> tuple[int, int, int, int]:
    """First column, row, length and thickness of a bar of some fields, its text written."""
    px = it.between(0.12, 0.3, it.columns) // fields * fields
    left, top = it.between(0.1, 0.6, it.columns), round(0.85 * it.rows)
    it.sheet.text(it.length.words, left + max(px - 4 * it.height, 0) // 2, top, it.height)
    return left, top + round(1.6 * it.height), px, it.between(0.2, 0.5, it.height)


def alternating(it: Scene) -> Drawn:
    """A bar of fields in black and white by turns; the whole counts."""
    fields = int(it.random.choice([3, 4, 5, 10]))
    left, y, px, thick = _in_fields(it, fields)
    it.sheet.block(left, left + px, y, y + thick + 2)
    for number in range(0 if it.random.random() < 0.5 else 1, fields, 2):
        start = left + number * px // fields
        it.sheet.pen.rectangle((start + 1, y + 1, start + px // fields - 2, y + thick), fill=255 - it.sheet.tone)
    return Drawn(it.sheet.pixels, it.length.value_nm, px)


def dashed(it: Scene) -> Drawn:
    """A bar of dashes; the whole counts."""
    fields = int(it.random.choice([3, 5, 7]))
    left, y, px, thick = _in_fields(it, fields)
    for number in range(0, fields, 2):
        start = left + number * px // fields
        it.sheet.block(start, start + px // fields, y, y + thick)
    return Drawn(it.sheet.pixels, it.length.value_nm, px)


def _two(it: Scene, factor: float) -> Drawn:
    h, px = it.height, it.between(0.1, 0.25, it.columns)
    thick = it.between(0.2, 0.4, h) + 1
    for left, top, length in ((0.05, 0.1, px), (0.55, 0.85, round(px * factor))):
        x, y = round(left * it.columns), round(top * it.rows)
        it.sheet.text(it.length.words, x, y, h)
        it.sheet.block(x, x + length, y + round(1.6 * h), y + round(1.6 * h) + thick)
    return Drawn(it.sheet.pixels, it.length.value_nm if factor == 1 else None, px)


def two_that_agree(it: Scene) -> Drawn:
    """Two bars of one length and one text."""
    return _two(it, 1.0)


def two_that_contradict(it: Scene) -> Drawn:
    """Two bars of one text whose lengths differ by a tenth to the double."""
    return _two(it, it.random.uniform(1.1, 2.0))


def lying_field_width(it: Scene) -> Drawn:
    """A banner whose field width contradicts its bar, as after a change of the picture's size or of its label."""
    h, columns = round(0.6 * it.height), it.columns
    sheet = Sheet(np.full((round(3.7 * h), columns), 0, np.uint8), it.sheet.font_name, 255)
    px = zeiss(Layout(it.random, sheet, columns, h, max(1, h // 10), it.length))
    nm = it.length.value_nm / px * columns * it.random.choice([0.5, 0.8, 1.25, 2.0, 10.0])
    unit, factor = ("nm", 1.0) if nm < 1e3 else ("µm", 1e3) if nm < 1e6 else ("mm", 1e6)
    width = f"{float(f'{nm / factor:.3g}'):g} {unit}"
    below = Sheet(np.full((round(2 * h), columns), 0, np.uint8), it.sheet.font_name, 255)
    below.text(str(it.random.choice(["HFW {}", "Width = {}", "View field: {}"])).format(width), 2 * h, round(0.4 * h), h)
    return Drawn(np.vstack([it.sheet.pixels, sheet.pixels, below.pixels]), None)


def small_text(it: Scene) -> Drawn:
    """A bar with text of 6 to 10 px after resizing and compression, where points and units are easily lost."""
    drawn = burnt_in(it.random, (it.columns, it.rows), it.pictures)
    by = 280 / it.columns * it.random.uniform(0.9, 1.5)
    pixels = cv2.resize(drawn.pixels, None, fx=by, fy=by, interpolation=cv2.INTER_AREA)
    _, coded = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, it.between(60, 95)])
    return Drawn(np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE), np.uint8), drawn.value_nm, drawn.length_px * by)


def decimal_point(it: Scene) -> Drawn:
    """A number whose point decides the value, in a bold or thin font, a little blurred."""
    words = str(it.random.choice(["1.0 µm", "2.0 µm", "5.0 µm", "1.00µm", "2.5 µm", "0.5 µm", "0.2 µm", "50.0 nm", "10.0 µm"]))
    figures, unit = words.rstrip("nmµ "), words[-2:]
    length = Length(words, float(figures) * {"nm": 1.0, "µm": 1e3}[unit])
    h, px = max(it.height * 2 // 3, 9), it.between(0.1, 0.3, it.columns)
    left, top = it.between(0.1, 0.6, it.columns), round(0.85 * it.rows)
    it.sheet.text(length.words, left, top, h)
    it.sheet.block(left, left + px, top + round(1.6 * h), top + round(1.9 * h) + 1)
    pixels = cv2.GaussianBlur(it.sheet.pixels, (0, 0), it.random.uniform(0.3, 0.06 * h)).astype(np.uint8)
    return Drawn(pixels, length.value_nm, px)


def _first_column(pixels: Grey, length: int) -> int | None:
    """First column of the lowest run of black or white of about a length."""
    for row in pixels[::-1]:
        for tone in (0, 255):
            ends = np.flatnonzero(np.diff((row == tone).astype(np.int8), prepend=0, append=0)).reshape(-1, 2)
            fitting = ends[np.abs(ends[:, 1] - ends[:, 0] - length) <= 1]
            if len(fitting):
                return int(fitting[0, 0])
    return None


TRAPS: dict[str, Callable[[Scene], Drawn | None]] = {
    "rule of a table": table_cell, "framed text": framed_text, "underlined label": underlined_label,
    "arrow": arrow_beside, "thickness of a layer": layer_thickness, "frame of an inset": inset_frame,
    "colour bar": colour_bar, "shadow": shadow, "layer": edge_of_a_layer, "text is lost": lost_text,
    "bar is cut": cut_bar, "text is cut": cut_text, "end is hidden": hidden_end, "alternating fields": alternating,
    "dashed": dashed, "two that agree": two_that_agree, "two that contradict": two_that_contradict,
    "lying field width": lying_field_width, "small text": small_text, "decimal point": decimal_point,
}  # fmt: skip
