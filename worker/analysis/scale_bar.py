"""The scale bar of a micrograph: the length that is written, the bar that belongs to it, and how sure both are.

Everything else in a banner that is a length (field width, working distance) has no bar beside it, and a bar without a readable
length says nothing. Where two bars contradict each other there is no answer: a wrong scale is worse than none.
"""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from shared.domain import Box, ScaleBar
from worker.analysis.bars import BLACK, MIN_BLOCK_PX, WHITE, Bar, Ink, find_bars, ink_of
from worker.analysis.length_text import LengthText, most_likely_length, written_length
from worker.analysis.lettering import GreyImage, TextLine, TextReader
from worker.analysis.rulers import find_rulers

# Below this a text and a bar are no answer.
MIN_CONFIDENCE = 0.4
# Two bars of one image that differ by more contradict each other.
MAX_DIFFERENCE = 0.03
# A rival needs this share of the best one's confidence to be taken seriously.
RIVAL_SHARE = 0.5
SAME_BAR_PX = 4
CROP_MARGIN_PX = 6
# No electron microscope shows more than this along a row: 20 mm is the field at five times magnification.
MAX_FIELD_NM = 20e6
# A bar cannot be longer than this many heights of its text, nor shorter.
MAX_LENGTH_HEIGHTS = 40.0
MIN_LENGTH_HEIGHTS = {"solid": 0.6, "ticks": 0.8, "one_tick": 1.5, "split": 1.5, "ruler": 1.5}

# How far from its text a bar of each kind may lie, in heights of the text.
MAX_GAP_ABOVE, MAX_GAP_BESIDE = 1.6, 9.0
# Number and unit, whatever was read of them.
MAX_CHARACTERS = 9
NUMBER_ALONE = re.compile(r"[\dOl]{1,4}(?:[.,]\d{1,2})?")
UNIT_ALONE = re.compile(r"[nuµμm]m", re.IGNORECASE)
LENGTH_WITHIN = re.compile(r"(?<![A-Za-z=:][:= ])(?<![\w.,=:+-])(?P<length>\d{1,4}(?:[.,]\d{1,2})? ?[nuµμm]m?)(?!\w)", re.IGNORECASE)
# A word or sign before the number names another length: WD, HFW, field width.
NAMED = re.compile(r"[A-Za-z]{2,}\W*\d|[=:]")
WEIGHT_OF_KIND = {"split": 1.0, "ruler": 0.98, "ticks": 0.97, "solid": 0.95, "one_tick": 0.85}


@dataclass(frozen=True, slots=True)
class ScaleBarReading:
    """What the scale bar of a micrograph says, None where there is none or it is not sure, and why not."""

    scale_bar: ScaleBar | None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Written:
    """A length that is written somewhere."""

    box: Box
    length: LengthText


def read_scale_bar(grey: GreyImage, lines: Sequence[TextLine], reader: TextReader) -> ScaleBarReading:
    """Read the scale bar of an image.

    Parameters
    ----------
    grey : ndarray of uint8, shape (rows, columns)
        The image with its banner, black 0, white 255.
    lines : sequence of TextLine
        All text in it.
    reader : TextReader
        Looks again at what may be a length.

    Returns
    -------
    ScaleBarReading
        Without a scale bar where none is sure, or where two contradict each other by more than 3 %.
    """
    found = [bar for written in _lengths(grey, lines, reader) for bar in _bars_of(grey, written)]
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


def _claimed(found: Sequence[ScaleBar]) -> list[ScaleBar]:
    """Give each bar to the text that it fits best, and leave out what is not sure."""
    kept: list[ScaleBar] = []
    for bar in sorted(found, key=lambda bar: -bar.confidence):
        taken = any(abs(bar.y - k.y) <= SAME_BAR_PX and abs(bar.x0 - k.x0) + abs(bar.x1 - k.x1) <= 2 * SAME_BAR_PX for k in kept)
        if not taken:
            kept.append(bar)
    return [bar for bar in kept if bar.confidence >= MIN_CONFIDENCE]


def _lengths(grey: GreyImage, lines: Sequence[TextLine], reader: TextReader) -> list[_Written]:
    """All lengths that stand alone, within a longer line, or in two pieces, read closely."""
    written = []
    for line in [*lines, *_rejoined(lines)]:
        for part in _parts(line):
            length = _read_again(grey, part, reader)
            if length is not None:
                written.append(_Written(part.box, length))
    return written


def _rejoined(lines: Sequence[TextLine]) -> list[TextLine]:
    """Number and unit that were found as two lines side by side, as one."""
    joined = []
    for number in lines:
        if not NUMBER_ALONE.fullmatch(number.text.strip()):
            continue
        for unit in lines:
            height = min(number.box.bottom - number.box.top, unit.box.bottom - unit.box.top)
            gap, overlap = unit.box.left - number.box.right, _shared_rows(number.box, unit.box)
            if UNIT_ALONE.fullmatch(unit.text.strip()) and abs(gap) <= 1.2 * height and overlap >= 0.6 * height:
                box = _around(number.box, unit.box)
                joined.append(TextLine(box, f"{number.text} {unit.text}", min(number.score, unit.score)))
    return joined


def _parts(line: TextLine) -> list[TextLine]:
    """The lengths within a line that no word such as WD names; the line itself where it may be one that was badly read."""
    width = (line.box.right - line.box.left) / max(len(line.text), 1)
    parts = []
    for match in LENGTH_WITHIN.finditer(line.text):
        first, last = match.span("length")
        left, right = line.box.left + round((first - 0.3) * width), line.box.left + round((last + 0.3) * width)
        box = replace(line.box, left=max(left, line.box.left), right=min(right, line.box.right))
        parts.append(TextLine(box, match["length"], line.score))
    if not parts and _may_be_length(line.text):
        return [line]
    return parts


def _shared_rows(first: Box, second: Box) -> int:
    return min(first.bottom, second.bottom) - max(first.top, second.top)


def _around(first: Box, second: Box) -> Box:
    return Box(
        min(first.top, second.top),
        max(first.bottom, second.bottom),
        min(first.left, second.left),
        max(first.right, second.right),
    )


def _may_be_length(text: str) -> bool:
    """Whether a second look pays: a short text that has a digit and an m, however badly it was read."""
    plain = text.replace(" ", "")
    return (
        len(plain) <= MAX_CHARACTERS
        and any(c.isdigit() for c in plain)
        and any(c in "mMnNÅµμ" for c in plain)
        and not NAMED.search(text)
    )


def _read_again(grey: GreyImage, line: TextLine, reader: TextReader) -> LengthText | None:
    """Read a line closely and with a margin; where both ways say one length it is surer, else it is none."""
    looks = [most_likely_length(reader.characters(grey[_grown(line.box, margin, grey).slices])) for margin in (0, 3)]
    first = written_length(line.text)
    seen = [look for look in looks if look is not None]
    if not seen:
        return None
    best = max(seen, key=lambda look: look.confidence)
    others = [look.value_nm for look in seen] + ([first[1]] if first else [])
    if any(not math.isclose(value, best.value_nm, rel_tol=1e-6) for value in others):
        return replace(best, confidence=0.5 * best.confidence)
    return best


def _grown(box: Box, margin: int, grey: GreyImage) -> Box:
    rows, columns = grey.shape
    return Box(
        max(box.top - margin, 0), min(box.bottom + margin, rows), max(box.left - margin, 0), min(box.right + margin, columns)
    )


def _bars_of(grey: GreyImage, written: _Written) -> list[ScaleBar]:
    """The bars that may belong to a length, with the confidence of each."""
    found = []
    ink = ink_of(grey, written.box)
    for bar in [*find_bars(grey, written.box), *find_rulers(grey, written.box)]:
        fit = _fit(bar, written.box) * _likeness(bar, ink)
        if fit > 0:
            found.append(
                ScaleBar(
                    text=written.length.text,
                    value_nm=written.length.value_nm,
                    length_px=bar.length_px,
                    x0=bar.x0,
                    x1=bar.x1,
                    y=bar.y,
                    confidence=float(fit * written.length.confidence),
                    crop=_crop(bar, written.box, grey),
                )
            )
    return found


def _likeness(bar: Bar, text: Ink) -> float:
    """How well the tones of a bar suit its text: the same best; a block in the tone of the text's own ground, or black or white."""
    near = 0.25 * text.contrast
    same_side = (bar.ink.tone > bar.ink.ground) == (text.tone > text.ground)
    if abs(bar.ink.tone - text.tone) <= near and same_side:
        return 1.0
    if bar.thickness >= MIN_BLOCK_PX and (abs(bar.ink.tone - text.ground) <= near or not BLACK < bar.ink.tone < WHITE):
        return 0.9
    return 0.8 if same_side else 0.4


def _fit(bar: Bar, text: Box) -> float:
    """How well a bar belongs to a text, 0..1, by kind and place."""
    height, width = text.bottom - text.top, text.right - text.left
    if not MIN_LENGTH_HEIGHTS[bar.kind] * height <= bar.length_px <= MAX_LENGTH_HEIGHTS * height:
        return 0.0
    weight = WEIGHT_OF_KIND[bar.kind]
    if bar.kind == "split":
        return weight
    is_beside = text.top + 0.2 * height <= bar.y <= text.bottom - 0.2 * height
    if is_beside and (bar.kind == "one_tick" or bar.x0 >= text.left - 2 and bar.x1 <= text.right + 2):
        return 0.0  # one half of an interrupted bar, or a stroke of the letters
    half = bar.thickness / 2
    gap_rows = max(text.top - (bar.y + half), (bar.y - half) - (text.bottom - 1), 0.0) / height
    overlap = min(bar.x1, text.right) - max(bar.x0, text.left)
    if overlap > 0.3 * min(bar.length_px, width):
        return 0.0 if gap_rows > MAX_GAP_ABOVE else float(weight * np.exp(-0.15 * gap_rows))
    gap_columns = max(-overlap, 0.0) / height
    if text.top - 0.5 * height <= bar.y <= text.bottom + 0.5 * height and gap_columns <= MAX_GAP_BESIDE:
        return float(0.95 * weight * np.exp(-0.05 * gap_columns))
    return 0.0


def _crop(bar: Bar, text: Box, grey: GreyImage) -> Box:
    half = bar.thickness / 2
    around = Box(
        int(min(text.top, bar.y - half)),
        math.ceil(max(text.bottom, bar.y + half)) + 1,
        int(min(text.left, bar.x0)),
        math.ceil(max(text.right, bar.x1)) + 1,
    )
    return _grown(around, CROP_MARGIN_PX, grey)


def _agree(first: ScaleBar, second: ScaleBar) -> bool:
    return abs(first.nm_per_px - second.nm_per_px) <= MAX_DIFFERENCE * min(first.nm_per_px, second.nm_per_px)


def _contradiction(first: ScaleBar, second: ScaleBar) -> str:
    return (
        f"Two readings of the scale bar contradict each other ({first.text} over {first.length_px:.1f} px and {second.text} over "
        f"{second.length_px:.1f} px); none was used."
    )
