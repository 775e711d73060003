"""Banners and bars drawn in the layouts of each maker at the sizes that instruments save, crisp and with a known length.

Lengths that compete with the bar's (working distance, aperture, field width) stand in the same banner, as they do in files.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.drawn_sheet import FONTS, Drawn, Grey, Length, Sheet, any_length, specimen

SIZES = ((640, 480), (1024, 768), (1280, 960), (2048, 1536), (3072, 2048), (6144, 4096))
# Height of the text by the width of the image: makers draw it for a screen, and scale it up with the raster.
TEXT_SHARE = (0.0125, 0.022)


def _field_width(length: Length, bar_px: float, columns: int) -> str:
    """The width of the field in three figures, true to the bar."""
    nm = length.value_nm / bar_px * columns
    unit, factor = ("nm", 1.0) if nm < 1e3 else ("µm", 1e3) if nm < 1e6 else ("mm", 1e6)
    return f"{float(f'{nm / factor:.3g}'):g} {unit}"


@dataclass(frozen=True, slots=True)
class Layout:
    """What a layout draws into: the banner, the height of its text, the thickness of lines, and the length to show."""

    random: np.random.Generator
    sheet: Sheet
    columns: int
    height: int
    line: int
    length: Length

    def bar_px(self, least: float = 0.06, most: float = 0.28) -> int:
        """Columns of the bar."""
        return int(self.random.uniform(least, most) * self.columns)


def zeiss(it: Layout) -> float:
    """Text above a line with ticks at the left; four columns of fields."""
    h, x = it.height, round(1.2 * it.height)
    px = it.bar_px(0.05, 0.22)
    it.sheet.text(it.length.words, x, round(0.5 * h), h)
    it.sheet.ticked(x, px, round(2.6 * h), it.line, (round(0.5 * h), round(0.5 * h)))
    fields = [
        ("EHT = 5.00 kV", "WD = 5.2 mm"),
        ("Signal A = SE2", "Aperture Size = 30.00 µm"),
        ("Mag = 50.00 K X", "Date :3 Mar 2019"),
    ]
    width = it.columns - x - px - 2 * h
    for number, pair in enumerate(fields):
        for row, words in enumerate(pair):
            it.sheet.text(words, x + px + 2 * h + number * width / 3, round((0.5 + 1.7 * row) * h), round(0.8 * h))
    return px


def fei(it: Layout) -> float:
    """Cells with label and value, and a bar that its text interrupts; a frame around all."""
    h = it.height
    px = max(it.bar_px(0.18, 0.3), it.sheet.width_of(it.length.words, h) + 8 * h)
    cells = [("HV", "5.00 kV"), ("curr", "0.10 nA"), ("WD", "5.4 mm"), ("det", "ETD"),
             ("HFW", _field_width(it.length, px, it.columns))]  # fmt: skip
    last = it.columns - px - 3 * h
    for number, pair in enumerate(cells):
        left = number * last // len(cells)
        for row, words in enumerate(pair):
            it.sheet.text(words, left + 0.4 * h, round((0.4 + 1.6 * row) * h), round(0.85 * h))
        it.sheet.block(left, left + it.line, 0, round(3.6 * h))
    it.sheet.block(last, last + it.line, 0, round(3.6 * h))
    it.sheet.block(0, it.columns, 0, it.line)
    left = last + round(1.5 * h)
    _interrupted(it, left, px, round(0.4 * h))
    it.sheet.block(last, it.columns, round(1.8 * h), round(1.8 * h) + it.line)
    it.sheet.text("Helios E-Beam", left + 2 * h, round(2.2 * h), round(0.85 * h))
    return px


def thermo(it: Layout) -> float:
    """Label above value without frames, and a thin interrupted bar of the banner's full height at the right."""
    h = it.height
    px = max(it.bar_px(0.2, 0.32), it.sheet.width_of(it.length.words, h) + 8 * h)
    cells = [("HV", "15.00 kV"), ("WD", "5.1 mm"), ("tilt", "0.0 °"),
             ("HFW", _field_width(it.length, px, it.columns))]  # fmt: skip
    for number, pair in enumerate(cells):
        for row, words in enumerate(pair):
            left = (number + 0.3) * (it.columns - px - 3 * h) / len(cells)
            it.sheet.text(words, left, round((0.4 + 1.6 * row) * h), round(0.8 * h))
    _interrupted(it, it.columns - px - 2 * h, px, round(0.5 * h))
    return px


def _interrupted(it: Layout, left: int, px: int, top: int) -> None:
    h, width = it.height, it.sheet.width_of(it.length.words, it.height)
    it.sheet.text(it.length.words, left + (px - width) // 2, top, h)
    y, tick = top + h // 2, max(round(0.3 * h), it.line)
    half = (px - width) // 2 - round(0.6 * h)
    it.sheet.block(left, left + half, y, y + it.line)
    it.sheet.block(left + px + it.line - half, left + px + it.line, y, y + it.line)
    for x in (left, left + px):
        it.sheet.block(x, x + it.line, y - tick, y + it.line + tick)


def tescan(it: Layout) -> float:
    """A comb of eleven ticks on a line with the text below it."""
    h = it.height
    px = it.bar_px(0.18, 0.3) // 10 * 10
    left = round(0.42 * it.columns)
    field = _field_width(it.length, px, it.columns)
    for row, pair in enumerate([("SEM HV: 20.00 kV", "WD: 15.44 mm"), (f"View field: {field}", "Det: SE")]):
        for number, words in enumerate(pair):
            it.sheet.text(words, 0.4 * h + number * 0.22 * it.columns, round((0.5 + 1.8 * row) * h), round(0.8 * h))
    for number in range(11):
        x, tall = left + number * px // 10, number % 10 == 0
        it.sheet.block(x, x + it.line, round((0.3 if tall else 0.9) * h), round(1.4 * h))
    it.sheet.block(left, left + px + it.line, round(1.4 * h), round(1.4 * h) + it.line)
    it.sheet.text(it.length.words, left, round(2.2 * h), h)
    it.sheet.text("MIRA TESCAN", it.columns - 9 * h, round(0.5 * h), round(0.8 * h))
    return px


def tescan_bracket(it: Layout) -> float:
    """A bracket that opens upwards with the text within."""
    h, px = it.height, it.bar_px(0.18, 0.28)
    left = it.columns - px - 2 * h
    it.sheet.text(it.length.words, left + (px - it.sheet.width_of(it.length.words, h)) // 2, round(0.8 * h), h)
    it.sheet.ticked(left, px, round(2.3 * h), it.line, (round(1.6 * h), 0))
    for number, (label, value) in enumerate([("WD", "3.85 mm"), ("Det", "E-T"), ("Energy", "1 keV")]):
        it.sheet.text(label, (number + 0.3) * left / 3, round(0.4 * h), round(0.8 * h))
        it.sheet.text(value, (number + 0.3) * left / 3, round(2.2 * h), round(0.8 * h))
    return px


def jeol(it: Layout) -> float:
    """A block with the length beside it, and a row of text below."""
    h, px = it.height, it.bar_px(0.05, 0.16)
    left = round(0.45 * it.columns)
    it.sheet.block(left, left + px, round(0.4 * h), round(1.2 * h))
    it.sheet.text(it.length.words, left + px + round(it.random.uniform(1, 5) * h), round(0.3 * h), h)
    for share, words in ((0.2, "X 1,000"), (0.4, "15.0kV SEI"), (0.58, "SEM"), (0.75, "WD 10.5mm")):
        it.sheet.text(words, share * it.columns, round(2.1 * h), h)
    return px


def hitachi(it: Layout) -> float:
    """Eleven ticks that hang from the upper edge, the length below their right end."""
    h = it.height
    px = it.bar_px(0.2, 0.4) // 10 * 10
    left = it.columns - px - 2 * h
    for number in range(11):
        x = left + number * px // 10
        it.sheet.block(x, x + 2 * it.line, round(0.2 * h), round((1.3 if number % 5 == 0 else 0.8) * h))
    it.sheet.text("SU8010 5.0kV 8.2mm x25.0k SE(M)", h, round(1.8 * h), h)
    it.sheet.text(it.length.words, it.columns - 2 * h - it.sheet.width_of(it.length.words, h), round(1.8 * h), h)
    return px


def phenom(it: Layout) -> float:
    """A line with small ticks below its text, at the left of fields in one row."""
    h, px = it.height, it.bar_px(0.08, 0.25)
    left = round(0.7 * it.columns) if it.random.random() < 0.5 else h
    it.sheet.text(it.length.words, left + max(px - it.sheet.width_of(it.length.words, h), 0) // 2, round(0.5 * h), h)
    it.sheet.ticked(left, px, round(2.4 * h), it.line, (round(0.4 * h), round(0.4 * h)))
    field = _field_width(it.length, px, it.columns)
    for number, words in enumerate((f"FW: {field}", "15kV - Image", "BSD Full")):
        start = 0.02 if left > h else 0.4
        it.sheet.text(words, (start + number * 0.2) * it.columns, round((0.5 + number % 2 * 1.7) * h), round(0.8 * h))
    return px


LAYOUTS: dict[str, Callable[[Layout], float]] = {
    "ZEISS": zeiss, "FEI": fei, "Thermo": thermo, "TESCAN comb": tescan, "TESCAN bracket": tescan_bracket,
    "JEOL": jeol, "Hitachi": hitachi, "Phenom": phenom,
}  # fmt: skip


def with_banner(
    random: np.random.Generator, draw: Callable[[Layout], float], size: tuple[int, int], pictures: list[Grey]
) -> Drawn:
    """A picture with a banner of one layout beneath it."""
    columns, rows = size
    height = max(round(random.uniform(*TEXT_SHARE) * columns), 9)
    line = max(1, round(height * random.uniform(0.06, 0.16)))
    ground, tone = ((0, 255), (255, 0), (40, 255), (1, 254))[int(random.choice(4, p=(0.5, 0.2, 0.15, 0.15)))]
    sheet = Sheet(np.full((round(3.7 * height), columns), ground, np.uint8), FONTS[int(random.integers(len(FONTS)))], tone)
    length = any_length(random)
    px = draw(Layout(random, sheet, columns, height, line, length))
    return Drawn(np.vstack([specimen(random, columns, rows, pictures), sheet.pixels]), length.value_nm, px)


def burnt_in(random: np.random.Generator, size: tuple[int, int], pictures: list[Grey]) -> Drawn:
    """A block or line under or over its text in a corner of the picture, as Gatan, Olympus, TVIPS and authors draw it."""
    columns, rows = size
    height = max(round(random.uniform(0.018, 0.05) * columns), 10)
    picture = specimen(random, columns, rows, pictures)
    length, font = any_length(random), FONTS[int(random.integers(len(FONTS)))]
    px, thick = int(random.uniform(0.08, 0.3) * columns), max(2, round(random.uniform(0.1, 0.5) * height))
    margin = round(0.03 * columns)
    left = margin if random.random() < 0.5 else columns - margin - px
    top = rows - round(3.2 * height) - thick
    patch = picture[top - height :, max(left - height, 0) : left + px + height]
    tone = 255 if np.median(patch) < 128 else 0
    if random.random() < 0.3:
        patch[:] = 255 - tone
    sheet = Sheet(picture, font, tone)
    width = sheet.width_of(length.words, height)
    start = min(max(left + (px - width) // 2, height // 2), columns - width - 4)
    if random.random() < 0.75:
        sheet.text(length.words, start, top, height)
        sheet.block(left, left + px, top + round(1.6 * height), top + round(1.6 * height) + thick)
    else:
        sheet.block(left, left + px, top, top + thick)
        sheet.text(length.words, start, top + thick + round(0.5 * height), height)
    return Drawn(sheet.pixels, length.value_nm, px)
