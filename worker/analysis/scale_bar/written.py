"""Lengths among the lines of text of an image: alone, within a longer line, or in two pieces; each read closely again."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from shared.arrays import GreyImage
from shared.geometry import Box
from worker.analysis.lettering import TextLine, TextReader
from worker.analysis.scale_bar.length_text import LengthText, most_likely_length, written_length
from worker.analysis.scale_bar.strokes import ink_of

# Number and unit, whatever was read of them.
MAX_CHARACTERS = 9
NUMBER_ALONE = re.compile(r"[\dOl]{1,4}(?:[.,]\d{1,2})?")
UNIT_ALONE = re.compile(r"[nuµμm]m", re.IGNORECASE)
LENGTH_WITHIN = re.compile(
    r"(?<![A-Za-z=:][:= ])(?<![\w.,=:+-])(?P<length>\d{1,4}(?:[.,]\d{1,2})? ?[nuµμm]m?)(?!\w)", re.IGNORECASE
)
# A word or sign before the number names another length: WD, HFW, field width.
NAMED = re.compile(r"[A-Za-z]{2,}\W*\d|[=:]")
# Two looks that disagree are no answer, however sure one of them is: a point that is lost makes 2.0 µm ten times longer.
TRUST_IN_ONE_OF_TWO = 0.4
# Margins around a line with which it is read, px; a text of less confidence is small or faint and is looked at in more ways.
MARGINS, MORE_MARGINS, SURE, MIN_OBJECTION = (0, 3), (2, 5), 0.8, 0.2
# A text that begins nearer to the left edge of the picture, in its own heights, may have lost a figure there: 20 nm of 520 nm.
MIN_EDGE_GAP = 0.15


@dataclass(frozen=True, slots=True)
class WrittenLength:
    """A length that is written somewhere; ``line`` is where the whole line stands of which it may be a part."""

    box: Box
    length: LengthText
    line: Box


def written_lengths(grey: GreyImage, lines: Sequence[TextLine], reader: TextReader) -> list[WrittenLength]:
    """All lengths that stand alone, within a longer line, or in two pieces, read closely."""
    written = []
    for line in [*lines, *_rejoined(lines)]:
        for part in _parts(line):
            length = None if _is_cut(grey, part.box) else read_again(grey, part, reader)
            if length is not None:
                written.append(WrittenLength(part.box, length, line.box))
    return written


def _is_cut(grey: GreyImage, box: Box) -> bool:
    """Whether a text begins so near to the left edge of the picture that figures may be lost before it."""
    margin = round(MIN_EDGE_GAP * (box.bottom - box.top))
    if box.left > margin:
        return False
    ink = ink_of(grey, box)
    is_ink = np.abs(grey[box.slices].astype(np.float32) - ink.ground) > 0.5 * ink.contrast
    return bool(is_ink[:, : margin + 1 - box.left].any())


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
                box = around(number.box, unit.box)
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


def _may_be_length(text: str) -> bool:
    """Whether a second look pays: a short text that has a digit and an m, however badly it was read."""
    plain = text.replace(" ", "")
    return (
        len(plain) <= MAX_CHARACTERS
        and any(c.isdigit() for c in plain)
        and any(c in "mMnNÅµμ" for c in plain)
        and not NAMED.search(text)
    )


def read_again(grey: GreyImage, line: TextLine, reader: TextReader) -> LengthText | None:
    """Read a line closely and with a margin, an unsure one in more ways; where they disagree it is none."""
    looks = _looks(grey, line.box, MARGINS, reader)
    if all(look is None or look.confidence < SURE for look in looks):
        looks += [look for look in _looks(grey, line.box, MORE_MARGINS, reader) if look and look.confidence >= MIN_OBJECTION]
    first = written_length(line.text)
    seen = [look for look in looks if look is not None]
    if not seen:
        return None
    best = max(seen, key=lambda look: look.confidence)
    others = [look.value_nm for look in seen] + ([first[1]] if first else [])
    if any(not math.isclose(value, best.value_nm, rel_tol=1e-6) for value in others):
        return replace(best, confidence=TRUST_IN_ONE_OF_TWO * best.confidence)
    return best


def _looks(grey: GreyImage, box: Box, margins: Sequence[int], reader: TextReader) -> list[LengthText | None]:
    return [most_likely_length(reader.characters(grey[grown(box, margin, grey).slices])) for margin in margins]


def _shared_rows(first: Box, second: Box) -> int:
    return min(first.bottom, second.bottom) - max(first.top, second.top)


def around(first: Box, second: Box) -> Box:
    """The smallest box that holds two."""
    return Box(
        min(first.top, second.top),
        max(first.bottom, second.bottom),
        min(first.left, second.left),
        max(first.right, second.right),
    )


def grown(box: Box, margin: int, grey: GreyImage) -> Box:
    """A box with a margin around it, px, within the image."""
    rows, columns = grey.shape
    return Box(
        max(box.top - margin, 0), min(box.bottom + margin, rows), max(box.left - margin, 0), min(box.right + margin, columns)
    )
