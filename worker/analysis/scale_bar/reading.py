"""The scale bar of a micrograph: the length that is written, the bar that belongs to it, and how sure both are.

Everything else in a banner that is a length (field width, working distance) has no bar beside it, and a bar without a readable
length says nothing. Where two bars contradict each other there is no answer: a wrong scale is worse than none.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import cv2

from shared.arrays import GreyImage
from shared.domain import ScaleBar
from shared.geometry import Banner, Box
from worker.analysis.lettering import TextLine, TextReader
from worker.analysis.scale_bar.bars import SAME_BAR_PX, Bar, find_bars, find_interrupted
from worker.analysis.scale_bar.belonging import belonging
from worker.analysis.scale_bar.conventions import length_by_convention
from worker.analysis.scale_bar.decoys import is_underline
from worker.analysis.scale_bar.field_width import field_widths_nm
from worker.analysis.scale_bar.rulers import find_rulers
from worker.analysis.scale_bar.strokes import ink_of
from worker.analysis.scale_bar.written import WrittenLength, around, grown, read_again, written_lengths

# Below this a text and a bar are no answer.
MIN_CONFIDENCE = 0.5
# Two bars of one image that differ by more contradict each other.
MAX_DIFFERENCE = 0.03
# A banner states the width of its field in three figures; pictures are cut by a few columns.
MAX_FIELD_DIFFERENCE = 0.05
DOUBTFUL = "The scale bar of {} has an end that cannot be seen clearly, or is an arrow; it was not used."
OTHER_FIELD = (
    "The scale bar ({} over {:.1f} px) contradicts the width of the field that the image states ({:.4g} nm); neither was used."
)
# A rival needs this share of the best one's confidence to be taken seriously.
RIVAL_SHARE = 0.5
# No electron microscope shows more than this along a row: 20 mm is the field at five times magnification.
MAX_FIELD_NM = 20e6
# Part of an image without a banner, at its bottom, in which interrupted bars are looked for.
SEARCHED_SHARE = 0.12
# A smaller picture, or a lower text, has no bar that is seen better at half the size.
MIN_PICTURE_ROWS_TO_HALVE, MIN_TEXT_ROWS_TO_HALVE = 900, 28
CROP_MARGIN_PX = 6


@dataclass(frozen=True, slots=True)
class ScaleBarReading:
    """What the scale bar of a micrograph says.

    Attributes
    ----------
    scale_bar : ScaleBar or None
        None where there is none, or it is not sure.
    marks : tuple of Box
        Where bars are drawn, also those that contradict each other.
    warnings : tuple of str
        Why bars that are there were not used.
    """

    scale_bar: ScaleBar | None
    marks: tuple[Box, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Pair:
    """A bar with the length that it may stand for."""

    bar: Bar
    written: WrittenLength
    confidence: float

    @property
    def nm_per_px(self) -> float:
        return self.written.length.value_nm / self.bar.length_px


def read_scale_bar(
    grey: GreyImage, banner: Banner | None, lines: Sequence[TextLine], reader: TextReader, vendor: str | None = None
) -> ScaleBarReading:
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
    vendor : str, optional
        Maker of the microscope, whose convention the length of the bar follows.

    Returns
    -------
    ScaleBarReading
        Without a scale bar where none is sure, or where two contradict each other by more than 3 %.
    """
    # A bar can only lower the confidence in its text.
    lengths = [written for written in written_lengths(grey, lines, reader) if written.length.confidence >= MIN_CONFIDENCE]
    columns = grey.shape[1]
    pairs = _first_with_a_reading(_sure(pairs, columns) for pairs in _ways(grey, banner, lengths, reader))
    marks = tuple(_mark(pair.bar, grey) for pair in pairs)
    best = next((pair for pair in pairs if not pair.bar.is_doubtful), None)
    if best is None:
        return ScaleBarReading(None, marks, tuple(DOUBTFUL.format(pair.written.length.text) for pair in pairs[:1]))
    rivals = [pair for pair in pairs if _contradicts(pair, best)]
    if rivals:
        return ScaleBarReading(None, marks, (_contradiction(best, rivals[0]),))
    field = next((width for width in field_widths_nm(lines) if not _fits(best, width, columns)), None)
    if field is not None:
        return ScaleBarReading(None, marks, (OTHER_FIELD.format(best.written.length.text, best.bar.length_px, field),))
    return ScaleBarReading(_scale_bar(best, grey, vendor), marks)


def _ways(
    grey: GreyImage, banner: Banner | None, lengths: Sequence[WrittenLength], reader: TextReader
) -> Iterator[list[_Pair]]:
    """The ways to look for bars, the next one needed only where that found none."""
    yield _pairs(grey, lengths)
    yield _pairs_at_half_size(grey, lengths)
    yield _interrupted(grey, banner, reader)


def _first_with_a_reading(stages: Iterable[list[_Pair]]) -> list[_Pair]:
    """The pairs of the first way of looking that finds a bar with two certain ends; else whatever was found at all."""
    doubtful: list[_Pair] = []
    for pairs in stages:
        if any(not pair.bar.is_doubtful for pair in pairs):
            return pairs
        doubtful = doubtful or pairs
    return doubtful


def _contradicts(pair: _Pair, best: _Pair) -> bool:
    """Whether a pair is sure enough to say that another one is wrong; a doubtful bar says nothing against its own text."""
    if pair.bar.is_doubtful and pair.written.box == best.written.box:
        return False
    return pair.confidence >= RIVAL_SHARE * best.confidence and not _agree(pair, best)


def _sure(pairs: Iterable[_Pair], columns: int) -> list[_Pair]:
    """Those that are sure and possible, the best first; each bar with the text that it fits best."""
    kept: list[_Pair] = []
    for pair in sorted(pairs, key=lambda pair: -pair.confidence):
        is_possible = pair.nm_per_px * columns <= MAX_FIELD_NM
        if is_possible and pair.confidence >= MIN_CONFIDENCE and not any(_same(pair.bar, other.bar) for other in kept):
            kept.append(pair)
    return kept


def _same(first: Bar, second: Bar) -> bool:
    ends = abs(first.x0 - second.x0) + abs(first.x1 - second.x1)
    return abs(first.y - second.y) <= SAME_BAR_PX and ends <= 2 * SAME_BAR_PX


def _pairs(grey: GreyImage, lengths: Iterable[WrittenLength]) -> list[_Pair]:
    """All bars near the lengths, with the confidence that they belong to them."""
    pairs = []
    for written in lengths:
        ink = ink_of(grey, written.box)
        for bar in [*find_bars(grey, written.box), *find_rulers(grey, written.box)]:
            if is_underline(bar.x0, bar.x1, written.box, written.line):
                continue
            confidence = belonging(bar, written.box, ink) * written.length.confidence
            pairs.append(_Pair(bar, written, confidence))
    return pairs


def _pairs_at_half_size(grey: GreyImage, lengths: Iterable[WrittenLength]) -> list[_Pair]:
    """The same in the image at half its size, where blurred lines and broad ticks are narrow; with full-size coordinates."""
    large = [written for written in lengths if written.box.bottom - written.box.top >= MIN_TEXT_ROWS_TO_HALVE]
    if not large or grey.shape[0] < MIN_PICTURE_ROWS_TO_HALVE:
        return []
    rows, columns = grey.shape
    half = cv2.resize(grey, (columns // 2, rows // 2), interpolation=cv2.INTER_AREA).astype(grey.dtype, copy=False)
    pairs = []
    for written in large:
        found = _pairs(half, [replace(written, box=_halved(written.box), line=_halved(written.line))])
        pairs += [_Pair(_doubled(pair.bar), written, pair.confidence) for pair in found]
    return pairs


def _halved(box: Box) -> Box:
    return Box(box.top // 2, box.bottom // 2, box.left // 2, box.right // 2)


def _doubled(bar: Bar) -> Bar:
    """Coordinates of pixel centres in the image of full size."""
    return replace(bar, x0=2 * bar.x0 + 0.5, x1=2 * bar.x1 + 0.5, y=2 * bar.y + 0.5, thickness=2 * bar.thickness)


def _interrupted(grey: GreyImage, banner: Banner | None, reader: TextReader) -> list[_Pair]:
    """Bars of the banner with a gap in the middle, whose text was too small to be found by itself."""
    rows = slice(banner.top, banner.bottom) if banner else slice(round(grey.shape[0] * (1 - SEARCHED_SHARE)), grey.shape[0])
    pairs = []
    for bar, box in find_interrupted(grey, rows):
        length = read_again(grey, TextLine(box, "", 0.0), reader)
        if length is not None:
            pairs.append(_Pair(bar, WrittenLength(box, length, box), length.confidence))
    return pairs


def _scale_bar(pair: _Pair, grey: GreyImage, vendor: str | None) -> ScaleBar:
    bar, length = pair.bar, pair.written.length
    return ScaleBar(
        text=length.text,
        value_nm=length.value_nm,
        length_px=length_by_convention(bar, vendor),
        x0=bar.x0,
        x1=bar.x1,
        y=bar.y,
        confidence=pair.confidence,
        crop=grown(around(_mark(bar, grey), pair.written.box), CROP_MARGIN_PX, grey),
    )


def _mark(bar: Bar, grey: GreyImage) -> Box:
    """The pixels that a bar covers."""
    half = bar.thickness / 2
    box = Box(math.floor(bar.y - half), math.ceil(bar.y + half) + 1, math.floor(bar.x0), math.ceil(bar.x1) + 1)
    return grown(box, 0, grey)


def _fits(pair: _Pair, field_nm: float, columns: int) -> bool:
    """Whether a bar and a stated width of the field give one pixel size."""
    return abs(pair.nm_per_px * columns / field_nm - 1) <= MAX_FIELD_DIFFERENCE


def _agree(first: _Pair, second: _Pair) -> bool:
    return abs(first.nm_per_px - second.nm_per_px) <= MAX_DIFFERENCE * min(first.nm_per_px, second.nm_per_px)


def _contradiction(first: _Pair, second: _Pair) -> str:
    readings = " and ".join(f"{pair.written.length.text} over {pair.bar.length_px:.1f} px" for pair in (first, second))
    return f"Two readings of the scale bar contradict each other ({readings}); none was used."
