"""The two ends of a bar: sharp or not, their edges to a fraction of a pixel, and the ticks that may stand there.

Makers draw ticks as a pen's stroke across the end, so that the length counts from centre to centre.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from shared.arrays import IntArray, Mask
from worker.analysis.scale_bar.strokes import Ink, Strip, Stroke

Side = Literal["left", "right"]

# Pixels behind an end that must differ from the stroke, by this share of its contrast.
END_REACH_PX = 3
MIN_END_CONTRAST = 0.35
# A tick stands within so many pixels of the end, is at most so wide, and rises by this share of the stroke's thickness or 2 px.
TICK_REACH_PX, TICK_WIDTH_PX, TICK_WIDTH_BY_THICKNESS = 2, 7, 1.6
MIN_TICK_RISE, MIN_TICK_SHARE = 0.5, 0.5
# In heights of the text.
MAX_TICK = 3.0
# From here on a stroke is a block, which has no blurred ticks.
MIN_BLOCK_PX = 4
# A thickening of an end: columns looked at, and its least share of the ink along the line.
CAP_REACH_PX, MIN_CAP_INK = 6, 0.18


def ends_sharply(strip: Strip, stroke: Stroke, tone: Ink, side: Side) -> bool:
    """Whether the rows of a stroke leave its tone within a few pixels behind its end."""
    outside = _outside(strip, stroke, side)
    # The first columns may be blurred; at the edge of the picture there are no more.
    outside = outside[:, 2:] if outside.shape[1] > 2 else outside[:, 1:]
    if not outside.size:
        return False
    apart = np.abs(outside.mean(axis=0) - tone.tone)
    return bool(apart.min() >= MIN_END_CONTRAST * tone.contrast)


def edge_column(strip: Strip, stroke: Stroke, tone: Ink, side: Side) -> float | None:
    """Column at which the tone is half way to what lies behind the end."""
    rows = strip[stroke.top : stroke.bottom]
    if stroke.thickness > 2:
        rows = rows[1:-1]
    profile = rows.mean(axis=0)
    end, step = (stroke.left, -1) if side == "left" else (stroke.right - 1, 1)
    beyond = profile[_clipped(end, step, 2, END_REACH_PX + 2, len(profile))]
    if not beyond.size:
        return None
    half = (tone.tone + float(np.median(beyond))) / 2
    sign = 1.0 if tone.tone > half else -1.0
    for column in _clipped(end - 4 * step, step, 0, END_REACH_PX + 6, len(profile)).tolist():
        following = column + step
        if not 0 <= following < len(profile):
            break
        here, there = sign * (profile[column] - half), sign * (profile[following] - half)
        if here >= 0 > there:
            return float(column + step * here / (here - there))
    return None


def tick_column(strip: Strip, stroke: Stroke, tone: Ink, text_height: int, side: Side) -> float | None:
    """Column of the centre of the tick at one end; None where the end has none.

    A tick is narrow, stands at the very end and rises well above or below the stroke: letters that touch a bar do not.
    """
    inward = 1 if side == "left" else -1
    end = stroke.left if side == "left" else stroke.right - 1
    width = max(TICK_WIDTH_PX, round(TICK_WIDTH_BY_THICKNESS * stroke.thickness))
    columns = end + inward * np.arange(-TICK_REACH_PX, width + TICK_REACH_PX + 1)
    columns = columns[(columns >= 0) & (columns < strip.shape[1])]
    sign = 1.0 if tone.tone > tone.ground else -1.0
    weight = np.clip(sign * (strip[:, columns] - tone.ground) / tone.contrast, 0, 1)
    is_ink = weight >= 0.5
    heights = np.array([bottom - top for top, bottom in (_rows_of_ink(column, stroke) for column in is_ink.T)])
    tallest = int(heights.max(initial=0))
    if tallest < stroke.thickness + max(2, MIN_TICK_RISE * stroke.thickness):
        return _cap(strip, stroke, tone, side)
    if tallest > stroke.thickness + MAX_TICK * text_height:
        return None
    rows = _rows_outside(is_ink[:, heights.argmax()], stroke)
    tall = np.flatnonzero(heights >= stroke.thickness + MIN_TICK_SHARE * (tallest - stroke.thickness))
    is_narrow = tall[-1] - tall[0] < width
    if abs(columns[tall[0]] - end) > TICK_REACH_PX or not is_narrow or not rows.size:
        return _cap(strip, stroke, tone, side)
    profile = weight[rows][:, tall[0] : tall[-1] + 1].mean(axis=0)
    return float((profile * columns[tall[0] : tall[-1] + 1]).sum() / profile.sum())


def _cap(strip: Strip, stroke: Stroke, tone: Ink, side: Side) -> float | None:
    """Column of the centre of a small blurred tick: where a line has more ink at its end than along it; None without one.

    FEI's ticks rise a pixel above a line of three; in a picture that was made smaller they are a mere thickening.
    """
    if stroke.thickness >= MIN_BLOCK_PX or stroke.length < 3 * CAP_REACH_PX:
        return None
    rows = strip[max(stroke.top - 2, 0) : stroke.bottom + 2]
    ink = np.clip((rows - tone.ground) / (tone.tone - tone.ground), 0, 1.5).sum(axis=0)
    along = float(np.median(ink[stroke.left + CAP_REACH_PX : stroke.right - CAP_REACH_PX]))
    inward, end = (1, stroke.left) if side == "left" else (-1, stroke.right - 1)
    columns = end + inward * np.arange(-TICK_REACH_PX, CAP_REACH_PX)
    columns = columns[(columns >= 0) & (columns < len(ink))]
    excess = np.clip(ink[columns] - along, 0, None)
    excess[excess < 0.25 * excess.max(initial=0)] = 0
    if excess.max(initial=0) < MIN_CAP_INK * along or excess[-1] > 0.5 * excess.max():
        return None
    return float((excess * columns).sum() / excess.sum())


def _rows_of_ink(column: Mask, stroke: Stroke) -> tuple[int, int]:
    """First row and row after the last of the ink in one column that hangs together with the stroke; equal where none does."""
    top, bottom = stroke.top, stroke.bottom
    if not column[top:bottom].any():
        return top, top
    while top > 0 and column[top - 1]:
        top -= 1
    while bottom < len(column) and column[bottom]:
        bottom += 1
    return top, bottom


def _rows_outside(column: Mask, stroke: Stroke) -> IntArray:
    """Rows of a tick above and below its stroke; those next to the stroke, blurred with it, only where there are no others."""
    top, bottom = _rows_of_ink(column, stroke)
    rows = np.concatenate([np.arange(top, stroke.top), np.arange(stroke.bottom, bottom)])
    inner = rows[(rows != stroke.top - 1) & (rows != stroke.bottom)]
    return inner if inner.size else rows


def _outside(strip: Strip, stroke: Stroke, side: Side) -> Strip:
    rows = strip[stroke.top : stroke.bottom]
    if side == "left":
        return rows[:, max(stroke.left - END_REACH_PX - 1, 0) : stroke.left][:, ::-1]
    return rows[:, stroke.right : stroke.right + END_REACH_PX + 1]


def _clipped(start: int, step: int, first: int, last: int, length: int) -> NDArray[np.intp]:
    columns: NDArray[np.intp] = start + step * np.arange(first, last + 1)
    return columns[(columns >= 0) & (columns < length)]
