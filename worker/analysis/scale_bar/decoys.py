"""Lines beside a length that are no scale bar: walls and frames, underlines, arrows; and bars with an end that cannot be seen.

Each rule asks for what a bar never has. What is refused wrongly costs one reading; what passes wrongly gives a wrong scale.
"""

from collections.abc import Iterable

import numpy as np

from shared.arrays import IntArray
from shared.geometry import Box
from worker.analysis.scale_bar.strokes import MIN_CONTRAST, Ink, Strip, Stroke

# Uprights at both ends that rise beyond the text between them, or on the other side of the stroke, by more than this, in
# heights of the text, are walls of a cell or of an inset's frame. The tallest ticks seen, TESCAN's, end level with their text.
MAX_BEYOND_TEXT, MAX_AWAY_FROM_TEXT = 0.35, 1.5
# Columns at an end that are looked at for something upright, px and in thicknesses of the stroke.
REACH_PX, REACH_BY_THICKNESS = 8, 4
MIN_HEAD_PX, MIN_HEAD_BY_THICKNESS, MIN_HEAD_COLUMNS = 2, 0.5, 4
# The plainer end of an arrow has less than this share of what its head rises.
PLAIN_SHARE = 0.4
# Two lines of one frame: their ends agree within so many px or this share of the length.
TWIN_PX, TWIN_SHARE = 4, 0.03
# What lies behind an end, from the third column on, differs from what lies above and below the end by no more than this share
# of the contrast, this many grey levels, and this many standard deviations of them: the grain of the picture.
BEHIND_FIRST_PX, BEHIND_LAST_PX, HIDDEN_CONTRAST, HIDDEN_STEP, GRAINS = 3, 8, 0.15, MIN_CONTRAST, 3.0
# The standard deviation of normal noise by its median absolute deviation.
STANDARD_BY_MEDIAN = 1.4826
# An underline ends where its line of text does, within this share of the height of the text.
UNDERLINE_ENDS = 0.6


def has_walls(strip: Strip, stroke: Stroke, tone: Ink, text: Box) -> bool:
    """Whether narrow uprights taller than ticks stand at both ends: the stroke is a rule of a table or of an inset's frame."""
    height = text.bottom - text.top
    beyond, away = MAX_BEYOND_TEXT * height, MAX_AWAY_FROM_TEXT * height
    is_over_or_under = min(stroke.right, text.right) > max(stroke.left, text.left)
    is_under_text = is_over_or_under and (text.top + text.bottom) / 2 < stroke.top
    is_over_text = is_over_or_under and (text.top + text.bottom) / 2 > stroke.bottom
    most_above = stroke.top - text.top + beyond if is_under_text else away
    most_below = text.bottom - stroke.bottom + beyond if is_over_text else away
    reach = max(REACH_PX, 2 * stroke.thickness)
    for columns in (np.arange(stroke.left - 2, stroke.left + reach), np.arange(stroke.right - reach, stroke.right + 2)):
        above, below = _ink_beside(strip, stroke, tone, columns[(columns >= 0) & (columns < strip.shape[1])])
        is_tall = (above > most_above) | (below > most_below)
        if not 0 < is_tall.sum() < reach:
            return False
    return True


def is_arrow(strip: Strip, stroke: Stroke, tone: Ink) -> bool:
    """Whether one end rises above and below the stroke and the other does not: an arrow's head, or a particle at the end."""
    reach = max(REACH_PX, REACH_BY_THICKNESS * stroke.thickness)
    if stroke.length < 2 * reach:
        return False
    rises, widths = [], []
    for columns in (np.arange(stroke.left, stroke.left + reach), np.arange(stroke.right - reach, stroke.right)):
        above, below = _ink_beside(strip, stroke, tone, columns)
        rise = np.minimum(above, below)
        rises.append(int(rise.max(initial=0)))
        widths.append(int((rise > 0).sum()))
    least = max(MIN_HEAD_PX, MIN_HEAD_BY_THICKNESS * stroke.thickness)
    # A tick that is blurred at one end only is narrow; a head has some length.
    is_long = widths[rises.index(max(rises))] >= max(MIN_HEAD_COLUMNS, 1.5 * stroke.thickness)
    return is_long and max(rises) >= least and min(rises) < PLAIN_SHARE * max(rises)


def has_hidden_end(strip: Strip, stroke: Stroke, tone: Ink) -> bool:
    """Whether something else than the ground begins at an end, under which the stroke may go on."""
    rows = slice(stroke.top, stroke.bottom)
    bands = [slice(max(stroke.top - 5, 0), max(stroke.top - 2, 0)), slice(stroke.bottom + 2, stroke.bottom + 5)]
    for end, step in ((stroke.left, -1), (stroke.right - 1, 1)):
        behind = _columns(strip[rows], end, step, BEHIND_FIRST_PX, BEHIND_LAST_PX)
        if not behind.size:
            continue
        beside = [part for band in bands if (part := _columns(strip[band], end, step, -BEHIND_LAST_PX, 0)).size]
        medians = [float(np.median(part)) for part in beside]
        # By the median again, which an edge in these few pixels does not change.
        pairs = zip(beside, medians, strict=True)
        grain = max((STANDARD_BY_MEDIAN * float(np.median(np.abs(part - median))) for part, median in pairs), default=0.0)
        grounds = [tone.ground, *medians]
        seen = float(np.median(behind))
        least = max(HIDDEN_CONTRAST * tone.contrast, HIDDEN_STEP, GRAINS * grain)
        if min(abs(seen - ground) for ground in grounds) > least:
            return True
    return False


def has_twin(strip: Strip, stroke: Stroke, tone: Ink, strokes: Iterable[Stroke], text: Box) -> bool:
    """Whether the text stands between a stroke and another one of its ends and tone: both frame it, or bound a layer."""
    allowed = max(TWIN_PX, TWIN_SHARE * stroke.length)
    middle = (text.top + text.bottom) / 2
    return any(
        abs(other.left - stroke.left) <= allowed
        and abs(other.right - stroke.right) <= allowed
        and (other.top < middle) != (stroke.top < middle)
        and abs(other.top - stroke.top) > (text.bottom - text.top) / 2
        # The ground between two ticks has the same ends, too.
        and abs(float(np.median(strip[other.top : other.bottom, other.left : other.right])) - tone.tone) < tone.contrast / 2
        for other in strokes
    )


def is_underline(x0: float, x1: float, part: Box, line: Box) -> bool:
    """Whether a bar underlines a whole line of which its length is a part only."""
    allowed = UNDERLINE_ENDS * (line.bottom - line.top)
    return part != line and abs(x0 - line.left) <= allowed and abs(x1 - line.right) <= allowed


def _ink_beside(strip: Strip, stroke: Stroke, tone: Ink, columns: IntArray) -> tuple[IntArray, IntArray]:
    """Rows of ink that hang together with the stroke above and below it, for each column."""
    is_ink = (strip[:, columns] - tone.ground) / (tone.tone - tone.ground) >= 0.5
    above = is_ink[: stroke.top][::-1].cumprod(axis=0).sum(axis=0)
    below = is_ink[stroke.bottom :].cumprod(axis=0).sum(axis=0)
    return above.astype(np.int64), below.astype(np.int64)


def _columns(strip: Strip, end: int, step: int, first: int, last: int) -> Strip:
    """Columns from the ``first`` to the ``last`` behind an end, as far as the picture goes."""
    columns = end + step * np.arange(first, last + 1)
    return strip[:, columns[(columns >= 0) & (columns < strip.shape[1])]]
