"""From the maps of the network to particles: markers on the deep parts, watershed over the foreground, specks and holes gone.

Everything works on whole arrays; nothing is repeated per particle.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from skimage.measure import label as connected_parts
from skimage.morphology import local_maxima
from skimage.segmentation import watershed

from shared.domain import FloatArray, FloatImage, Labels, Mask

# Chosen on the validation split of EMPS (issue 3), where the results change little around them.
FOREGROUND_PROBABILITY = 0.5
# Depth is the distance map, lowered where particles touch; its peaks are particles if they rise so far above the saddle to a
# higher one.
PEAK_HEIGHT = 0.15
CONTACT_SHARE = 0.5
SMOOTHING_PX = 1.5
# Even the deepest pixel of a shred between particles, of texture or of a letter stays below.
MIN_DEPTH = 0.5
# Specks below cannot be told from noise at the scale that the network sees.
MIN_AREA_PX = 12
# Larger holes are background that particles surround.
MAX_HOLE_PX = 150


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


@dataclass(frozen=True, slots=True)
class Instances:
    """Particles and how sure the network is of them.

    Attributes
    ----------
    labels : ndarray of int32, shape (rows, columns)
        0 is background, particles are 1..n.
    confidence : ndarray of float64, shape (n,)
        Mean probability of the foreground inside each particle.
    """

    labels: Labels
    confidence: FloatArray


def split_instances(maps: PixelMaps) -> Instances:
    """Cut the foreground into particles.

    Parameters
    ----------
    maps : PixelMaps
        Of one picture, shape (rows, columns).

    Returns
    -------
    Instances
    """
    mask = _without_holes(maps.foreground > FOREGROUND_PROBABILITY)
    if not mask.any():
        return Instances(np.zeros(mask.shape, dtype=np.int32), np.zeros(0))
    depth = _depth(maps)
    labels: Labels = watershed(-depth, _markers(depth, mask), mask=mask)  # type: ignore[no-untyped-call]
    return with_confidence(_without_specks(labels), maps.foreground)


def with_confidence(labels: Labels, foreground: FloatImage) -> Instances:
    """Average the probability of the foreground over each particle.

    Parameters
    ----------
    labels : ndarray of int32, shape (rows, columns)
        Particles 1..n.
    foreground : ndarray of float32, shape (rows, columns)
        Probability of being particle.

    Returns
    -------
    Instances
    """
    area = np.bincount(labels.ravel())
    total = np.bincount(labels.ravel(), weights=foreground.ravel())
    return Instances(labels, (total[1:] / np.maximum(area[1:], 1)).astype(np.float64))


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


def _depth(maps: PixelMaps) -> FloatImage:
    lowered = maps.distance * (1 - np.float32(CONTACT_SHARE) * maps.contact)
    return cv2.GaussianBlur(lowered, (0, 0), SMOOTHING_PX).astype(np.float32, copy=False)


def _markers(depth: FloatImage, mask: Mask) -> Labels:
    """Number the peaks that rise high enough above the saddles around them (h-maxima; P. Soille, 2003, section 6.3.4)."""
    ceiling = np.where(mask, depth, np.float32(0))
    domes = _flooded(ceiling - np.float32(PEAK_HEIGHT), ceiling)
    peaks: Mask = local_maxima(domes, connectivity=2)  # type: ignore[no-untyped-call]
    return _parts(peaks & mask & (depth > MIN_DEPTH))


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
