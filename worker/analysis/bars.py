"""Scale bars as drawn things: a line or block beside a text, its kind, and its length to a fraction of a pixel.

A bar is uniform, straight and sharply ended, in the tone of its text or in black or white. Where it has ticks at its ends its
length runs from centre to centre of the ticks, as ZEISS, TESCAN, FEI, Phenom and Hitachi draw it; else from edge to edge.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.domain import Box, Mask
from worker.analysis.lettering import GreyImage

BarKind = Literal["solid", "ticks", "split", "one_tick", "ruler"]

MIN_LENGTH_PX = 12
# A bar of most of the picture's width is a frame or a rule.
MAX_SHARE_OF_WIDTH = 0.75
# In heights of the text beside it.
MIN_THICKNESS, MAX_THICKNESS = 0.035, 1.6
MAX_TICK = 3.0
SEARCH_ROWS = 3.5
# Bars are long and thin; the stoutest seen is 2.4 times as long as it is thick.
MIN_SLENDERNESS = 2.2

# Shares of the contrast between text and ground.
TONE_TOLERANCE = 0.3
MIN_RIDGE = 0.3
MIN_END_CONTRAST = 0.35
MIN_SIDE_CONTRAST = 0.3
MAX_UNEVENNESS = 0.2
MIN_SIDE_SHARE = 0.75
# Ink that differs less than this from its ground cannot be told from noise.
MIN_CONTRAST = 18
BLACK, WHITE = 30, 225
RIDGE_REACH_PX = 3
SAME_END_PX = 2
END_REACH_PX = 3
SAME_BAR_PX = 5
TICK_REACH_PX, TICK_WIDTH_PX = 2, 7
MIN_BLOCK_PX = 4


@dataclass(frozen=True, slots=True)
class Ink:
    """The tones of a text and of the ground it stands on, grey values."""

    tone: float
    ground: float

    @property
    def contrast(self) -> float:
        """Difference of the two, without sign."""
        return abs(self.tone - self.ground)


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar as drawn.

    Attributes
    ----------
    kind : str
        ``split`` where the text interrupts it, ``one_tick`` where something stands at one of its ends only.
    x0, x1, y : float
        Columns of its two ends and its row, px; whole numbers are pixel centres.
    thickness : float
        Rows of its line or block, or of a ruler's ticks.
    ink : Ink
        Its tone and that of the ground beside it.
    """

    kind: BarKind
    x0: float
    x1: float
    y: float
    thickness: float
    ink: Ink

    @property
    def length_px(self) -> float:
        """Length by the convention of the kind."""
        return self.x1 - self.x0


@dataclass(frozen=True, slots=True)
class _Stroke:
    """Rows ``top`` to ``bottom`` and columns ``left`` to ``right`` of something uniform and horizontal, ends exclusive."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def length(self) -> int:
        return self.right - self.left

    @property
    def thickness(self) -> int:
        return self.bottom - self.top


def ink_of(grey: GreyImage, box: Box) -> Ink:
    """Tones of the text in a box: the ground is what most of the box's edge is made of."""
    crop = grey[box.slices]
    threshold, _ = cv2.threshold(crop, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    edge = np.concatenate([crop[0], crop[-1], crop[:, 0], crop[:, -1]])
    is_dark_ground = np.median(edge) <= threshold
    ink, ground = (crop[crop > threshold], crop[crop <= threshold]) if is_dark_ground else (
        crop[crop <= threshold], crop[crop > threshold])  # fmt: skip
    if not ink.size or not ground.size:
        return Ink(float(threshold), float(threshold))
    # Strokes of letters are blurred at their edges; their full tone is the far half.
    tone = np.quantile(ink, 0.75 if is_dark_ground else 0.25)
    return Ink(float(tone), float(np.median(ground)))


def find_bars(grey: GreyImage, text: Box) -> list[Bar]:
    """Find everything near a text that is drawn like a bar without being a ruler.

    Parameters
    ----------
    grey : ndarray of uint8, shape (rows, columns)
        The image, black 0, white 255.
    text : Box
        Where the length is written.

    Returns
    -------
    list of Bar
        In the coordinates of the image; the same bar may come twice.
    """
    height = text.bottom - text.top
    ink = ink_of(grey, text)
    if ink.contrast < MIN_CONTRAST:
        return []
    reach = round(SEARCH_ROWS * height)
    first, last = max(text.top - reach, 0), min(text.bottom + reach, grey.shape[0])
    strip = grey[first:last].astype(np.float32)
    strokes = _strokes(strip, ink, height)
    bars = [bar for stroke in strokes if (bar := _bar(strip, stroke, height)) is not None]
    bars += _split_bars(strip, strokes, Box(text.top - first, text.bottom - first, text.left, text.right))
    return [replace(bar, y=bar.y + first) for bar in _outermost(bars)]


def _outermost(bars: list[Bar]) -> list[Bar]:
    """Leave out what is part of another bar: a blurred edge of it, or one half of it. What has ticks at both ends comes first."""
    kept: list[Bar] = []
    for bar in sorted(bars, key=lambda bar: (bar.kind not in ("ticks", "split"), -bar.length_px)):
        if not any(_is_part(bar, longer) for longer in kept):
            kept.append(bar)
    return kept


def _is_part(bar: Bar, longer: Bar) -> bool:
    near = abs(bar.y - longer.y) <= max(bar.thickness, longer.thickness) / 2 + 2
    return near and bar.x0 >= longer.x0 - SAME_BAR_PX and bar.x1 <= longer.x1 + SAME_BAR_PX


def _strokes(strip: NDArray[np.float32], ink: Ink, text_height: int) -> list[_Stroke]:
    """Horizontal strokes of one tone: in that of the text, in black, in white, or thin and lighter or darker than around."""
    found: dict[_Stroke, None] = {}
    for mask in _masks(strip, ink):
        for stroke in _stacked_runs(mask, round(MAX_SHARE_OF_WIDTH * strip.shape[1])):
            if MIN_THICKNESS * text_height <= stroke.thickness <= MAX_THICKNESS * text_height and stroke.length >= MIN_SLENDERNESS * stroke.thickness:
                found[stroke] = None
    return list(found)


def _masks(strip: NDArray[np.float32], ink: Ink) -> Iterator[Mask]:
    tolerance = max(TONE_TOLERANCE * ink.contrast, MIN_CONTRAST / 2)
    yield np.abs(strip - ink.tone) <= tolerance
    yield strip >= WHITE
    yield strip <= BLACK
    above, below = _shifted(strip, RIDGE_REACH_PX), _shifted(strip, -RIDGE_REACH_PX)
    least = MIN_RIDGE * ink.contrast
    yield strip - np.maximum(above, below) >= least
    yield np.minimum(above, below) - strip >= least


def _shifted(strip: NDArray[np.float32], rows: int) -> NDArray[np.float32]:
    """The strip moved by so many rows, its first or last row repeated."""
    index = np.clip(np.arange(strip.shape[0]) - rows, 0, strip.shape[0] - 1)
    return strip[index]


def _stacked_runs(mask: Mask, max_length: int) -> Iterator[_Stroke]:
    """Yield the rectangles that runs of equal ends in neighbouring rows make."""
    closed = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((1, 3), np.uint8))
    padded = np.pad(closed, ((0, 0), (1, 1))).astype(np.int8)
    steps = np.diff(padded, axis=1)
    rows, starts = np.nonzero(steps == 1)
    ends = np.nonzero(steps == -1)[1]
    lengths = ends - starts
    # What runs into the edge of the picture may go on behind it.
    wanted = (lengths >= MIN_LENGTH_PX) & (lengths <= max_length) & (starts > 0) & (ends < mask.shape[1])
    open_strokes: list[_Stroke] = []
    for row, start, end in zip(rows[wanted].tolist(), starts[wanted].tolist(), ends[wanted].tolist(), strict=True):
        still_open = []
        joined = False
        for stroke in open_strokes:
            if stroke.bottom < row:
                yield stroke
                continue
            if not joined and stroke.bottom == row and _same_ends(stroke, start, end):
                left, right = min(stroke.left, start), max(stroke.right, end)
                still_open.append(_Stroke(stroke.top, row + 1, left, right))
                joined = True
            else:
                still_open.append(stroke)
        if not joined:
            still_open.append(_Stroke(row, row + 1, start, end))
        open_strokes = still_open
    yield from open_strokes


def _same_ends(stroke: _Stroke, start: int, end: int) -> bool:
    return abs(stroke.left - start) <= SAME_END_PX and abs(stroke.right - end) <= SAME_END_PX


def _bar(strip: NDArray[np.float32], stroke: _Stroke, text_height: int) -> Bar | None:
    """The bar that a stroke is; None where it is no straight, even, sharply ended thing."""
    tone = _tone(strip, stroke)
    if tone is None or not _ends_sharply(strip, stroke, tone, "left") or not _ends_sharply(strip, stroke, tone, "right"):
        return None
    y = (stroke.top + stroke.bottom - 1) / 2
    left, right = _tick(strip, stroke, tone, text_height, "left"), _tick(strip, stroke, tone, text_height, "right")
    if left is not None and right is not None:
        return Bar("ticks", left, right, y, stroke.thickness, tone)
    edges = _edge(strip, stroke, tone, "left"), _edge(strip, stroke, tone, "right")
    if edges[0] is None or edges[1] is None:
        return None
    has_one = stroke.thickness < MIN_BLOCK_PX and (left is not None or right is not None)
    return Bar("one_tick" if has_one else "solid", edges[0], edges[1], y, stroke.thickness, tone)


def _tone(strip: NDArray[np.float32], stroke: _Stroke) -> Ink | None:
    """Tone of a stroke and of the ground beside it; None where it is uneven, or goes on above or below."""
    inner = strip[stroke.top : stroke.bottom, stroke.left + 1 : stroke.right - 1]
    # Of a thick bar only the rows inside have its full tone.
    if stroke.thickness > 2:
        inner = inner[1:-1]
    profile = inner.mean(axis=0)
    tone = float(np.median(profile))
    gap = 2 if stroke.thickness > 1 else 3
    rows = [row for row in (stroke.top - gap, stroke.bottom - 1 + gap) if 0 <= row < strip.shape[0]]
    if len(rows) < 2:
        return None
    sides = strip[rows, stroke.left + 1 : stroke.right - 1]
    ground = float(np.median(sides))
    contrast = abs(tone - ground)
    if contrast < MIN_CONTRAST:
        return None
    apart = (np.abs(sides - tone) >= MIN_SIDE_CONTRAST * contrast).mean(axis=1)
    uneven = float(np.mean(np.abs(profile - tone) > MAX_UNEVENNESS * contrast))
    return Ink(tone, ground) if apart.min() >= MIN_SIDE_SHARE and uneven <= 0.05 else None


def _ends_sharply(strip: NDArray[np.float32], stroke: _Stroke, tone: Ink, side: str) -> bool:
    """Whether the rows of a stroke leave its tone within a few pixels behind its end."""
    outside = _outside(strip, stroke, side)
    # The first columns may be blurred; at the edge of the picture there are no more.
    outside = outside[:, 2:] if outside.shape[1] > 2 else outside[:, 1:]
    if not outside.size:
        return False
    apart = np.abs(outside.mean(axis=0) - tone.tone)
    return bool(apart.min() >= MIN_END_CONTRAST * tone.contrast)


def _outside(strip: NDArray[np.float32], stroke: _Stroke, side: str) -> NDArray[np.float32]:
    rows = strip[stroke.top : stroke.bottom]
    if side == "left":
        return rows[:, max(stroke.left - END_REACH_PX - 1, 0) : stroke.left][:, ::-1]
    return rows[:, stroke.right : stroke.right + END_REACH_PX + 1]


def _edge(strip: NDArray[np.float32], stroke: _Stroke, tone: Ink, side: str) -> float | None:
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


def _clipped(start: int, step: int, first: int, last: int, length: int) -> NDArray[np.intp]:
    columns = start + step * np.arange(first, last + 1)
    return columns[(columns >= 0) & (columns < length)]


def _tick(strip: NDArray[np.float32], stroke: _Stroke, tone: Ink, text_height: int, side: str) -> float | None:
    """Column of the centre of the tick at one end; None where the end has none, or an arrow's head.

    A tick is narrow, stands at the very end and rises well above or below the stroke: letters that touch a bar do not.
    """
    inward = 1 if side == "left" else -1
    end = stroke.left if side == "left" else stroke.right - 1
    columns = end + inward * np.arange(-TICK_REACH_PX, TICK_WIDTH_PX + TICK_REACH_PX + 1)
    columns = columns[(columns >= 0) & (columns < strip.shape[1])]
    sign = 1.0 if tone.tone > tone.ground else -1.0
    weight = np.clip(sign * (strip[:, columns] - tone.ground) / tone.contrast, 0, 1)
    is_ink = weight >= 0.5
    heights = np.array([_height_around(is_ink[:, i], stroke) for i in range(len(columns))])
    tall = np.flatnonzero(heights >= stroke.thickness + max(2, round(0.5 * stroke.thickness)))
    if not tall.size or heights.max() > MAX_TICK * text_height + stroke.thickness:
        return None
    if abs(columns[tall[0]] - end) > TICK_REACH_PX or tall[-1] - tall[0] >= TICK_WIDTH_PX:
        return None
    rows = _tick_rows(is_ink[:, heights.argmax()], stroke)
    profile = weight[rows][:, tall[0] : tall[-1] + 1].mean(axis=0)
    return float((profile * columns[tall[0] : tall[-1] + 1]).sum() / profile.sum())


def _height_around(column: Mask, stroke: _Stroke) -> int:
    """Rows of ink in one column that hang together with the stroke."""
    top, bottom = stroke.top, stroke.bottom
    if not column[top:bottom].any():
        return 0
    while top > 0 and column[top - 1]:
        top -= 1
    while bottom < len(column) and column[bottom]:
        bottom += 1
    return bottom - top


def _tick_rows(column: Mask, stroke: _Stroke) -> NDArray[np.intp]:
    """Rows of a tick outside its stroke."""
    height_above, height_below = stroke.top, stroke.bottom
    while height_above > 0 and column[height_above - 1]:
        height_above -= 1
    while height_below < len(column) and column[height_below]:
        height_below += 1
    rows = np.r_[height_above : stroke.top, stroke.bottom : height_below]
    # The row next to the stroke is blurred with it.
    inner = rows[(rows != stroke.top - 1) & (rows != stroke.bottom)]
    return inner if inner.size else rows


def _split_bars(strip: NDArray[np.float32], strokes: list[_Stroke], text: Box) -> list[Bar]:
    """Bars that the text interrupts: two strokes of one row and about one length, one on each side of it."""
    height, middle = text.bottom - text.top, (text.top + text.bottom - 1) / 2
    level = [s for s in strokes if abs((s.top + s.bottom - 1) / 2 - middle) <= 0.35 * height]
    lefts = [s for s in level if s.left < text.left and abs(s.right - text.left) <= 1.5 * height]
    rights = [s for s in level if s.right > text.right and abs(s.left - text.right) <= 1.5 * height]
    bars = []
    for left in lefts:
        for right in rights:
            if abs(left.top - right.top) > 1 or abs(left.length - right.length) > max(6, 0.25 * left.length):
                continue
            bar = _joined(strip, left, right, height)
            if bar is not None:
                bars.append(bar)
    return bars


def _joined(strip: NDArray[np.float32], left: _Stroke, right: _Stroke, text_height: int) -> Bar | None:
    tones = _tone(strip, left), _tone(strip, right)
    if tones[0] is None or tones[1] is None:
        return None
    if not _ends_sharply(strip, left, tones[0], "left") or not _ends_sharply(strip, right, tones[1], "right"):
        return None
    y = (left.top + left.bottom - 1) / 2
    ticks = _tick(strip, left, tones[0], text_height, "left"), _tick(strip, right, tones[1], text_height, "right")
    if ticks[0] is not None and ticks[1] is not None:
        return Bar("split", ticks[0], ticks[1], y, left.thickness, tones[0])
    edges = _edge(strip, left, tones[0], "left"), _edge(strip, right, tones[1], "right")
    if ticks[0] is not None or ticks[1] is not None or edges[0] is None or edges[1] is None:
        return None
    return Bar("split", edges[0], edges[1], y, left.thickness, tones[0])

