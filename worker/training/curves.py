"""Curves of a training as a PNG: losses on the training and validation crops over the steps."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

if TYPE_CHECKING:
    from worker.training.loop import EpochReport

SIZE_PX = (480, 800)
MARGIN_PX = 60
N_TICKS = 5
# Colour (red, green, blue) of each column that is drawn.
COLOURS = {"training": (150, 150, 150), "validation": (200, 40, 40), "foreground": (30, 120, 60), "distance": (30, 80, 190)}
INK = (40, 40, 40)


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
        Image.fromarray(drawn_curves(reports)).save(path)


def drawn_curves(reports: Sequence["EpochReport"]) -> NDArray[np.uint8]:
    """Draw the losses over the steps; returns ndarray of uint8, shape (480, 800, 3)."""
    rows, columns = SIZE_PX
    picture = np.full((rows, columns, 3), 255, dtype=np.uint8)
    last = max(reports[-1].step, 1)
    values = {name: np.array([getattr(report, name) for report in reports]) for name in COLOURS}
    highest = max(float(np.nanmax([*curve, 1e-6])) for curve in values.values())
    steps = np.array([report.step for report in reports])
    x = MARGIN_PX + steps / last * (columns - 2 * MARGIN_PX)
    _draw_axes(picture, last, highest)
    for number, (name, colour) in enumerate(COLOURS.items()):
        y = rows - MARGIN_PX - values[name] / highest * (rows - 2 * MARGIN_PX)
        points = np.stack([x, y], axis=1).round().astype(np.int32)
        cv2.polylines(picture, [points], isClosed=False, color=colour, thickness=2, lineType=cv2.LINE_AA)
        _write(picture, name, (columns - MARGIN_PX - 110, MARGIN_PX + 20 * number), colour)
    return picture


def _draw_axes(picture: NDArray[np.uint8], last: int, highest: float) -> None:
    rows, columns = SIZE_PX
    corner = (MARGIN_PX, rows - MARGIN_PX)
    cv2.line(picture, corner, (columns - MARGIN_PX, rows - MARGIN_PX), INK, 1)
    cv2.line(picture, corner, (MARGIN_PX, MARGIN_PX), INK, 1)
    for tick in range(N_TICKS + 1):
        share = tick / N_TICKS
        _write(
            picture,
            f"{last * share:.0f}",
            (int(MARGIN_PX + share * (columns - 2 * MARGIN_PX)) - 12, rows - MARGIN_PX + 20),
            INK,
        )
        _write(picture, f"{highest * share:.2f}", (12, int(rows - MARGIN_PX - share * (rows - 2 * MARGIN_PX)) + 4), INK)
    _write(picture, "step", (columns // 2, rows - 14), INK)
    _write(picture, "loss", (12, MARGIN_PX - 20), INK)


def _write(picture: NDArray[np.uint8], text: str, place: tuple[int, int], colour: tuple[int, int, int]) -> None:
    cv2.putText(picture, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.42, colour, 1, cv2.LINE_AA)
