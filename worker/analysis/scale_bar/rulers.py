"""Rulers: the eleven ticks or dots that Hitachi draws instead of a bar, ten equal intervals from the first to the last.

Ticks hang from one row or stand on one; every fifth or tenth may be longer. Some can be hidden by the specimen behind them, the
first and the last not.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.arrays import FloatArray, GreyImage
from shared.geometry import Box
from worker.analysis.scale_bar.bars import Bar
from worker.analysis.scale_bar.strokes import MIN_CONTRAST, Ink, ink_of, strip_around

N_TICKS = 11
MIN_SEEN = 9
MAX_STRANGERS = 2
MIN_SPACING_PX = 4.0
# Ticks are drawn on whole pixels, and moved by resizing.
MAX_DEVIATION_PX, MAX_DEVIATION_SHARE = 1.0, 0.06
# In heights of the text beside it.
SEARCH_ROWS = 2.5
MAX_TICK_WIDTH, MAX_TICK_HEIGHT = 0.4, 1.5
MIN_RIDGE = 0.35
SAME_ROW_PX = 2


@dataclass(frozen=True, slots=True)
class _Ticks:
    """Upright strokes: columns of their centres, first rows and rows after the last, each of shape (n,)."""

    x: FloatArray
    top: NDArray[np.int32]
    bottom: NDArray[np.int32]


def find_rulers(grey: GreyImage, text: Box) -> list[Bar]:
    """Find the rulers near a text.

    Parameters
    ----------
    grey : ndarray of uint8, shape (rows, columns)
        The image, black 0, white 255.
    text : Box
        Where the length is written.

    Returns
    -------
    list of Bar
        Of kind ``ruler``, from the centre of the first tick to that of the eleventh by a line through all that are seen.
    """
    height = text.bottom - text.top
    ink = ink_of(grey, text)
    if ink.contrast < MIN_CONTRAST:
        return []
    first, strip = strip_around(grey, text, SEARCH_ROWS)
    sign = 1.0 if ink.tone > ink.ground else -1.0
    ticks = _ticks(sign * strip, ink.contrast, height)
    rulers: list[tuple[int, Bar]] = []
    for rows in (ticks.top, ticks.bottom):
        for row in np.unique(rows).tolist():
            members = np.flatnonzero(np.abs(rows - row) <= SAME_ROW_PX)
            if len(members) >= MIN_SEEN:
                rulers += _rulers_among(ticks, members, first, ink)
    return _best(rulers)


def _best(rulers: list[tuple[int, Bar]]) -> list[Bar]:
    """The rulers of which most ticks are seen; letters that stand in step with some of them make others."""
    most = max((seen for seen, _ in rulers), default=0)
    return [bar for seen, bar in rulers if seen == most]


def _ticks(strip: NDArray[np.float32], contrast: float, text_height: int) -> _Ticks:
    """Narrow upright strokes that are lighter than what lies left and right of them."""
    reach = max(3, round(text_height / 4))
    columns = np.arange(strip.shape[1])
    left, right = np.clip(columns - reach, 0, None), np.clip(columns + reach, None, len(columns) - 1)
    ridge = strip - np.maximum(strip[:, left], strip[:, right])
    mask = (ridge >= MIN_RIDGE * contrast).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    widths, heights = stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT]
    is_tick = (widths <= max(MAX_TICK_WIDTH * text_height, 4)) & (heights >= 2) & (heights <= MAX_TICK_HEIGHT * text_height)
    is_tick[0] = False
    weight = np.clip(ridge, 0, None) * mask
    sums = np.bincount(labels.ravel(), weights=weight.ravel(), minlength=count)
    places = np.broadcast_to(columns, labels.shape)
    centres = np.bincount(labels.ravel(), weights=(weight * places).ravel(), minlength=count) / np.maximum(sums, 1e-9)
    kept = np.flatnonzero(is_tick)
    top = stats[kept, cv2.CC_STAT_TOP]
    return _Ticks(centres[kept], top, top + heights[kept])


def _rulers_among(ticks: _Ticks, members: NDArray[np.intp], first_row: int, ink: Ink) -> list[tuple[int, Bar]]:
    """All ways to see eleven equal steps in strokes of one row."""
    x = np.sort(ticks.x[members])
    rulers = []
    for start in range(len(x)):
        for end in range(start + MIN_SEEN - 1, len(x)):
            spacing = (x[end] - x[start]) / (N_TICKS - 1)
            if spacing < MIN_SPACING_PX:
                continue
            places = x[start] + spacing * np.arange(-1, N_TICKS + 1)
            nearest = np.abs(x[:, None] - places).argmin(axis=0)
            is_seen = np.abs(x[nearest] - places) <= min(MAX_DEVIATION_PX, MAX_DEVIATION_SHARE * spacing + 0.3)
            # A twelfth in step with the others: part of something longer.
            if is_seen[0] or is_seen[-1] or is_seen.sum() < MIN_SEEN:
                continue
            # Between the ticks of a ruler stands nothing else: what letters happen to stand in step are not alone.
            between = np.count_nonzero((x >= x[start] - 1) & (x <= x[end] + 1))
            if between > is_seen.sum() + MAX_STRANGERS:
                continue
            steps = np.flatnonzero(is_seen) - 1
            slope, origin = np.polyfit(steps, x[nearest[is_seen]], 1)
            y = float(np.mean((ticks.top[members] + ticks.bottom[members] - 1) / 2)) + first_row
            thickness = float(np.median(ticks.bottom[members] - ticks.top[members]))
            bar = Bar("ruler", float(origin), float(origin + slope * (N_TICKS - 1)), y, thickness, ink)
            rulers.append((int(is_seen.sum()), bar))
    return rulers
