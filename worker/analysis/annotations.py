"""Annotations: letters, labels and bars that are burnt into the picture of the specimen.

They are no specimen: the network sees its surroundings mirrored in their place, and nothing there is measured or counted.
Whatever is taken for an annotation wrongly takes specimen away, and round particles look like letters (0, O, 8, C), so that
such readings count only beside others.
"""

from collections.abc import Iterable

import numpy as np

from shared.arrays import GreyImage
from shared.geometry import Box
from worker.analysis.lettering import TextLine
from worker.analysis.scale_bar.strokes import ink_of

# Readings of one letter must be surer than those of several.
MIN_SCORE, MIN_SCORE_OF_ONE = 0.9, 0.99
# What particles, and rings and squares of them, are read as.
LOOKS_LIKE_PARTICLES = frozenset("0OoQCcGDUe6898ua@°●○◯•口□日田∞")
# A line of text is lower than this share of the picture.
MAX_SHARE_OF_HEIGHT = 0.3
# Letters are blurred by resizing and compression, and shine as far.
MARGIN_PX = 3
# Ink differs from its full tone by at most this share of the contrast, and fills so much of a row of letters at least.
INK_TOLERANCE, MIN_INK_SHARE = 0.3, 0.02
# A box drawn behind a text: its rows and columns have one exact tone, and end at the picture.
BOX_TOLERANCE, BOX_SHARE = 6, 0.9
MAX_BOX_GROWTH = 1.5
MIN_STEP = 20


def find_annotations(grey: GreyImage, lines: Iterable[TextLine], marks: Iterable[Box], field: Box) -> tuple[Box, ...]:
    """Find the parts of the analysed field that annotations cover.

    Parameters
    ----------
    grey : ndarray of uint8, shape (rows, columns)
        The image, black 0, white 255.
    lines : iterable of TextLine
        All text that was found.
    marks : iterable of Box
        Bars and other drawn things.
    field : Box
        The analysed field; what lies outside is no concern of it.

    Returns
    -------
    tuple of Box
        Those of which most lies in the field, each with a margin and with the box drawn behind it, if there is one.
    """
    texts = [line.box for line in lines if is_annotation(line, grey.shape[0])]
    letters = [_box_behind(grey, box) or _inked(grey, box) for box in texts]
    return tuple(_with_margin(box, field) for box in [*letters, *marks] if 2 * _within(box, field).area_px > box.area_px)


def is_annotation(line: TextLine, rows: int) -> bool:
    """Whether a line that was read is text and no particle, in an image of so many rows."""
    characters = [c for c in line.text if not c.isspace()]
    if not characters or line.box.bottom - line.box.top > MAX_SHARE_OF_HEIGHT * rows:
        return False
    if len(characters) == 1:
        return line.score >= MIN_SCORE_OF_ONE and characters[0].isalnum() and characters[0] not in LOOKS_LIKE_PARTICLES
    has_letter = any(c.isalnum() for c in characters)
    return line.score >= MIN_SCORE and has_letter and any(c not in LOOKS_LIKE_PARTICLES for c in characters)


def _inked(grey: GreyImage, box: Box) -> Box:
    """The part of a text's box that holds ink: a text reader's boxes are half as high again as the letters."""
    ink = ink_of(grey, box)
    is_ink = np.abs(grey[box.slices].astype(np.float32) - ink.tone) <= INK_TOLERANCE * ink.contrast
    rows = np.flatnonzero(is_ink.mean(axis=1) >= MIN_INK_SHARE)
    columns = np.flatnonzero(is_ink.any(axis=0))
    if not rows.size:
        return box
    return Box(box.top + int(rows[0]), box.top + int(rows[-1]) + 1, box.left + int(columns[0]), box.left + int(columns[-1]) + 1)


def _box_behind(grey: GreyImage, box: Box) -> Box | None:
    """The box that is drawn behind a text; None where it stands on the picture."""
    ground = ink_of(grey, box).ground
    limit = round(MAX_BOX_GROWTH * (box.bottom - box.top))
    top = _reach(grey[max(box.top - limit, 0) : box.top, box.left : box.right][::-1], ground)
    bottom = _reach(grey[box.bottom : box.bottom + limit, box.left : box.right], ground)
    left = _reach(grey[box.top : box.bottom, max(box.left - limit, 0) : box.left].T[::-1], ground)
    right = _reach(grey[box.top : box.bottom, box.right : box.right + limit].T, ground)
    if not any((top, bottom, left, right)):
        return None
    return Box(box.top - top, box.bottom + bottom, box.left - left, box.right + right)


def _reach(rows: GreyImage, ground: float) -> int:
    """Rows of the exact tone of the ground before the picture sets in with a step; 0 where there is no step."""
    is_ground = (
        (np.abs(rows.astype(np.int16) - ground) <= BOX_TOLERANCE).mean(axis=1) >= BOX_SHARE if rows.size else np.zeros(0)
    )
    ends = np.flatnonzero(~is_ground.astype(np.bool_))
    if not ends.size:
        return 0
    end = int(ends[0])
    behind = rows[min(end + 1, len(rows) - 1)]
    return end if abs(float(np.median(behind)) - ground) >= MIN_STEP else 0


def _with_margin(box: Box, field: Box) -> Box:
    around = Box(box.top - MARGIN_PX, box.bottom + MARGIN_PX, box.left - MARGIN_PX, box.right + MARGIN_PX)
    return _within(around, field)


def _within(box: Box, field: Box) -> Box:
    """A box cut to the field; without area where it lies outside."""
    top, left = max(box.top, field.top), max(box.left, field.left)
    return Box(top, max(min(box.bottom, field.bottom), top), left, max(min(box.right, field.right), left))
