"""Strokes: whatever is drawn near a text as a straight horizontal thing of one tone.

A stroke is uniform: in the tone of the text, in black or white, or thin and lighter or darker than what lies above and below.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.arrays import GreyImage, Mask
from shared.geometry import Box

# The shortest stroke worth looking at, px and in heights of the text: half of an interrupted bar is longer.
MIN_LENGTH_PX, MIN_LENGTH_HEIGHTS = 12, 0.25
# A stroke over most of the picture's width is a frame or a rule.
MAX_SHARE_OF_WIDTH = 0.75
# In heights of the text beside it.
MIN_THICKNESS, MAX_THICKNESS = 0.02, 1.6
# Bars are long and thin; the stoutest seen is 2.4 times as long as it is thick.
MIN_SLENDERNESS = 2.2

# Shares of the contrast between text and ground, or between stroke and ground.
TONE_TOLERANCE = 0.3
MIN_RIDGE = 0.3
MIN_SIDE_CONTRAST = 0.3
MAX_UNEVENNESS = 0.2
# Of the columns so many must stand out from above and below, and so many may be uneven.
MIN_SIDE_SHARE, MAX_UNEVEN_SHARE = 0.75, 0.05
# Ink that differs less than this from its ground cannot be told from noise.
MIN_CONTRAST = 18
BLACK, WHITE = 30, 225
RIDGE_REACH_PX = 3
SAME_END_PX = 3

Strip = NDArray[np.float32]


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
class Stroke:
    """Rows ``top`` to ``bottom`` and columns ``left`` to ``right`` of something uniform and horizontal, ends exclusive."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def length(self) -> int:
        """Columns."""
        return self.right - self.left

    @property
    def thickness(self) -> int:
        """Rows."""
        return self.bottom - self.top


def ink_of(grey: GreyImage, box: Box) -> Ink:
    """Tones of the text in a box: the ground is what most of the box is made of."""
    crop = grey[box.slices]
    threshold, _ = cv2.threshold(crop, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    light, dark = crop[crop > threshold], crop[crop <= threshold]
    is_dark_ground = dark.size >= light.size
    ink, ground = (light, dark) if is_dark_ground else (dark, light)
    if not ink.size or not ground.size:
        return Ink(float(threshold), float(threshold))
    # Strokes of letters are blurred at their edges; their full tone is the far half.
    tone = np.quantile(ink, 0.75 if is_dark_ground else 0.25)
    return Ink(float(tone), float(np.median(ground)))


def strip_around(grey: GreyImage, text: Box, heights: float) -> tuple[int, Strip]:
    """The rows of an image around a text, so many of its heights above and below: the first row, and the strip."""
    reach = round(heights * (text.bottom - text.top))
    first = max(text.top - reach, 0)
    return first, grey[first : text.bottom + reach].astype(np.float32)


def find_strokes(strip: Strip, ink: Ink, text_height: int) -> list[Stroke]:
    """Horizontal strokes of one tone: in that of the text, in black, in white, or thin and lighter or darker than around."""
    found: dict[Stroke, None] = {}
    lengths = max(MIN_LENGTH_PX, round(MIN_LENGTH_HEIGHTS * text_height)), round(MAX_SHARE_OF_WIDTH * strip.shape[1])
    for mask in _masks(strip, ink):
        for stroke in _stacked_runs(mask, *lengths):
            if (
                MIN_THICKNESS * text_height <= stroke.thickness <= MAX_THICKNESS * text_height
                and stroke.length >= MIN_SLENDERNESS * stroke.thickness
            ):
                found[stroke] = None
    return list(found)


def tone_of(strip: Strip, stroke: Stroke) -> Ink | None:
    """Tone of a stroke and of the ground beside it; None where it is uneven, or goes on above or below."""
    inner = strip[stroke.top : stroke.bottom, stroke.left + 1 : stroke.right - 1]
    # Of a thick bar only the rows inside have its full tone.
    if stroke.thickness > 2:
        inner = inner[1:-1]
    profile = inner.mean(axis=0)
    tone = float(np.median(profile))
    gap = 2 if stroke.thickness > 1 else 3
    rows = [row for row in (stroke.top - gap, stroke.bottom - 1 + gap) if 0 <= row < strip.shape[0]]
    if not rows:
        return None
    sides = strip[rows, stroke.left + 1 : stroke.right - 1]
    ground = float(np.median(sides))
    contrast = abs(tone - ground)
    if contrast < MIN_CONTRAST:
        return None
    apart = (np.abs(sides - tone) >= MIN_SIDE_CONTRAST * contrast).mean(axis=1)
    uneven = float(np.mean(np.abs(profile - tone) > MAX_UNEVENNESS * contrast))
    return Ink(tone, ground) if apart.min() >= MIN_SIDE_SHARE and uneven <= MAX_UNEVEN_SHARE else None


def _masks(strip: Strip, ink: Ink) -> Iterator[Mask]:
    tolerance = max(TONE_TOLERANCE * ink.contrast, MIN_CONTRAST / 2)
    yield np.abs(strip - ink.tone) <= tolerance
    yield strip >= WHITE
    yield strip <= BLACK
    above, below = _shifted(strip, RIDGE_REACH_PX), _shifted(strip, -RIDGE_REACH_PX)
    least = MIN_RIDGE * ink.contrast
    yield strip - np.maximum(above, below) >= least
    yield np.minimum(above, below) - strip >= least


def _shifted(strip: Strip, rows: int) -> Strip:
    """The strip moved by so many rows, its first or last row repeated."""
    index = np.clip(np.arange(strip.shape[0]) - rows, 0, strip.shape[0] - 1)
    return strip[index]


def _stacked_runs(mask: Mask, min_length: int, max_length: int) -> Iterator[Stroke]:
    """Yield the rectangles that runs of equal ends in neighbouring rows make."""
    closed = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((1, 3), np.uint8))
    padded = np.pad(closed, ((0, 0), (1, 1))).astype(np.int8)
    steps = np.diff(padded, axis=1)
    rows, starts = np.nonzero(steps == 1)
    ends = np.nonzero(steps == -1)[1]
    lengths = ends - starts
    # What runs into the edge of the picture may go on behind it.
    wanted = (lengths >= min_length) & (lengths <= max_length) & (starts > 0) & (ends < mask.shape[1])
    open_strokes: list[Stroke] = []
    for row, start, end in zip(rows[wanted].tolist(), starts[wanted].tolist(), ends[wanted].tolist(), strict=True):
        still_open = []
        joined = False
        for stroke in open_strokes:
            if stroke.bottom < row:
                yield stroke
                continue
            if not joined and stroke.bottom == row and _same_ends(stroke, start, end):
                left, right = min(stroke.left, start), max(stroke.right, end)
                still_open.append(Stroke(stroke.top, row + 1, left, right))
                joined = True
            else:
                still_open.append(stroke)
        if not joined:
            still_open.append(Stroke(row, row + 1, start, end))
        open_strokes = still_open
    yield from open_strokes


def _same_ends(stroke: Stroke, start: int, end: int) -> bool:
    return abs(stroke.left - start) <= SAME_END_PX and abs(stroke.right - end) <= SAME_END_PX
