"""The scale bar of a micrograph: the length that is written, the bar that belongs to it, and how sure both are.

Everything else in a banner that is a length (field width, working distance) has no bar beside it, and a bar without a readable
length says nothing. Where two bars contradict each other there is no answer: a wrong scale is worse than none.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from shared.domain import Banner, Box, ScaleBar
from worker.analysis.lettering import GreyImage, TextLine, TextReader
from worker.analysis.scale_bar.bars import Bar, find_bars, find_interrupted
from worker.analysis.scale_bar.ends import MIN_BLOCK_PX
from worker.analysis.scale_bar.length_text import most_likely_length
from worker.analysis.scale_bar.rulers import find_rulers
from worker.analysis.scale_bar.strokes import BLACK, WHITE, Ink, ink_of
from worker.analysis.scale_bar.written import WrittenLength, grown, written_lengths

# Below this a text and a bar are no answer.
MIN_CONFIDENCE = 0.5
# Two bars of one image that differ by more contradict each other.
MAX_DIFFERENCE = 0.03
# A rival needs this share of the best one's confidence to be taken seriously.
RIVAL_SHARE = 0.5
SAME_BAR_PX = 4
# Part of an image without a banner, at its bottom, in which interrupted bars are looked for.
SEARCHED_SHARE = 0.12
CROP_MARGIN_PX = 6
# No electron microscope shows more than this along a row: 20 mm is the field at five times magnification.
MAX_FIELD_NM = 20e6
# A bar cannot be longer than this many heights of its text, nor shorter.
MAX_LENGTH_HEIGHTS = 40.0
MIN_LENGTH_HEIGHTS = {"solid": 0.6, "ticks": 0.8, "split": 1.5, "ruler": 1.5}

# How far from its text a bar of each kind may lie, in heights of the text.
MAX_GAP_ABOVE, MAX_GAP_BESIDE = 1.6, 9.0
LOSS_BY_GAP_ABOVE, LOSS_BY_GAP_BESIDE, WEIGHT_BESIDE = 0.15, 0.05, 0.95
# Of the shorter of bar and text so much must lie one above the other.
MIN_OVERLAP = 0.3
# Letters fill a text's box but for so much of its height above and below.
LETTER_ROWS = 0.2
WEIGHT_OF_KIND = {"split": 1.0, "ruler": 0.98, "ticks": 0.97, "solid": 0.95}


@dataclass(frozen=True, slots=True)
class ScaleBarReading:
    """What the scale bar of a micrograph says, None where there is none or it is not sure, and why not."""

    scale_bar: ScaleBar | None
    warnings: tuple[str, ...] = ()


def read_scale_bar(grey: GreyImage, banner: Banner | None, lines: Sequence[TextLine], reader: TextReader) -> ScaleBarReading:
    """Read the scale bar of an image.

    Parameters
    ----------
    grey : ndarray of uint8, shape (rows, columns)
        The image with its banner, black 0, white 255.
    banner : Banner or None
        Its rows.
    lines : sequence of TextLine
        All text in it.
    reader : TextReader
        Looks again at what may be a length.

    Returns
    -------
    ScaleBarReading
        Without a scale bar where none is sure, or where two contradict each other by more than 3 %.
    """
    found = [bar for written in written_lengths(grey, lines, reader) for bar in _bars_of(grey, written)]
    if not any(bar.confidence >= MIN_CONFIDENCE for bar in found):
        found += _interrupted(grey, banner, reader)
    found = [bar for bar in found if bar.nm_per_px * grey.shape[1] <= MAX_FIELD_NM]
    found = _claimed(found)
    if not found:
        return ScaleBarReading(None)
    best = max(found, key=lambda bar: bar.confidence)
    rivals = [bar for bar in found if bar.confidence >= RIVAL_SHARE * best.confidence and not _agree(bar, best)]
    if rivals:
        other = max(rivals, key=lambda bar: bar.confidence)
        return ScaleBarReading(None, (_contradiction(best, other),))
    return ScaleBarReading(best)


def _interrupted(grey: GreyImage, banner: Banner | None, reader: TextReader) -> list[ScaleBar]:
    """Bars of the banner with a gap in the middle, whose text was too small to be found by itself."""
    rows = slice(banner.top, banner.bottom) if banner else slice(round(grey.shape[0] * (1 - SEARCHED_SHARE)), grey.shape[0])
    found = []
    for bar, box in find_interrupted(grey, rows):
        length = most_likely_length(reader.characters(grey[box.slices]))
        if length is not None:
            found.append(_scale_bar(bar, WrittenLength(box, length), length.confidence, grey))
    return found


def _claimed(found: Sequence[ScaleBar]) -> list[ScaleBar]:
    """Give each bar to the text that it fits best, and leave out what is not sure."""
    kept: list[ScaleBar] = []
    for bar in sorted(found, key=lambda bar: -bar.confidence):
        taken = any(
            abs(bar.y - k.y) <= SAME_BAR_PX and abs(bar.x0 - k.x0) + abs(bar.x1 - k.x1) <= 2 * SAME_BAR_PX for k in kept
        )
        if not taken:
            kept.append(bar)
    return [bar for bar in kept if bar.confidence >= MIN_CONFIDENCE]


def _bars_of(grey: GreyImage, written: WrittenLength) -> list[ScaleBar]:
    """The bars that may belong to a length, with the confidence of each."""
    found = []
    ink = ink_of(grey, written.box)
    for bar in [*find_bars(grey, written.box), *find_rulers(grey, written.box)]:
        fit = _fit(bar, written.box) * _likeness(bar, ink)
        if fit > 0:
            found.append(_scale_bar(bar, written, fit * written.length.confidence, grey))
    return found


def _scale_bar(bar: Bar, written: WrittenLength, confidence: float, grey: GreyImage) -> ScaleBar:
    return ScaleBar(
        text=written.length.text,
        value_nm=written.length.value_nm,
        length_px=bar.length_px,
        x0=bar.x0,
        x1=bar.x1,
        y=bar.y,
        confidence=confidence,
        crop=_crop(bar, written.box, grey),
    )


def _likeness(bar: Bar, text: Ink) -> float:
    """How well the tones of a bar suit its text: the same best, then blocks in the tone of its ground, in black or in white."""
    near = 0.25 * text.contrast
    same_side = (bar.ink.tone > bar.ink.ground) == (text.tone > text.ground)
    if abs(bar.ink.tone - text.tone) <= near and same_side:
        return 1.0
    if bar.thickness >= MIN_BLOCK_PX and (abs(bar.ink.tone - text.ground) <= near or not BLACK < bar.ink.tone < WHITE):
        return 0.9
    return 0.8 if same_side else 0.4


def _fit(bar: Bar, text: Box) -> float:
    """How well a bar belongs to a text, 0..1, by kind and place."""
    height = text.bottom - text.top
    if not MIN_LENGTH_HEIGHTS[bar.kind] * height <= bar.length_px <= MAX_LENGTH_HEIGHTS * height:
        return 0.0
    nearness = 1.0 if bar.kind == "split" else _nearness(bar, text)
    return WEIGHT_OF_KIND[bar.kind] * nearness


def _nearness(bar: Bar, text: Box) -> float:
    """1 for a bar that touches its text from above or below, less with the gap; 0 where it lies elsewhere."""
    height, half = text.bottom - text.top, bar.thickness / 2
    is_within = bar.x0 >= text.left - 2 and bar.x1 <= text.right + 2
    if is_within and text.top + LETTER_ROWS * height <= bar.y <= text.bottom - LETTER_ROWS * height:
        return 0.0  # a stroke of the letters
    gap_rows = max(text.top - (bar.y + half), (bar.y - half) - (text.bottom - 1), 0.0) / height
    overlap = min(bar.x1, text.right) - max(bar.x0, text.left)
    if overlap > MIN_OVERLAP * min(bar.length_px, text.right - text.left):
        return 0.0 if gap_rows > MAX_GAP_ABOVE else math.exp(-LOSS_BY_GAP_ABOVE * gap_rows)
    gap_columns = max(-overlap, 0.0) / height
    is_beside = text.top - 0.5 * height <= bar.y <= text.bottom + 0.5 * height and gap_columns <= MAX_GAP_BESIDE
    # The ticks of a ruler stand above its text.
    return WEIGHT_BESIDE * math.exp(-LOSS_BY_GAP_BESIDE * gap_columns) if is_beside and bar.kind != "ruler" else 0.0


def _crop(bar: Bar, text: Box, grey: GreyImage) -> Box:
    half = bar.thickness / 2
    around = Box(
        int(min(text.top, bar.y - half)),
        math.ceil(max(text.bottom, bar.y + half)) + 1,
        int(min(text.left, bar.x0)),
        math.ceil(max(text.right, bar.x1)) + 1,
    )
    return grown(around, CROP_MARGIN_PX, grey)


def _agree(first: ScaleBar, second: ScaleBar) -> bool:
    return abs(first.nm_per_px - second.nm_per_px) <= MAX_DIFFERENCE * min(first.nm_per_px, second.nm_per_px)


def _contradiction(first: ScaleBar, second: ScaleBar) -> str:
    readings = " and ".join(f"{bar.text} over {bar.length_px:.1f} px" for bar in (first, second))
    return f"Two readings of the scale bar contradict each other ({readings}); none was used."
