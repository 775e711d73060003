"""The instrument's banner: the full-width strip of text that microscopes write below or above the picture.

A banner is drawn, not recorded: one exact grey value fills most of every row from edge to edge, text stands on it, and it
begins at one row across the whole width. All three must be seen, because a banner claimed wrongly throws specimen away.
"""

import numpy as np
from numpy.typing import NDArray

from shared.arrays import Pixels
from shared.domain import Micrograph
from shared.geometry import Banner
from worker.analysis.banner_edge import STEP_OUTSIDE_ROWS, bottom_edge, faint_top_edges, top_edges
from worker.analysis.banner_evidence import (
    MIN_CHANGES_WITHOUT_EDGE,
    MIN_GLYPH_CHANGES,
    has_text,
    is_coherent,
    is_margin_of_figure,
    shows_picture,
)
from worker.analysis.banner_strip import MIN_BANNER_ROWS, Strip, describe, grey_range, ground_values, to_8_bit

# Tescan's banners have 179 rows; drawn at twice the size they keep their share of the height.
MAX_BANNER_ROWS = 200
MAX_BANNER_SHARE = 0.2
# Text of a smaller picture could not be read.
MIN_COLUMNS = 64
# Grey levels of 255. A drawn ground is exact in lossless files, which tells it from a picture of nearly the same grey; after
# JPEG or resizing it is within ±4, except next to glyphs.
EXACT_TOLERANCES = (1, 4)


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
        on the picture are not banners, nor is the lettered margin of a figure. A shaded strip with text through which nothing
        of the picture can be seen counts as one.
    """
    rows, columns = pixels.shape
    if rows < 2 * MIN_BANNER_ROWS or columns < MIN_COLUMNS:
        return None
    height = min(max(MAX_BANNER_ROWS, round(MAX_BANNER_SHARE * rows)) + STEP_OUTSIDE_ROWS + 2, rows)
    low, high = grey_range(pixels)
    found = _find_at_bottom(to_8_bit(pixels[-height:], low, high))
    if found is not None:
        return Banner(rows - height + found[0], rows - height + found[1])
    found = _find_at_bottom(to_8_bit(pixels[:height][::-1], low, high))
    return None if found is None else Banner(height - found[1], height - found[0])


def _find_at_bottom(grey: NDArray[np.uint8]) -> tuple[int, int] | None:
    """First row and row after the last of a banner at the end of ``grey``: the tallest one for which all evidence is there."""
    found: list[tuple[int, int]] = []
    for ground in ground_values(grey):
        for tolerance in EXACT_TOLERANCES:
            strip = describe(grey, ground, tolerance)
            bottom = bottom_edge(strip)
            found += [(top, bottom) for top in top_edges(strip, bottom) if _is_banner(strip, top, bottom, MIN_GLYPH_CHANGES)]
            faint = [] if found else faint_top_edges(strip, bottom)
            found += [(top, bottom) for top in faint if _is_banner(strip, top, bottom, MIN_CHANGES_WITHOUT_EDGE)][:1]
    return min(found, default=None)


def _is_banner(strip: Strip, top: int, bottom: int, glyph_changes: int) -> bool:
    return (
        bottom - top >= MIN_BANNER_ROWS
        and has_text(strip, top, bottom, glyph_changes)
        and is_coherent(strip, top, bottom)
        and not shows_picture(strip, top, bottom)
        and not is_margin_of_figure(strip, top)
    )
