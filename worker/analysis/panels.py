"""Figures composed of several panels: one scale and one size distribution cannot hold for all of them.

Panels are told by the gutters between them, or, where they lie side by side without one, by the seam. A figure is cut along
its gutters and every part again, so that panels may be arranged in any way that straight cuts can take apart.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.arrays import Pixels
from shared.geometry import Banner
from worker.analysis.banner_strip import grey_range, to_8_bit
from worker.analysis.padding import analysed_field

# Of a wide image at least so many pixels of each row are looked at.
ROW_SAMPLES = 2000
# Grey levels of 255 by which JPEG and resizing change a drawn line at its rims, and in the middle.
LINE_TOLERANCE = 12
EXACT_TOLERANCE = 4
MIN_EXACT = 0.9
# A gutter has one value over its length; a white one may hold the letters of the panels.
LINE_SHARE = 0.985
WHITE_LINE_SHARE = 0.93
WHITE = 235
# White space may be wide; a wide band of another value is a flat part of a picture.
MAX_GUTTER_SHARE = 0.05
# The edge of a picture: of so many rows beside the gutter most hold its value no more; an axis of a plot is thinner.
EDGE_ROWS = 6
PICTURE_ROWS = 3
MAX_GUTTER_IN_PICTURE = 0.5
# A part is a picture from this size up; on white it may be a plot or a drawing, which is larger than a line of text.
MIN_PICTURE_PX = 40
MIN_PICTURE_SHARE = 0.1
MIN_DRAWING_SHARE = 0.2
MIN_DRAWN = 0.01
# A part of one grey value is a margin; a thin one that is mostly of one value is a line of text or a banner.
MIN_SPREAD = 6.0
MAX_GROUND_IN_THIN_PART = 0.5
# A seam: half of the pixels of a row jump, by much more than in any other row, and to another picture.
SEAM_JUMP = 12
SEAM_TO_OTHERS = 2.5
MAX_CORRELATION_AT_SEAM = 0.5
# From edge to edge: a box in the picture leaves some of the columns as they are. One block may be alike on both sides.
COLUMN_BLOCKS = 12
MIN_BLOCK_JUMP = 5
EDGE_COLUMNS = 4


@dataclass(frozen=True, slots=True)
class _Run:
    """Neighbouring rows ``start`` to ``end`` (exclusive) of one grey value, and whether a picture ends on either side."""

    start: int
    end: int
    value: float
    is_sharp_before: bool
    is_sharp_after: bool


def count_panels(pixels: Pixels, banner: Banner | None) -> int:
    """Count the panels of which an image is composed.

    Parameters
    ----------
    pixels : ndarray of uint8, uint16 or float32, shape (rows, columns)
        Grey values as the file holds them.
    banner : Banner or None
        Rows of the instrument's banner, which is no panel.

    Returns
    -------
    int
        1 for a micrograph, with or without margins, banner, floating boxes and insets. 2 or more where straight gutters from
        edge to edge, or a seam, divide the image into pictures, or into pictures and plots: no one scale holds for all of it.
        The number is exact for pictures; a plot may count as several, since white space divides it too.
    """
    low, high = grey_range(pixels)
    field = analysed_field((pixels.shape[0], pixels.shape[1]), banner)
    grey = to_8_bit(pixels[field.slices], low, high)
    return max(len(_parts(grey, grey.shape)), 1)


def _parts(grey: NDArray[np.uint8], whole: tuple[int, ...]) -> list[NDArray[np.uint8]]:
    """The panels of a part of a figure; none where it is empty or too small to be one."""
    if min(grey.shape) < 2 * EDGE_ROWS or not _is_panel(grey, whole):
        return []
    for turned in (grey, grey.T):
        size = whole if turned is grey else whole[::-1]
        pieces = _cut(turned, size)
        if len(pieces) > 1:
            return [part for piece in pieces for part in _parts(piece if turned is grey else piece.T, whole)]
    return [grey]


def _cut(grey: NDArray[np.uint8], whole: tuple[int, ...]) -> list[NDArray[np.uint8]]:
    """Cut along the gutters that run from the left to the right edge or, where there is none, at the seam."""
    pieces, start = [], 0
    for run in _runs(grey):
        before, after = grey[start : run.start], grey[run.end :]
        if _divides(run, before, after, whole):
            pieces.append(before)
            start = run.end
    if pieces:
        return [*pieces, grey[start:]]
    seam = _seam(grey, whole)
    return [grey] if seam is None else [grey[:seam], grey[seam:]]


def _seam(grey: NDArray[np.uint8], whole: tuple[int, ...]) -> int | None:
    """Row at which another picture begins: half of its pixels jump by more than in any other row.

    The beam or the charge of the specimen may jump too, but then the picture goes on behind the jump as it was before.
    """
    jumps = np.median(np.abs(np.diff(_sampled(grey).astype(np.int16), axis=0)), axis=1)
    margin = max(MIN_PICTURE_PX, round(MIN_PICTURE_SHARE * whole[0]))
    if len(jumps) <= 2 * margin:
        return None
    row = margin + int(jumps[margin:-margin].argmax())
    others = np.delete(jumps, np.arange(row - EDGE_ROWS, row + EDGE_ROWS + 1))
    if jumps[row] < max(SEAM_JUMP, SEAM_TO_OTHERS * others.max()) or not _is_from_edge_to_edge(
        grey, row, float(np.median(others))
    ):
        return None
    above, below = (rows.astype(np.float64).mean(axis=0) for rows in (grey[row - 1 : row + 1], grey[row + 1 : row + 3]))
    if above.std() > 0 and below.std() > 0 and np.corrcoef(above, below)[0, 1] > MAX_CORRELATION_AT_SEAM:
        return None
    return row + 1


def _sampled(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Every so many columns of a wide part: what its rows are made of shows in a few thousand pixels each."""
    return grey[:, :: max(grey.shape[1] // ROW_SAMPLES, 1)]


def _is_from_edge_to_edge(grey: NDArray[np.uint8], row: int, usual_jump: float) -> bool:
    """Whether the columns change at this row everywhere, and for good: a line drawn across leaves the picture as it was."""
    rows = grey.astype(np.int16)
    jump = np.abs(rows[row + 1] - rows[row])
    least = max(MIN_BLOCK_JUMP, 2 * usual_jump)
    blocks = sorted(float(np.median(block)) for block in np.array_split(jump, COLUMN_BLOCKS))
    edges = min(np.median(jump[:EDGE_COLUMNS]), np.median(jump[-EDGE_COLUMNS:]))
    lasting = np.median(np.abs(rows[row + EDGE_ROWS] - rows[row - EDGE_ROWS]))
    return bool(blocks[1] >= least and edges >= least and lasting >= SEAM_JUMP)


def _divides(run: _Run, before: NDArray[np.uint8], after: NDArray[np.uint8], whole: tuple[int, ...]) -> bool:
    """Whether there is a panel on both sides, and a picture on one at least that ends at the gutter."""
    if not (_is_panel(before, whole) and _is_panel(after, whole)):
        return False
    if run.is_sharp_before and run.is_sharp_after:
        return True
    drawing = after if run.is_sharp_before else before
    return (run.is_sharp_before or run.is_sharp_after) and _is_drawing(drawing, whole)


def _is_panel(grey: NDArray[np.uint8], whole: tuple[int, ...]) -> bool:
    shares = [size / of for size, of in zip(grey.shape, whole, strict=True)]
    if min(grey.shape) < MIN_PICTURE_PX or min(shares) < MIN_PICTURE_SHARE or float(grey.std()) < MIN_SPREAD:
        return False
    if min(shares) >= MIN_DRAWING_SHARE:
        return True
    distance = np.abs(grey.astype(np.int16) - int(np.bincount(grey.ravel()).argmax()))
    return float((distance <= EXACT_TOLERANCE).mean()) < MAX_GROUND_IN_THIN_PART


def _is_drawing(grey: NDArray[np.uint8], whole: tuple[int, ...]) -> bool:
    sizes = zip(grey.shape, whole, strict=True)
    return all(size >= MIN_DRAWING_SHARE * of for size, of in sizes) and float((grey < WHITE).mean()) >= MIN_DRAWN


def _runs(grey: NDArray[np.uint8]) -> list[_Run]:
    """Runs of rows of one value that begin and end inside the part."""
    sampled = _sampled(grey)
    median = np.median(sampled, axis=1)
    distance = np.abs(sampled.astype(np.int16) - median[:, None])
    exact = (distance <= EXACT_TOLERANCE).mean(axis=1)
    is_line = (distance <= LINE_TOLERANCE).mean(axis=1) >= np.where(median >= WHITE, WHITE_LINE_SHARE, LINE_SHARE)
    # A flat part of a picture beside the gutter has one value too, but another.
    is_new = np.abs(np.diff(median, prepend=median[0])) > LINE_TOLERANCE
    numbers = np.cumsum(is_new | np.diff(is_line, prepend=is_line[0]))
    found = []
    for number in np.unique(numbers[is_line]).tolist():
        rows = np.flatnonzero(numbers == number)
        start, end = int(rows[0]), int(rows[-1]) + 1
        value = float(np.median(median[start:end]))
        is_inside = start >= EDGE_ROWS and end <= len(grey) - EDGE_ROWS
        is_narrow = value >= WHITE or end - start <= MAX_GUTTER_SHARE * len(grey)
        if is_inside and is_narrow and exact[start:end].max() >= MIN_EXACT:
            before, after = grey[start - EDGE_ROWS : start], grey[end : end + EDGE_ROWS]
            found.append(_Run(start, end, value, _is_sharp(before, value), _is_sharp(after, value)))
    return found


def _is_sharp(rows: NDArray[np.uint8], value: float) -> bool:
    near = (np.abs(rows.astype(np.float64) - value) <= 2 * LINE_TOLERANCE).mean(axis=1)
    return int(np.count_nonzero(near <= MAX_GUTTER_IN_PICTURE)) >= PICTURE_ROWS
