"""Curves of a training as a PNG: the loss on the training and on the validation crops over the steps."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from worker.training.loop import EpochReport

SIZE_PX = (540, 900)
# Drawn so many times larger and shrunk, which makes the lines smooth.
OVERSAMPLING = 2
TOP_PX, RIGHT_PX, BOTTOM_PX, LEFT_PX = 64, 30, 76, 92
TEXT_PX = 17
LINE_PX = 2.5
DOT_PX = 3.5
N_TICKS = 6
# Blue and vermilion of M. Okabe and K. Ito, which every colour vision tells apart.
CURVES = {"training": ("training crops", (0, 114, 178)), "validation": ("validation crops, averaged weights", (213, 94, 0))}
INK, GRID = (40, 40, 40), (222, 222, 222)


def write_curves(path: Path, reports: Sequence["EpochReport"]) -> None:
    """Draw the losses of all epochs and write them as PNG.

    Parameters
    ----------
    path : Path
        Replaced if it exists.
    reports : sequence of EpochReport
        In the order of their steps; nothing is written without any.
    """
    if reports:
        partial = path.with_suffix(".part")
        Image.fromarray(drawn_curves(reports)).save(partial, format="PNG")
        partial.replace(path)


def drawn_curves(reports: Sequence["EpochReport"]) -> NDArray[np.uint8]:
    """Draw the losses over the steps; values that are not finite are left out.

    Returns
    -------
    ndarray of uint8, shape (540, 900, 3)
        RGB.
    """
    points = {name: _points(reports, name) for name in CURVES}
    losses = [loss for curve in points.values() for _, loss in curve]
    chart = _Chart(steps=max(reports[-1].step, 1), loss=max([*losses, 1e-6]))
    chart.draw_axes()
    left = float(LEFT_PX)
    for name, (text, colour) in CURVES.items():
        if points[name]:
            chart.draw_curve(points[name], colour)
            left = chart.draw_legend(left, text, colour)
    return chart.picture()


def round_ticks(highest: float) -> list[float]:
    """Numbers from 0 in steps of 1, 2 or 5 times a power of ten, up to the first that is not below the highest value."""
    rough = highest / N_TICKS
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
    return [float(step * number) for number in range(int(np.ceil(highest / step - 1e-9)) + 1)]


def _points(reports: Sequence["EpochReport"], name: str) -> list[tuple[float, float]]:
    found = ((report.step, getattr(report, name)) for report in reports)
    return [(step, loss) for step, loss in found if np.isfinite(loss)]


class _Chart:
    """A drawing of losses over steps, both from 0."""

    def __init__(self, steps: float, loss: float) -> None:
        rows, columns = (length * OVERSAMPLING for length in SIZE_PX)
        self._page = Image.new("RGB", (columns, rows), "white")
        self._draw = ImageDraw.Draw(self._page)
        self._font = ImageFont.load_default(TEXT_PX * OVERSAMPLING)
        # Steps are whole and end with the training; losses end at a round number.
        self._step_ticks = [tick for tick in round_ticks(steps) if tick <= steps and tick.is_integer()]
        self._loss_ticks = round_ticks(loss)
        self._highest = (steps, self._loss_ticks[-1])

    def draw_axes(self) -> None:
        """Draw grid, numbers and the names of both axes."""
        steps, highest = self._highest
        for loss in self._loss_ticks:
            self._line([(0, loss), (steps, loss)], GRID if loss else INK, 1)
            x, y = self._place(0, loss)
            self._draw.text((x - 10 * OVERSAMPLING, y), f"{loss:.3g}", fill=INK, font=self._font, anchor="rm")
        for step in self._step_ticks:
            self._line([(step, 0), (step, highest)], GRID if step else INK, 1)
            x, y = self._place(step, 0)
            self._draw.text((x, y + 8 * OVERSAMPLING), f"{step:.0f}", fill=INK, font=self._font, anchor="ma")
        x, y = self._place(steps / 2, 0)
        self._draw.text((x, y + 40 * OVERSAMPLING), "training step", fill=INK, font=self._font, anchor="ma")
        self._write_upwards("loss", self._place(0, highest / 2)[1])

    def draw_curve(self, points: Sequence[tuple[float, float]], colour: tuple[int, int, int]) -> None:
        """Draw a curve, and a dot where it ends, so that one of a single epoch is seen, too."""
        self._line(points, colour, LINE_PX)
        x, y = self._place(*points[-1])
        self._draw.circle((x, y), DOT_PX * OVERSAMPLING, fill=colour)

    def draw_legend(self, left: float, text: str, colour: tuple[int, int, int]) -> float:
        """Name a curve above the axes; returns where the next name may begin, px."""
        x, y = left * OVERSAMPLING, TOP_PX / 2 * OVERSAMPLING
        sample = [(x, y), (x + 28 * OVERSAMPLING, y)]
        self._draw.line(sample, fill=colour, width=round(LINE_PX * OVERSAMPLING))
        start = x + 36 * OVERSAMPLING
        self._draw.text((start, y), text, fill=INK, font=self._font, anchor="lm")
        return (start + self._draw.textlength(text, font=self._font)) / OVERSAMPLING + 36

    def picture(self) -> NDArray[np.uint8]:
        """Shrink the drawing to its size."""
        rows, columns = SIZE_PX
        return np.asarray(self._page.resize((columns, rows), Image.Resampling.BOX), dtype=np.uint8)

    def _place(self, step: float, loss: float) -> tuple[float, float]:
        rows, columns = SIZE_PX
        steps, highest = self._highest
        x = LEFT_PX + step / steps * (columns - LEFT_PX - RIGHT_PX)
        y = rows - BOTTOM_PX - loss / highest * (rows - TOP_PX - BOTTOM_PX)
        return x * OVERSAMPLING, y * OVERSAMPLING

    def _line(self, points: Sequence[tuple[float, float]], colour: tuple[int, int, int], width_px: float) -> None:
        places = [self._place(*point) for point in points]
        self._draw.line(places, fill=colour, width=round(width_px * OVERSAMPLING), joint="curve")

    def _write_upwards(self, text: str, middle: float) -> None:
        left, top, right, bottom = (round(edge) for edge in self._font.getbbox(text))
        word = Image.new("RGB", (right - left, bottom - top), "white")
        ImageDraw.Draw(word).text((-left, -top), text, fill=INK, font=self._font)
        turned = word.transpose(Image.Transpose.ROTATE_90)
        self._page.paste(turned, (14 * OVERSAMPLING, round(middle - turned.height / 2)))
