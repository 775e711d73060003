"""How well a bar belongs to a text: by its place, its kind and its tone."""

import math

from shared.geometry import Box
from worker.analysis.scale_bar.bars import Bar
from worker.analysis.scale_bar.ends import MIN_BLOCK_PX
from worker.analysis.scale_bar.strokes import BLACK, WHITE, Ink

# What speaks for a bar of each kind by itself.
WEIGHT_OF_KIND = {"split": 1.0, "ruler": 0.98, "ticks": 0.97, "solid": 0.95}
# Least and largest length of a bar in heights of its text.
MIN_LENGTH_HEIGHTS = {"solid": 0.6, "ticks": 0.8, "split": 1.5, "ruler": 1.5}
MAX_LENGTH_HEIGHTS = 40.0

# How far from its text a bar may lie, in heights of the text; JEOL leaves half a banner between them.
MAX_GAP_ABOVE, MAX_GAP_BESIDE = 1.6, 9.0
# A bar beside its text is drawn on its rows, in every banner seen.
MAX_SHIFT_BESIDE = 0.1
LOSS_BY_GAP_ABOVE, LOSS_BY_GAP_BESIDE, WEIGHT_BESIDE = 0.15, 0.05, 0.95
# Of the shorter of bar and text so much must lie one above the other.
MIN_OVERLAP = 0.3
# Letters fill a text's box but for so much of its height above and below; where the box holds a bar as well, but for this.
LETTER_ROWS, BAR_ROWS = 0.2, 0.35
# No stroke of a letter takes so much of the width of a text.
LETTER_SHARE = 0.4

# Tones that differ by less than this share of the text's contrast are the same.
SAME_TONE = 0.25
LIKENESS_OF_BLOCK, LIKENESS_OF_SIDE, LIKENESS_OF_OTHER = 0.9, 0.8, 0.4


def belonging(bar: Bar, text: Box, ink: Ink) -> float:
    """Weigh a bar as the one that a text means.

    Parameters
    ----------
    bar : Bar
        What was found near the text.
    text : Box
        Where the length is written.
    ink : Ink
        Tones of the text.

    Returns
    -------
    float
        0..1; 0 where the bar cannot be its.
    """
    height = text.bottom - text.top
    if not MIN_LENGTH_HEIGHTS[bar.kind] * height <= bar.length_px <= MAX_LENGTH_HEIGHTS * height:
        return 0.0
    nearness = 1.0 if bar.kind == "split" else _nearness(bar, text)
    if _is_margin(bar, text, ink):
        return 0.0
    return WEIGHT_OF_KIND[bar.kind] * nearness * _likeness(bar, ink)


def _nearness(bar: Bar, text: Box) -> float:
    """1 for a bar that touches its text from above or below, less with the gap; 0 where it lies elsewhere."""
    height, half = text.bottom - text.top, bar.thickness / 2
    if _is_letter(bar, text):
        return 0.0
    gap_rows = max(text.top - (bar.y + half), (bar.y - half) - (text.bottom - 1), 0.0) / height
    overlap = min(bar.x1, text.right) - max(bar.x0, text.left)
    if overlap > MIN_OVERLAP * min(bar.length_px, text.right - text.left):
        return 0.0 if gap_rows > MAX_GAP_ABOVE else math.exp(-LOSS_BY_GAP_ABOVE * gap_rows)
    gap_columns = max(-overlap, 0.0) / height
    shift = max(text.top - bar.y, bar.y - text.bottom, 0.0) / height
    is_beside = shift <= MAX_SHIFT_BESIDE and gap_columns <= MAX_GAP_BESIDE
    # The ticks of a ruler stand above its text.
    return WEIGHT_BESIDE * math.exp(-LOSS_BY_GAP_BESIDE * gap_columns) if is_beside and bar.kind != "ruler" else 0.0


def _is_letter(bar: Bar, text: Box) -> bool:
    """Whether a bar is a stroke of the letters; a text's box may hold its bar too, at the very top or bottom."""
    height, width = text.bottom - text.top, text.right - text.left
    if bar.x0 < text.left - 2 or bar.x1 > text.right + 2:
        return False
    margin = LETTER_ROWS if bar.length_px < LETTER_SHARE * width else BAR_ROWS
    return text.top + margin * height <= bar.y <= text.bottom - margin * height


def _is_margin(bar: Bar, text: Box, ink: Ink) -> bool:
    """Whether a bar is the margin of the box behind its text: in the tone of the text's ground, above or below it."""
    is_ground = abs(bar.ink.tone - ink.ground) <= SAME_TONE * ink.contrast
    return is_ground and min(bar.x1, text.right) > max(bar.x0, text.left)


def _likeness(bar: Bar, text: Ink) -> float:
    """How well the tones of a bar suit its text: the same best, then blocks in the tone of its ground, in black or in white."""
    near = SAME_TONE * text.contrast
    same_side = (bar.ink.tone > bar.ink.ground) == (text.tone > text.ground)
    if abs(bar.ink.tone - text.tone) <= near and same_side:
        return 1.0
    if bar.thickness >= MIN_BLOCK_PX and (abs(bar.ink.tone - text.ground) <= near or not BLACK < bar.ink.tone < WHITE):
        return LIKENESS_OF_BLOCK
    return LIKENESS_OF_SIDE if same_side else LIKENESS_OF_OTHER
