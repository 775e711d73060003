"""The instrument's banner: the full-width strip of text that microscopes write below or above the picture.

A banner is drawn, not recorded: one exact grey value fills most of every row from edge to edge, text stands on it, and it
begins at one row across the whole width. All three must be seen, because a banner claimed wrongly throws specimen away.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.domain import Banner, Micrograph, Pixels

# Thin Hitachi TEM banners have 14 rows, Tescan's 179; drawn at twice the size they keep their share of the height.
MIN_BANNER_ROWS = 12
MAX_BANNER_ROWS = 200
MAX_BANNER_SHARE = 0.2
# Text of a smaller picture could not be read.
MIN_COLUMNS = 64
# ZEISS shows the image again in the last rows below the banner and in the last columns beside it.
MAX_ROWS_BELOW = 3

# Pixels looked at for black and white of deep images.
RANGE_SAMPLES = 250_000

# Grey levels of 255. A drawn ground is exact in lossless files and within ±4 after JPEG or resizing, except next to glyphs.
EXACT_TOLERANCE = 4
NEAR_TOLERANCE = 12
# Text is written to be read: at least this far from its ground.
TEXT_CONTRAST = 60
# A frame must differ by this from what lies on both sides of it.
FRAME_CONTRAST = 25

# Shares of the pixels of a row, or of a block of columns.
MIN_GROUND_IN_ROW = 0.3  # dense lines of text leave 0.4 of the ground bare in the banners at hand
LINE_SHARE = 0.95  # frame and rule lines run from edge to edge
MIN_GROUND_IN_BLOCK = 0.1  # a logo may fill nearly a whole block
MIN_GROUND_AT_EDGE = 0.15  # text may begin in the first column
MIN_STEP = 0.4
EMPTY_SHARE = 0.97
# Pictures are black over large areas, but white only between the panels of a composed figure.
DARK_GROUND = 96
MAX_BRIGHT_ABOVE = 0.3
MAX_FOREIGN_ROWS = 0.15
# Of the pixels near the ground value so many are exactly on it; a recorded dark or bright area spreads over the tolerance.
MIN_EXACTNESS = 0.8
COLUMN_BLOCKS = 12
EDGE_SHARE = 0.02

# Rows compared on the two sides of an edge; resizing blurs the edge itself over two rows.
STEP_INSIDE_ROWS = 4
STEP_OUTSIDE_ROWS = 6
MAX_FRAME_ROWS = 4
MIN_GAP_ROWS = 6

# "1 µm" alone crosses from ground to glyph and back at least this often, in at least so many rows.
MIN_GLYPH_CHANGES = 8
MIN_GLYPH_ROWS = 6
# Without a visible edge a whole line of instrument text must be there, a dozen glyphs; no row of particles is so regular.
MIN_CHANGES_WITHOUT_EDGE = 40


@dataclass(frozen=True, slots=True)
class _Strip:
    """The rows at one edge of the image that could hold a banner, and what each row is made of.

    ``ground`` is the grey value that fills the last rows; ``distance`` of every pixel from it has shape (rows, columns).
    Of every row: ``exact`` and ``near``, the shares of pixels on the ground value; ``median``, the middle grey value;
    ``is_line``, whether it has one value from edge to edge.
    """

    ground: int
    distance: NDArray[np.uint8]
    exact: NDArray[np.float64]
    near: NDArray[np.float64]
    median: NDArray[np.float64]
    is_line: NDArray[np.bool_]


def locate_banner(micrograph: Micrograph) -> Banner | None:
    """Locate the instrument's banner: where the file states its first row exactly, else by how it looks."""
    top = None if micrograph.metadata is None else micrograph.metadata.databar_top
    return find_banner(micrograph.pixels) if top is None else Banner(top, micrograph.height_px)


def find_banner(pixels: Pixels) -> Banner | None:
    """Find the instrument's banner at the bottom or, failing that, at the top of a micrograph.

    Parameters
    ----------
    pixels : ndarray of uint8, uint16 or float32, shape (rows, columns)
        Grey values as the file holds them.

    Returns
    -------
    Banner or None
        Rows of the banner with its frame. None where the evidence is not complete: floating boxes, scale bars and text drawn
        on the picture are not banners.
    """
    rows, columns = pixels.shape
    if rows < 2 * MIN_BANNER_ROWS or columns < MIN_COLUMNS:
        return None
    height = min(max(MAX_BANNER_ROWS, round(MAX_BANNER_SHARE * rows)) + STEP_OUTSIDE_ROWS + 2, rows)
    low, high = _grey_range(pixels)
    found = _find_at_bottom(_to_8_bit(pixels[-height:], low, high))
    if found is not None:
        return Banner(rows - height + found[0], rows - height + found[1])
    found = _find_at_bottom(_to_8_bit(pixels[:height][::-1], low, high))
    return None if found is None else Banner(height - found[1], height - found[0])


def _grey_range(pixels: Pixels) -> tuple[float, float]:
    """Black and white of the picture: hot pixels do not count, and text is never the rarest 0.1 % where there is a banner."""
    if pixels.dtype == np.uint8:
        return 0.0, 255.0
    step = max(round((pixels.size / RANGE_SAMPLES) ** 0.5), 1)
    sample = pixels[::step, ::step].astype(np.float64)
    sample = sample[np.isfinite(sample)]
    if sample.size == 0:
        return 0.0, 0.0
    low, high = np.percentile(sample, (0.1, 99.9))
    return float(low), float(high)


def _to_8_bit(rows: Pixels, low: float, high: float) -> NDArray[np.uint8]:
    if rows.dtype == np.uint8:
        return rows.astype(np.uint8, copy=False)
    if high <= low:
        return np.zeros(rows.shape, dtype=np.uint8)
    values = np.nan_to_num(rows.astype(np.float64), nan=low, posinf=high, neginf=low)
    return np.rint((np.clip(values, low, high) - low) / (high - low) * 255).astype(np.uint8)


def _find_at_bottom(grey: NDArray[np.uint8]) -> tuple[int, int] | None:
    """First row and row after the last of a banner at the end of ``grey``."""
    strip = _describe(grey)
    bottom = _bottom(strip)
    for search, glyph_changes in (
        (_top_by_step, MIN_GLYPH_CHANGES),
        (_top_by_frame, MIN_GLYPH_CHANGES),
        (_top_by_gap, MIN_CHANGES_WITHOUT_EDGE),
    ):
        top = search(strip, bottom)
        if top is None or bottom - top < MIN_BANNER_ROWS:
            continue
        if _is_coherent(strip, top, bottom) and _has_text(strip, top, bottom, glyph_changes):
            return top, bottom
    return None


def _describe(grey: NDArray[np.uint8]) -> _Strip:
    lowest = grey[-MIN_BANNER_ROWS - MAX_ROWS_BELOW : -MAX_ROWS_BELOW]
    counts = np.bincount(lowest.ravel(), minlength=256)
    window = np.ones(2 * EXACT_TOLERANCE + 1)
    ground = int(np.convolve(counts, window, mode="same").argmax())
    signed = grey.astype(np.int16)
    distance = np.abs(signed - ground).astype(np.uint8)
    median = np.median(grey, axis=1)
    in_line = np.abs(signed - median[:, None]) <= NEAR_TOLERANCE
    return _Strip(
        ground=ground,
        distance=distance,
        exact=(distance <= EXACT_TOLERANCE).mean(axis=1),
        near=(distance <= NEAR_TOLERANCE).mean(axis=1),
        median=median,
        is_line=in_line.mean(axis=1) >= LINE_SHARE,
    )


def _bottom(strip: _Strip) -> int:
    """Row after the last one of the banner: image shown again below it is left out, a frame is not."""
    rows = len(strip.near)
    belongs = (strip.near >= MIN_GROUND_IN_ROW) | strip.is_line
    last = np.flatnonzero(belongs[rows - MAX_ROWS_BELOW - 1 :])
    return rows - MAX_ROWS_BELOW + int(last[-1]) if len(last) else rows - MAX_ROWS_BELOW


def _top_by_step(strip: _Strip, bottom: int) -> int | None:
    """Row at which the ground sets in all at once, its frame included."""
    sums = np.concatenate(([0.0], np.cumsum(strip.exact)))
    tops = np.arange(STEP_OUTSIDE_ROWS + 1, bottom - MIN_BANNER_ROWS + 1)
    if len(tops) == 0:
        return None
    inside = (sums[tops + 1 + STEP_INSIDE_ROWS] - sums[tops + 1]) / STEP_INSIDE_ROWS
    outside = (sums[tops - 1] - sums[tops - 1 - STEP_OUTSIDE_ROWS]) / STEP_OUTSIDE_ROWS
    best = int((inside - outside).argmax())
    if inside[best] - outside[best] < MIN_STEP or (strip.ground > DARK_GROUND and outside[best] > MAX_BRIGHT_ABOVE):
        return None
    half = (inside[best] + outside[best]) / 2
    first = int(tops[best]) - 2
    reached = np.flatnonzero(strip.exact[first : first + 5] >= half)
    return _with_frame(strip, first + int(reached[0]) if len(reached) else int(tops[best]))


def _with_frame(strip: _Strip, top: int) -> int:
    """Move the top up over the frame line, which differs from the ground and from the picture above it."""
    above = max(top - MAX_FRAME_ROWS - 1, 0)
    rows = np.arange(above + 1, top)
    is_frame = (
        strip.is_line[rows]
        & (strip.near[rows] < MIN_GROUND_IN_ROW)
        & (np.abs(strip.median[rows] - strip.median[above]) >= FRAME_CONTRAST)
    )
    return int(rows[is_frame][0]) if is_frame.any() else top


def _top_by_frame(strip: _Strip, bottom: int) -> int | None:
    """Topmost frame line: what delimits a black banner below a black picture."""
    beside = MAX_FRAME_ROWS + 1
    rows = np.arange(beside, bottom - MIN_BANNER_ROWS + 1)
    contrast = np.minimum(
        np.abs(strip.median[rows] - strip.median[rows - beside]), np.abs(strip.median[rows] - strip.median[rows + beside])
    )
    is_frame = strip.is_line[rows] & (contrast >= TEXT_CONTRAST)
    return int(rows[is_frame][0]) if is_frame.any() else None


def _top_by_gap(strip: _Strip, bottom: int) -> int | None:
    """First row of the text where nothing else marks the top: a black banner that continues a black picture.

    Nothing is lost by cutting there, as the rows above the text hold nothing but the ground.
    """
    if strip.ground > DARK_GROUND:
        return None
    is_empty = strip.exact[:bottom] >= EMPTY_SHARE
    written = np.flatnonzero(~is_empty)
    gaps = np.flatnonzero(np.diff(written, prepend=-1) > MIN_GAP_ROWS)
    return int(written[gaps[-1]]) if len(gaps) else None


def _is_coherent(strip: _Strip, top: int, bottom: int) -> bool:
    """Whether the ground fills the rows from edge to edge, between text, rules and a logo."""
    belongs = (strip.near[top:bottom] >= MIN_GROUND_IN_ROW) | strip.is_line[top:bottom]
    exactness = strip.exact[top:bottom].sum() / max(strip.near[top:bottom].sum(), 1.0)
    if 1 - belongs.mean() > MAX_FOREIGN_ROWS or exactness < MIN_EXACTNESS:
        return False
    ground = (strip.distance[top:bottom] <= NEAR_TOLERANCE).mean(axis=0)
    edge = max(round(EDGE_SHARE * len(ground)), 4)
    edges = min(ground[:edge].mean(), ground[-edge:].mean())
    blocks = min(block.mean() for block in np.array_split(ground, COLUMN_BLOCKS))
    return bool(edges >= MIN_GROUND_AT_EDGE and blocks >= MIN_GROUND_IN_BLOCK)


def _has_text(strip: _Strip, top: int, bottom: int, min_changes: int) -> bool:
    """Whether enough rows change between ground and glyph as often as writing does."""
    glyph = strip.distance[top:bottom] >= TEXT_CONTRAST
    changes = np.count_nonzero(glyph[:, 1:] != glyph[:, :-1], axis=1)
    return int(np.count_nonzero(changes >= min_changes)) >= MIN_GLYPH_ROWS
