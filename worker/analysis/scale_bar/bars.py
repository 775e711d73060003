"""Scale bars as drawn things: a line or block beside a text, its kind, and its length to a fraction of a pixel.

A bar is uniform, straight and sharply ended. Where it has ticks at its ends its length runs from centre to centre of the
ticks, as ZEISS, TESCAN, FEI, Phenom and Hitachi draw it; else from edge to edge.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from shared.arrays import GreyImage
from shared.geometry import Box
from worker.analysis.scale_bar.decoys import has_hidden_end, has_twin, has_walls, is_arrow
from worker.analysis.scale_bar.ends import MIN_BLOCK_PX, edge_column, ends_sharply, tick_column
from worker.analysis.scale_bar.strokes import MIN_CONTRAST, Ink, Strip, Stroke, find_strokes, ink_of, strip_around, tone_of

BarKind = Literal["solid", "ticks", "split", "ruler"]

# Rows looked at above and below a text, in heights of the text.
SEARCH_ROWS = 3.5
SAME_BAR_PX = 5
# A line without ticks is at least so thick, in heights of its text; a thinner one is a contour or a rule.
MIN_SOLID_THICKNESS = 0.035
# The two halves of an interrupted bar are drawn alike.
HALVES_DIFFERENCE, HALVES_DIFFERENCE_PX = 0.25, 6
# Halves of an interrupted bar, the gap between them, and the width of the gap in heights of its text.
MIN_HALF_PX, MIN_GAP_PX, GAP_BY_HEIGHT = 16, 16, 2.8
# Height of the text in an interrupted bar by that of its banner, at most.
INTERRUPTED_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar as drawn.

    Attributes
    ----------
    kind : str
        ``split`` where the text interrupts it.
    x0, x1, y : float
        Columns of its two ends and its row, px; whole numbers are pixel centres.
    thickness : float
        Rows of its line or block, or of a ruler's ticks.
    ink : Ink
        Its tone and that of the ground beside it.
    outer : (float, float) or None
        Columns of the outer edges, where the ends are the centres of ticks.
    is_doubtful : bool
        Whether one end may go on behind something, or is an arrow's head: it has no length, but it can contradict another bar.
    """

    kind: BarKind
    x0: float
    x1: float
    y: float
    thickness: float
    ink: Ink
    outer: tuple[float, float] | None = None
    is_doubtful: bool = False

    @property
    def length_px(self) -> float:
        """Length by the convention of the kind."""
        return self.x1 - self.x0


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
    first, strip = strip_around(grey, text, SEARCH_ROWS)
    strokes = find_strokes(strip, ink, height)
    place = Box(text.top - first, text.bottom - first, text.left, text.right)
    bars = [
        bar
        for stroke in strokes
        if (bar := _bar(strip, stroke, place)) is not None and not has_twin(strip, stroke, bar.ink, strokes, place)
    ]
    bars += _split_bars(strip, strokes, place)
    return [replace(bar, y=bar.y + first) for bar in _whole(_outermost(bars), strokes)]


def find_interrupted(grey: GreyImage, rows: slice) -> list[tuple[Bar, Box]]:
    """Find lines with a tick at each end and a gap in the middle, in which a length may stand.

    FEI and Thermo Fisher draw their bars so; small text that no one found as such can be looked for in the gap.

    Parameters
    ----------
    grey : ndarray of uint8, shape (rows, columns)
        The image, black 0, white 255.
    rows : slice
        Where to look, such as the rows of the banner.

    Returns
    -------
    list of (Bar, Box)
        The bar over both halves, and where its text would be.
    """
    strip = grey[rows].astype(np.float32)
    if not strip.size:
        return []
    ground = float(np.median(strip))
    ink = Ink(255.0 if ground < 128 else 0.0, ground)
    strokes = [
        stroke for stroke in find_strokes(strip, ink, round(INTERRUPTED_SHARE * len(strip))) if stroke.length >= MIN_HALF_PX
    ]
    found = []
    for left in strokes:
        for right in strokes:
            gap = right.left - left.right
            if not MIN_GAP_PX <= gap <= left.length or abs(left.top - right.top) > 1 or not _alike(left, right):
                continue
            height = max(round(gap / GAP_BY_HEIGHT), MIN_GAP_PX // 2)
            bar = _joined(strip, left, right, height)
            if bar is not None:
                middle = round(bar.y) + rows.start
                box = Box(max(middle - height // 2, 0), min(middle + height // 2 + 1, grey.shape[0]), left.right, right.left)
                found.append((replace(bar, y=bar.y + rows.start), box))
    return found


def _bar(strip: Strip, stroke: Stroke, text: Box) -> Bar | None:
    """The bar that a stroke is; None where it is no straight, even, sharply ended thing."""
    tone = tone_of(strip, stroke)
    if tone is None or not ends_sharply(strip, stroke, tone, "left") or not ends_sharply(strip, stroke, tone, "right"):
        return None
    text_height = text.bottom - text.top
    if has_walls(strip, stroke, tone, text):
        return None
    is_doubtful = is_arrow(strip, stroke, tone) or has_hidden_end(strip, stroke, tone)
    y = (stroke.top + stroke.bottom - 1) / 2
    left, right = tick_column(strip, stroke, tone, text_height, "left"), tick_column(strip, stroke, tone, text_height, "right")
    first, last = edge_column(strip, stroke, tone, "left"), edge_column(strip, stroke, tone, "right")
    if first is None or last is None:
        return None
    if left is not None and right is not None:
        return Bar("ticks", left, right, y, stroke.thickness, tone, (first, last), is_doubtful)
    # A thin line with something at one end only is part of a letter, of a frame or of a bar that the text interrupts.
    is_faint = stroke.thickness < MIN_SOLID_THICKNESS * text_height
    has_one_tick = stroke.thickness < MIN_BLOCK_PX and (left is not None or right is not None)
    solid = Bar("solid", first, last, y, stroke.thickness, tone, is_doubtful=is_doubtful)
    return None if has_one_tick or is_faint else solid


def _split_bars(strip: Strip, strokes: list[Stroke], text: Box) -> list[Bar]:
    """Bars that the text interrupts: two strokes of one row and about one length, one on each side of it."""
    height, middle = text.bottom - text.top, (text.top + text.bottom - 1) / 2
    level = [s for s in strokes if abs((s.top + s.bottom - 1) / 2 - middle) <= 0.35 * height]
    lefts = [s for s in level if s.left < text.left and abs(s.right - text.left) <= 1.5 * height]
    rights = [s for s in level if s.right > text.right and abs(s.left - text.right) <= 1.5 * height]
    bars = []
    for left in lefts:
        for right in rights:
            if abs(left.top - right.top) > 1 or not _alike(left, right):
                continue
            bar = _joined(strip, left, right, height)
            if bar is not None:
                bars.append(bar)
    return bars


def _joined(strip: Strip, left: Stroke, right: Stroke, text_height: int) -> Bar | None:
    tones = tone_of(strip, left), tone_of(strip, right)
    if tones[0] is None or tones[1] is None:
        return None
    if not ends_sharply(strip, left, tones[0], "left") or not ends_sharply(strip, right, tones[1], "right"):
        return None
    y = (left.top + left.bottom - 1) / 2
    first, last = edge_column(strip, left, tones[0], "left"), edge_column(strip, right, tones[1], "right")
    if first is None or last is None:
        return None
    ticks = tick_column(strip, left, tones[0], text_height, "left"), tick_column(strip, right, tones[1], text_height, "right")
    insets = [abs(tick - edge) for tick, edge in zip(ticks, (first, last), strict=True) if tick is not None]
    # Both ends are drawn alike: where one tick is too blurred to be seen, it lies as far inside as the other.
    x0 = first + max(insets, default=0.0) if ticks[0] is None else ticks[0]
    x1 = last - max(insets, default=0.0) if ticks[1] is None else ticks[1]
    return Bar("split", x0, x1, y, left.thickness, tones[0], (first, last))


def _alike(left: Stroke, right: Stroke) -> bool:
    return abs(left.length - right.length) <= max(HALVES_DIFFERENCE_PX, HALVES_DIFFERENCE * left.length)


def _outermost(bars: list[Bar]) -> list[Bar]:
    """Leave out what is part of another bar: a blurred edge or one half of it. What has ticks at both ends comes first.

    What is doubtful comes last and is left out where it overlaps another one: the same bar, seen with another threshold.
    """
    kept: list[Bar] = []
    for bar in sorted(bars, key=lambda bar: (bar.is_doubtful, bar.kind not in ("ticks", "split"), -bar.length_px)):
        same = _overlap if bar.is_doubtful else _is_part
        if not any(same(bar, other) for other in kept):
            kept.append(bar)
    return kept


def _overlap(bar: Bar, other: Bar) -> bool:
    near = abs(bar.y - other.y) <= max(bar.thickness, other.thickness)
    return near and bar.x0 <= other.x1 and other.x0 <= bar.x1


def _is_part(bar: Bar, longer: Bar) -> bool:
    near = abs(bar.y - longer.y) <= max(bar.thickness, longer.thickness) / 2 + 2
    return near and bar.x0 >= longer.x0 - SAME_BAR_PX and bar.x1 <= longer.x1 + SAME_BAR_PX


def _whole(bars: list[Bar], strokes: list[Stroke]) -> list[Bar]:
    """Leave out what is one of several pieces in a row: half of a bar whose text was not found, or a field of a dashed bar."""
    return [bar for bar in bars if bar.kind != "solid" or not any(_is_sibling(bar, stroke) for stroke in strokes)]


def _is_sibling(bar: Bar, stroke: Stroke) -> bool:
    apart = stroke.left > bar.x1 + SAME_BAR_PX or stroke.right < bar.x0 - SAME_BAR_PX
    level = abs((stroke.top + stroke.bottom - 1) / 2 - bar.y) <= 1.5 and abs(stroke.thickness - bar.thickness) <= 2
    return apart and level and abs(stroke.length - bar.length_px) <= max(4, 0.15 * bar.length_px)
