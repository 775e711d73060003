"""A sheet to draw the inscriptions of micrographs on, crisp as instruments do, and the lengths that stand there."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Grey = NDArray[np.uint8]

FONT_FOLDER = Path("/usr/share/fonts/truetype/dejavu")
# None is the font that comes with Pillow; it has no µ, for which u is written.
FONTS = ("DejaVuSans.ttf", "DejaVuSansCondensed.ttf", "DejaVuSans-Bold.ttf", "DejaVuSansMono.ttf", "DejaVuSerif.ttf", None)
UNITS = {"nm": 1.0, "µm": 1e3, "mm": 1e6}


@dataclass(frozen=True, slots=True)
class Length:
    """A length as it is written and what it means."""

    words: str
    value_nm: float


@dataclass(frozen=True, slots=True)
class Drawn:
    """An image and its bar; None where no scale may be read."""

    pixels: Grey | NDArray[np.uint16]
    value_nm: float | None
    length_px: float = 0.0


class Sheet:
    """A grey picture to draw on without antialiasing, as the programs of instruments do."""

    def __init__(self, pixels: Grey, font: str | None, tone: int) -> None:
        self.image = Image.fromarray(pixels)
        self.pen = ImageDraw.Draw(self.image)
        self.pen.fontmode = "1"
        self.font_name, self.tone = font, tone

    def text(self, words: str, left: float, top: float, height: int) -> tuple[int, int]:
        """Write words whose capitals are ``height`` px high; returns their first column and the column after the last."""
        size = round(1.38 * height)
        if self.font_name is None:
            font, words = ImageFont.load_default(size), words.replace("µ", "u")
        else:
            font = ImageFont.truetype(str(FONT_FOLDER / self.font_name), size)
        x0, y0, x1, _ = self.pen.textbbox((0, 0), words.replace("µ", "m").replace("g", "m"), font=font)
        self.pen.text((left, top - y0), words, font=font, fill=self.tone)
        return round(left + x0), round(left + x1)

    def width_of(self, words: str, height: int) -> int:
        """Columns that words take."""
        left, right = Sheet(np.zeros((4, 4), np.uint8), self.font_name, 0).text(words, 0, 0, height)
        return right - left

    def block(self, left: int, right: int, top: int, bottom: int) -> None:
        """Fill a rectangle, ends exclusive."""
        self.pen.rectangle((left, top, right - 1, bottom - 1), fill=self.tone)

    def ticked(self, left: int, length: int, y: int, line: int, rise: tuple[int, int]) -> None:
        """A line with ticks whose centres are ``length`` apart, rising above and below it."""
        self.block(left, left + length + line, y, y + line)
        for x in (left, left + length):
            self.block(x, x + line, y - rise[0], y + line + rise[1])

    @property
    def pixels(self) -> Grey:
        """What was drawn."""
        return np.asarray(self.image, np.uint8).copy()


def any_length(random: np.random.Generator) -> Length:
    """A usual length in one of its spellings."""
    unit = str(random.choice(["nm", "nm", "µm", "µm", "µm", "mm"]))
    # No microscope has a field of much more than a centimetre.
    digit, power = (1, 0) if unit == "mm" else (int(random.choice([1, 2, 5])), int(random.integers(0, 3)))
    number = digit * 10**power
    figures = str(number)
    if unit != "nm" and power == 0 and random.random() < 0.5:
        figures = str(random.choice([f"{number}.0", f"{number}.00"] + (["0.5", "0.2"] if unit == "µm" else [])))
    elif power == 1 and unit == "µm" and random.random() < 0.4:
        figures = f"{number}.0"
    gap = str(random.choice(["", " "]))
    written = "um" if unit == "µm" and random.random() < 0.3 else unit
    return Length(f"{figures}{gap}{written}", float(figures) * UNITS[unit])


def specimen(random: np.random.Generator, columns: int, rows: int, pictures: list[Grey]) -> Grey:
    """A picture of a specimen, enlarged to the size and with the grain of a detector."""
    source = pictures[int(random.integers(len(pictures)))]
    enlarged = cv2.resize(source, (columns, rows), interpolation=cv2.INTER_CUBIC)
    grain = random.normal(0, random.uniform(1, 8), (rows, columns)).astype(np.float32)
    return np.clip(enlarged + grain, 0, 255).astype(np.uint8)


@dataclass(frozen=True, slots=True)
class Scene:
    """A picture to draw on, its size, and the height of its text."""

    random: np.random.Generator
    pictures: list[Grey]
    sheet: Sheet
    columns: int
    rows: int
    height: int
    length: Length

    def between(self, least: float, most: float, of: float = 1.0) -> int:
        """A random whole number between two shares."""
        return round(self.random.uniform(least, most) * of)
