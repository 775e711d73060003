"""What must be seen before a strip counts as a banner: one ground from edge to edge, text on it, and no picture behind it."""

import cv2
import numpy as np
from numpy.typing import NDArray

from worker.analysis.banner_edge import MIN_GROUND_IN_ROW, STEP_OUTSIDE_ROWS
from worker.analysis.banner_strip import NEAR_TOLERANCE, Strip

MAX_FOREIGN_ROWS = 0.2
# Text is written to be read: at least this far from its ground, grey levels of 255.
TEXT_CONTRAST = 45
# "1 µm" alone crosses from ground to glyph and back at least this often, in at least so many rows.
MIN_GLYPH_CHANGES = 8
MIN_GLYPH_ROWS = 5
# Without a visible edge a whole line of instrument text must be there, a dozen glyphs; no row of particles is so regular.
MIN_CHANGES_WITHOUT_EDGE = 40

# Blur and JPEG disturb the ground so far from a glyph, px; beyond it a drawn ground is exact again, a recorded one is not.
CALM_KERNEL = np.ones((5, 7), np.uint8)
MIN_CALM_PIXELS = 20
MIN_EXACTNESS = 0.8
MIN_EXACTNESS_IN_BLOCK = 0.5
COLUMN_BLOCKS = 12
EDGE_SHARE = 0.02
# Between the lines of text a row is ground; a logo may fill one block of columns, but not to the last pixel.
EMPTIEST_ROWS = 0.2
MIN_GROUND_IN_BLOCK = 0.4
MIN_GROUND_IN_LOGO = 0.1
# Text may begin in the first column, and a frame or the picture shown again fill the last ones.
MIN_GROUND_AT_EDGE = 0.2

# Grey levels by which the columns of a ground differ where a picture shines through, and how well they follow the picture.
MIN_SHINING_SD = 0.7
MIN_CORRELATION = 0.5

# A gutter of a figure: columns on the ground of its margin over all rows, with panels on both sides that are not.
GUTTER_SHARE = 0.95
MAX_GROUND_IN_PANEL = 0.5
MIN_GUTTER_ROWS = 40


def is_coherent(strip: Strip, top: int, bottom: int) -> bool:
    """Whether the ground fills the rows from edge to edge, between text, rules and a logo, and is exact everywhere."""
    belongs = (strip.near[top:bottom] >= MIN_GROUND_IN_ROW) | strip.is_line[top:bottom]
    if 1 - belongs.mean() > MAX_FOREIGN_ROWS:
        return False
    distance = strip.distance[top + 1 : bottom]
    is_near = distance <= NEAR_TOLERANCE
    is_calm = _calm(is_near)
    is_exact = distance <= strip.tolerance
    columns = np.arange(distance.shape[1])
    edge = max(round(EDGE_SHARE * len(columns)), 4)
    blocks, edges = np.array_split(columns, COLUMN_BLOCKS), [columns[:edge], columns[-edge:]]
    shares = sorted(_ground_share(is_near[:, block]) for block in blocks)
    return (
        shares[0] >= MIN_GROUND_IN_LOGO
        and shares[1] >= MIN_GROUND_IN_BLOCK
        and all(_ground_share(is_near[:, end]) >= MIN_GROUND_AT_EDGE for end in edges)
        and _exactness(is_exact, is_calm) >= MIN_EXACTNESS
        and all(_exactness(is_exact[:, part], is_calm[:, part]) >= MIN_EXACTNESS_IN_BLOCK for part in blocks + edges)
    )


def has_text(strip: Strip, top: int, bottom: int, min_changes: int) -> bool:
    """Whether enough rows change between ground and glyph as often as writing does."""
    glyph = strip.distance[top:bottom] >= TEXT_CONTRAST
    changes = np.count_nonzero(glyph[:, 1:] != glyph[:, :-1], axis=1)
    return int(np.count_nonzero(changes >= min_changes)) >= MIN_GLYPH_ROWS


def shows_picture(strip: Strip, top: int, bottom: int) -> bool:
    """Whether the ground follows the picture above it column by column: a shaded part of the picture, not a banner."""
    inside = strip.grey[top + 2 : bottom].astype(np.float64)
    is_calm = _calm(strip.distance[top + 2 : bottom] <= NEAR_TOLERANCE)
    counts = is_calm.sum(axis=0)
    usable = counts > 0
    if top < STEP_OUTSIDE_ROWS + 1 or np.count_nonzero(usable) < MIN_CALM_PIXELS:
        return False
    ground = (inside * is_calm).sum(axis=0)[usable] / counts[usable]
    above = strip.grey[top - 1 - STEP_OUTSIDE_ROWS : top - 1].mean(axis=0)[usable]
    if ground.std() < MIN_SHINING_SD or above.std() == 0:
        return False
    return bool(np.corrcoef(ground, above)[0, 1] >= MIN_CORRELATION)


def is_margin_of_figure(strip: Strip, top: int) -> bool:
    """Whether the ground goes on as a straight gutter between panels: the letters on it name panels."""
    if top < MIN_GUTTER_ROWS:
        return False
    share = (strip.distance[: top - 1] <= NEAR_TOLERANCE).mean(axis=0)
    is_gutter = share >= GUTTER_SHARE
    is_panel = share <= MAX_GROUND_IN_PANEL
    starts = np.flatnonzero(np.diff(is_gutter.astype(np.int8)) == 1) + 1
    ends = np.flatnonzero(np.diff(is_gutter.astype(np.int8)) == -1) + 1
    ends = ends[ends > starts[0]] if len(starts) else ends
    return any(
        is_panel[max(start - 2, 0) : start].any() and is_panel[end : end + 2].any()
        for start, end in zip(starts, ends, strict=False)
    )


def _calm(is_near: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels near the ground whose neighbours are too."""
    return cv2.erode(is_near.astype(np.uint8), CALM_KERNEL, borderType=cv2.BORDER_REPLICATE) > 0


def _exactness(is_exact: NDArray[np.bool_], is_calm: NDArray[np.bool_]) -> float:
    """Share of the calm pixels that are exactly on the ground; 1 where there are too few to tell."""
    count = int(np.count_nonzero(is_calm))
    return 1.0 if count < MIN_CALM_PIXELS else np.count_nonzero(is_exact & is_calm) / count


def _ground_share(is_near: NDArray[np.bool_]) -> float:
    """Share of ground in the emptiest rows."""
    shares = np.sort(is_near.mean(axis=1))
    return float(shares[-max(round(EMPTIEST_ROWS * len(shares)), 3) :].mean())
