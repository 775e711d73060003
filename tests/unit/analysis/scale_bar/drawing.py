"""Scale bars drawn with a known length, at any fraction of a pixel: the truth of the tests."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

# Drawn so many times larger and averaged down: ends come out exact to 1/8 px.
SCALE = 8


@dataclass(frozen=True)
class Canvas:
    """A grey picture on which lines and text are drawn; coordinates in px, whole numbers are pixel centres."""

    large: Image.Image

    @property
    def pen(self) -> ImageDraw.ImageDraw:
        return ImageDraw.Draw(self.large)

    def block(self, left: float, right: float, top: float, bottom: float, tone: int) -> None:
        """Fill a rectangle between edges, ends exclusive: 10.0 to 20.0 covers the pixels 10 to 19 whole."""
        x0, x1, y0, y1 = (round(SCALE * value) for value in (left, right, top, bottom))
        self.pen.rectangle((x0, y0, x1 - 1, y1 - 1), fill=tone)

    def text(self, words: str, left: int, top: int, height: int, tone: int) -> None:
        """Write words, ``height`` px high; the font has no µ, for which instruments write u."""
        self.pen.text((SCALE * left, SCALE * top), words, font=ImageFont.load_default(SCALE * height), fill=tone)

    def pixels(self) -> np.ndarray:
        """The picture at its own size."""
        rows, columns = self.large.height // SCALE, self.large.width // SCALE
        large = np.asarray(self.large, np.float64).reshape(rows, SCALE, columns, SCALE)
        return np.rint(large.mean(axis=(1, 3))).astype(np.uint8)


def canvas(rows: int, columns: int, tone: int = 0) -> Canvas:
    """An even picture."""
    return Canvas(Image.new("L", (SCALE * columns, SCALE * rows), tone))


def specimen(rows: int, columns: int, seed: int = 1) -> np.ndarray:
    """A grainy grey picture without anything written on it."""
    return np.clip(np.random.default_rng(seed).normal(90, 14, (rows, columns)), 0, 255).astype(np.uint8)
