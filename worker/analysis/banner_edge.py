"""Where a banner begins and ends: the row at which its ground sets in, its frame, or its text."""

import numpy as np

from worker.analysis.banner_strip import MAX_ROWS_BELOW, MIN_BANNER_ROWS, NEAR_TOLERANCE, Strip

MIN_GROUND_IN_ROW = 0.3  # dense lines of text leave 0.4 of the ground bare in the banners at hand
# Rows compared on the two sides of an edge; resizing blurs the edge itself over a few rows.
STEP_INSIDE_ROWS = 4
STEP_OUTSIDE_ROWS = 6
EDGE_ROWS = 5
# The share of ground rises by so much; by less where the picture is black over half of its columns itself.
MIN_STEP = 0.4
MIN_FAINT_STEP = 0.25
MIN_GROUND_BELOW_FAINT_STEP = 0.75
EMPTY_SHARE = 0.97
# Pictures are black over large areas, but white only between the panels of a composed figure.
DARK_GROUND = 96
MAX_BRIGHT_ABOVE = 0.3
# A picture holds one exact value over half of a row only where the detector clips it.
CLIPPED_GROUND = 16
# A frame, or the picture, must differ by this from what lies beside it, grey levels of 255.
FRAME_CONTRAST = 25
LONE_FRAME_CONTRAST = 60
MAX_FRAME_ROWS = 4
# Text without a visible edge stands clear of what is above it by so many rows.
MIN_GAP_ROWS = 6


def bottom_edge(strip: Strip) -> int:
    """Row after the last one of the banner: image shown again below it is left out, a frame is not."""
    rows = len(strip.near)
    belongs = (strip.near >= MIN_GROUND_IN_ROW) | strip.is_line
    last = np.flatnonzero(belongs[rows - MAX_ROWS_BELOW - 1 :])
    return rows - MAX_ROWS_BELOW + int(last[-1]) if len(last) else rows - MAX_ROWS_BELOW


def top_edges(strip: Strip, bottom: int) -> list[int]:
    """Rows at which a banner could begin: where its ground sets in all at once, and at the topmost frame line."""
    step, _, outside, top = _best_step(strip, bottom)
    is_step = step >= MIN_STEP and (strip.ground <= DARK_GROUND or outside <= MAX_BRIGHT_ABOVE)
    frame = _top_by_frame(strip, bottom)
    return [*([top] if is_step else []), *([] if frame is None else [frame])]


def faint_top_edges(strip: Strip, bottom: int) -> list[int]:
    """Rows at which a black banner could begin below a black picture: a small step, or else the first row of its text.

    Nothing is lost by cutting at the text, as the rows above it hold nothing but the ground.
    """
    if strip.ground > DARK_GROUND:
        return []
    step, inside, _, top = _best_step(strip, bottom)
    is_step = step >= MIN_FAINT_STEP and inside >= MIN_GROUND_BELOW_FAINT_STEP and strip.ground <= CLIPPED_GROUND
    written = np.flatnonzero(strip.exact[:bottom] < EMPTY_SHARE)
    gaps = np.flatnonzero(np.diff(written, prepend=-1) > MIN_GAP_ROWS)
    return [*([top] if is_step else []), *([int(written[gaps[-1]])] if len(gaps) else [])]


def _best_step(strip: Strip, bottom: int) -> tuple[float, float, float, int]:
    """Where the share of ground rises most: by how much, the shares below and above, and the row, its frame included."""
    sums = np.concatenate(([0.0], np.cumsum(strip.exact)))
    tops = np.arange(STEP_OUTSIDE_ROWS + 1, bottom - MIN_BANNER_ROWS + 1)
    if len(tops) == 0:
        return 0.0, 0.0, 0.0, bottom
    inside = (sums[tops + 1 + STEP_INSIDE_ROWS] - sums[tops + 1]) / STEP_INSIDE_ROWS
    outside = (sums[tops - 1] - sums[tops - 1 - STEP_OUTSIDE_ROWS]) / STEP_OUTSIDE_ROWS
    best = int((inside - outside).argmax())
    half = (inside[best] + outside[best]) / 2
    first = int(tops[best]) - 2
    reached = np.flatnonzero(strip.exact[first : first + 5] >= half)
    top = _with_frame(strip, _sharpened(strip, first + int(reached[0]) if len(reached) else int(tops[best])))
    return float(inside[best] - outside[best]), float(inside[best]), float(outside[best]), top


def _sharpened(strip: Strip, top: int) -> int:
    """Row at which the picture has faded by half, in columns that are bare ground below: a blurred edge is symmetric."""
    first = max(top - EDGE_ROWS - STEP_INSIDE_ROWS, 0)
    is_bare = (strip.distance[top + 1 : top + 1 + STEP_INSIDE_ROWS] <= NEAR_TOLERANCE).all(axis=0)
    if not is_bare.any():
        return top
    faded = strip.distance[first : top + 1][:, is_bare].mean(axis=1)
    above = float(faded[:STEP_INSIDE_ROWS].mean())
    if above < FRAME_CONTRAST:
        return top
    picture = np.flatnonzero(faded >= above / 2)
    return first + int(picture[-1]) + 1 if len(picture) else top


def _with_frame(strip: Strip, top: int) -> int:
    """Move the top up over the frame line, which differs from the ground and from the picture above it."""
    above = max(top - MAX_FRAME_ROWS - 1, 0)
    rows = np.arange(above + 1, top)
    is_frame = (
        strip.is_line[rows]
        & (strip.near[rows] < MIN_GROUND_IN_ROW)
        & (np.abs(strip.median[rows] - strip.median[above]) >= FRAME_CONTRAST)
    )
    return int(rows[is_frame][0]) if is_frame.any() else top


def _top_by_frame(strip: Strip, bottom: int) -> int | None:
    """Topmost frame line: what delimits a black banner below a black picture."""
    beside = MAX_FRAME_ROWS + 1
    rows = np.arange(beside, bottom - MIN_BANNER_ROWS + 1)
    contrast = np.minimum(
        np.abs(strip.median[rows] - strip.median[rows - beside]), np.abs(strip.median[rows] - strip.median[rows + beside])
    )
    is_frame = strip.is_line[rows] & (contrast >= LONE_FRAME_CONTRAST)
    return int(rows[is_frame][0]) if is_frame.any() else None
