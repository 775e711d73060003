"""From the maps of the network to particles: markers on the deep parts, watershed over the foreground, specks and holes gone.

Everything works on whole arrays; nothing is repeated per particle.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from skimage.measure import label as connected_parts
from skimage.morphology import local_maxima
from skimage.segmentation import watershed

from shared.arrays import FloatImage, Labels, Mask

# Chosen on the validation split of EMPS (issue 3), where the results change little around them.
FOREGROUND_PROBABILITY = 0.5
# Share by which the depth, the distance map, is lowered where particles touch.
CONTACT_SHARE = 0.5
MARKER_STRIDE_PX = 2
# Specks below cannot be told from noise at the scale that the network sees.
MIN_AREA_PX = 12
# Larger holes are background that particles surround.
MAX_HOLE_PX = 150


@dataclass(frozen=True, slots=True)
class MarkerRule:
    """What makes a peak of the depth a particle.

    Attributes
    ----------
    smoothing_px : float
        Standard deviation of the Gaussian that takes ripples out of the depth.
    min_depth : float
        The peaks of shreds between particles, of texture and of letters stay below.
    peak_height : float
        A peak rises at least so far above the saddle to a higher one.
    """

    smoothing_px: float
    min_depth: float
    peak_height: float


# For particles of any size, as a first look meets them.
ANY_SIZE = MarkerRule(smoothing_px=1.5, min_depth=0.5, peak_height=0.15)
# For particles near the viewing diameter; those of less than a sixth of it are flattened by the smoothing.
VIEWING_SIZE = MarkerRule(smoothing_px=2.5, min_depth=0.55, peak_height=0.2)


@dataclass(frozen=True, slots=True)
class PixelMaps:
    """Maps of one picture, float32, each of shape (rows, columns).

    Attributes
    ----------
    foreground : ndarray
        Probability of being particle.
    distance : ndarray
        Distance from the outline of the particle, 0 there and 1 at its deepest point.
    contact : ndarray
        Probability of lying where two particles touch.
    """

    foreground: FloatImage
    distance: FloatImage
    contact: FloatImage


def split_instances(maps: PixelMaps, rule: MarkerRule) -> Labels:
    """Cut the foreground into particles.

    Parameters
    ----------
    maps : PixelMaps
        Of one picture, shape (rows, columns).
    rule : MarkerRule
        Which peaks of the depth are particles.

    Returns
    -------
    ndarray of int32, shape (rows, columns)
        0 is background, particles are 1..n.
    """
    mask = _without_holes(maps.foreground > FOREGROUND_PROBABILITY)
    if not mask.any():
        return np.zeros(mask.shape, dtype=np.int32)
    depth = _depth(maps, rule.smoothing_px)
    labels: Labels = watershed(-depth, _markers(depth, mask, rule), mask=mask)  # type: ignore[no-untyped-call]
    return _without_specks(labels)


def largest_parts(labels: Labels) -> Labels:
    """Keep the largest connected part of every label, because a particle is one piece (SCIENCE.md).

    Parameters
    ----------
    labels : ndarray of int32, shape (rows, columns)
        0 is background.

    Returns
    -------
    ndarray of int32, shape (rows, columns)
        Numbered 1..n.
    """
    parts = np.asarray(connected_parts(labels, background=0, connectivity=2), dtype=np.int32)  # type: ignore[no-untyped-call]
    area = np.bincount(parts.ravel())
    label_of_part = np.zeros(area.size, dtype=np.int32)
    label_of_part[parts.ravel()] = labels.ravel()
    # The last of equal labels after sorting by label, then area, is the largest part of the label.
    order = np.lexsort((area, label_of_part))
    is_last = np.append(np.diff(label_of_part[order]) != 0, [True])
    is_kept = np.zeros(area.size, dtype=np.bool_)
    is_kept[order[is_last]] = True
    is_kept[0] = False
    return numbered(is_kept)[parts]


def numbered(is_kept: Mask, first: int = 1) -> Labels:
    """Give new numbers to the labels that are kept, and 0 to the others.

    Parameters
    ----------
    is_kept : ndarray of bool, shape (n + 1,)
        For the background, which is not kept, and labels 1..n.
    first : int
        First new number.

    Returns
    -------
    ndarray of int32, shape (n + 1,)
        To be indexed with a label map.
    """
    return np.where(is_kept, np.cumsum(is_kept) + (first - 1), 0).astype(np.int32)


def _depth(maps: PixelMaps, smoothing_px: float) -> FloatImage:
    lowered = maps.distance * (1 - np.float32(CONTACT_SHARE) * maps.contact)
    return cv2.GaussianBlur(lowered, (0, 0), smoothing_px).astype(np.float32, copy=False)


def _markers(depth: FloatImage, mask: Mask, rule: MarkerRule) -> Labels:
    """Number the peaks that rise high enough above the saddles around them (h-maxima; P. Soille, 2003, section 6.3.4).

    On every second pixel: the network's own resolution is no finer, and the depth has been smoothed over more.
    """
    rows, columns = mask.shape
    ceiling = np.where(mask, depth, np.float32(0))[::MARKER_STRIDE_PX, ::MARKER_STRIDE_PX]
    domes = _flooded(ceiling - np.float32(rule.peak_height), ceiling)
    peaks = np.asarray(local_maxima(domes, connectivity=2), dtype=np.bool_)  # type: ignore[no-untyped-call]
    coarse = _parts(peaks & (ceiling > rule.min_depth))
    fine = coarse.repeat(MARKER_STRIDE_PX, axis=0).repeat(MARKER_STRIDE_PX, axis=1)[:rows, :columns]
    return np.where(mask, fine, 0).astype(np.int32)


def _flooded(seed: FloatImage, ceiling: FloatImage) -> FloatImage:
    """Reconstruction by dilation: raise the seed step by step, nowhere above the ceiling, until it is stable."""
    kernel = np.ones((3, 3), dtype=np.uint8)
    level = seed
    while True:
        raised = np.minimum(cv2.dilate(level, kernel), ceiling)
        if np.array_equal(raised, level):
            return raised.astype(np.float32, copy=False)
        level = raised


def _without_holes(mask: Mask) -> Mask:
    """Fill what particles enclose, unless it is as large as a space between particles."""
    parts = _parts(~mask, connectivity=4)
    area = np.bincount(parts.ravel())
    edges = np.unique(np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]]))
    is_filled = area <= MAX_HOLE_PX
    is_filled[edges] = False
    is_filled[0] = False
    return mask | is_filled[parts]


def _without_specks(labels: Labels) -> Labels:
    """Drop what is too small and number the rest 1..n."""
    is_kept = np.bincount(labels.ravel()) >= MIN_AREA_PX
    is_kept[0] = False
    return numbered(is_kept)[labels]


def _parts(mask: Mask, connectivity: int = 8) -> Labels:
    return np.asarray(cv2.connectedComponents(mask.astype(np.uint8), connectivity=connectivity, ltype=cv2.CV_32S)[1], np.int32)
