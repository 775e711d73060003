"""At which scale the network looks at a picture, so that it meets particles at the sizes that it learnt.

Micrographs show particles at 6 px and at 600 px. Quick looks at a much reduced picture tell how large they are in this one;
large particles are then seen whole in a small picture, which also takes the least time, and small ones are enlarged.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from shared.arrays import FloatImage
from worker.analysis.confidence import depth_disagreement
from worker.analysis.instances import ANY_SIZE, split_instances
from worker.analysis.network import GreyScale, standardised
from worker.analysis.questions import Questions

# Diameter at which typical particles are shown to the network, px; chosen on the validation split of EMPS.
VIEWING_DIAMETER_PX = 100.0
SCALES = (0.17, 2.8)
# Enlarging costs time by the square of the scale. Beyond this scale, particles are enlarged to the second diameter only: on the
# validation split that loses nothing: mAP is 0.776 with it and 0.774 without.
CHEAP_ENLARGEMENT = 1.1
SMALL_VIEWING_DIAMETER_PX = 36.0
# The first look shrinks the picture to so many pixels; the next ones, at finer scales, take at most as many from its middle.
LOOK_PX = 320 * 320
# Particles smaller than this in a look are not yet judged: the next look is so much finer.
MIN_LOOK_DIAMETER_PX = 12.0
FINER = 2.5
# Nor are those whose depth is another than the network says by more than this: small particles that blur into one. On the
# validation split of EMPS, looks at the right scale mostly stay below. The finer look counts if it disagrees clearly less.
MAX_DISAGREEMENT = 0.09
CLEARER_SHARE = 0.8


@dataclass(frozen=True, slots=True)
class _Look:
    """What a look tells.

    Attributes
    ----------
    scale : float
        Of the look.
    diameter_px : float or None
        Equivalent circular diameter that half of the particles' area exceeds, in pixels of the look; None without particles.
    disagreement : float
        Between the depth that the network says and that of the outlines, halfway between the means over number and area.
    """

    scale: float
    diameter_px: float | None
    disagreement: float


def viewing_scale(image: FloatImage, grey: GreyScale) -> Questions[float]:
    """Choose the scale for a picture from quick looks.

    Parameters
    ----------
    image : ndarray of float32, shape (rows, columns)
        Grey values.
    grey : GreyScale
        Of the picture.

    Yields
    ------
    ndarray of float32
        Each look, to be answered with its maps.

    Returns
    -------
    float
        Factor by which to resize the picture.
    """
    scale = min((LOOK_PX / image.size) ** 0.5, 1.0)
    best = yield from _looked(image, grey, scale)
    while scale < 1.0 and _is_doubtful(best):
        scale = min(scale * FINER, 1.0)
        finer = yield from _looked(image, grey, scale)
        if _is_clearer(finer, best):
            best = finer
    if best.diameter_px is None:
        return 1.0
    return _scale_for(best.diameter_px / best.scale)


def resized(image: FloatImage, scale: float) -> FloatImage:
    """Resize a picture, averaging where it shrinks.

    Parameters
    ----------
    image : ndarray of float32, shape (rows, columns)
        Grey values.
    scale : float
        Factor; every axis keeps at least one pixel.

    Returns
    -------
    ndarray of float32
    """
    rows, columns = (max(round(length * scale), 1) for length in image.shape)
    if (rows, columns) == image.shape:
        return image
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return cv2.resize(image, (columns, rows), interpolation=method).astype(np.float32, copy=False)


def _middle(image: FloatImage, scale: float) -> FloatImage:
    """The middle of a picture at a scale, at most `LOOK_PX` pixels."""
    share = min((LOOK_PX / (image.size * scale * scale)) ** 0.5, 1.0)
    rows, columns = image.shape
    height, width = max(round(rows * share), 1), max(round(columns * share), 1)
    top, left = (rows - height) // 2, (columns - width) // 2
    return resized(image[top : top + height, left : left + width], scale)


def _scale_for(diameter_px: float) -> float:
    """Scale at which to view particles of a diameter in pixels of the picture."""
    largest = max(CHEAP_ENLARGEMENT, SMALL_VIEWING_DIAMETER_PX / diameter_px)
    return float(np.clip(VIEWING_DIAMETER_PX / diameter_px, SCALES[0], min(largest, SCALES[1])))


def _looked(image: FloatImage, grey: GreyScale, scale: float) -> Questions[_Look]:
    """Look at a picture, or its middle, at a scale."""
    maps = yield standardised(_middle(image, scale), grey)
    labels = split_instances(maps, ANY_SIZE)
    area = np.bincount(labels.ravel())[1:].astype(np.float64)
    if not area.size:
        return _Look(scale, None, np.inf)
    by_size = np.sort(area)
    typical = by_size[np.searchsorted(np.cumsum(by_size), area.sum() / 2)]
    disagreement = depth_disagreement(labels, maps)
    mean = (disagreement.mean() + (disagreement * area).sum() / area.sum()) / 2
    return _Look(scale, float(np.sqrt(4 * typical / np.pi)), float(mean))


def _is_doubtful(look: _Look) -> bool:
    return look.diameter_px is None or look.diameter_px < MIN_LOOK_DIAMETER_PX or look.disagreement > MAX_DISAGREEMENT


def _is_clearer(finer: _Look, coarser: _Look) -> bool:
    if finer.diameter_px is None:
        return False
    if coarser.diameter_px is None or coarser.diameter_px < MIN_LOOK_DIAMETER_PX:
        return True
    return finer.disagreement < CLEARER_SHARE * coarser.disagreement
