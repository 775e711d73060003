"""The classical segmentation that users know: flatten, threshold, fill, split by the watershed of the distance transform.

It needs no training and every step can be explained, so it is the baseline that the networks are measured against.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.morphology import local_maxima
from skimage.segmentation import watershed

from shared.arrays import FloatImage, IntArray, Labels, Mask
from shared.domain import ModelIdentity, Segmentation

# Noise is removed by a Gaussian of 2 px, of less in small pictures: 1 px where the shorter side has 256 or fewer. Never of
# more: noise is one pixel wide in a picture of any size, and so may be the gap between two particles.
SMOOTHING_SHARE = 2.0 / 512
SMOOTHING_RANGE_PX = (1.0, 2.0)

# Illumination varies over lengths of this share of the shorter side; larger particles would be flattened away.
ILLUMINATION_SHARE = 0.12
# The flattened picture is taken where the outline it gives is this many times steeper: an outline that follows a slope of
# the illumination crosses hardly any edge. Flattening also hollows large particles out, hence well above 1.
MIN_GAIN_BY_FLATTENING = 1.6

# Letters and their boxes are flat and as white or black as can be; their core holds a square of this side, in px, which
# noise breaks up elsewhere. Saturated specimen is spared by the limit on their share of the picture.
ANNOTATION_CORE_PX = 5
MAX_ANNOTATION_SHARE = 0.1
SATURATION = 1 / 255

# A mask that touches the frame of the picture more than it fills the middle is the background; likewise one whose pieces
# reach several sides. Both are shares; the second is spread 1.5 times as wide over micrographs, hence the weight.
SIDES_WEIGHT = 0.7

# Holes up to this share of the picture are the bright or dark middle of a particle.
MAX_HOLE_SHARE = 0.1
# Specks of less than 6 px across are noise.
MIN_DIAMETER_PX = 6.0
# Beside particles that make up half of all the area found, pieces of less than this share of their area are texture,
# dirt and burnt-in text.
MIN_AREA_SHARE = 0.1

# Two peaks of the distance transform are two particles if the neck between them is narrower than this share of the
# smaller one.
NECK_SHARE = 0.8
# Steps of the pixel grid along an outline raise ripples of less than a pixel in the distance.
DISTANCE_SMOOTHING_PX = 1.0
# Markers are found on a coarser grid where particles are large: of so many pixels, unless the small ones among them, the lowest
# tenth, would then have a radius of fewer grid points than this. The cut itself runs at full size.
MARKER_PIXELS = 300_000
MIN_MARKER_RADIUS = 6.0

IDENTITY = ModelIdentity("classical", "1")


@dataclass(frozen=True, slots=True)
class _Parts:
    """Connected parts of a mask, with the background as number 0.

    ``labels`` has shape (rows, columns), ``area`` in px² shape (parts + 1,), and ``sides``, whether a part touches the left,
    top, right and bottom edge of the picture, shape (parts + 1, 4).
    """

    labels: Labels
    area: IntArray
    sides: Mask


@dataclass(frozen=True, slots=True)
class ClassicalSegmenter:
    """Segmenter of the form that ``shared.domain.Segmenter`` describes; deterministic and without settings."""

    @property
    def identity(self) -> ModelIdentity:
        """Name and version stored with every analysis."""
        return IDENTITY

    def __call__(self, image: FloatImage) -> Segmentation:
        """Split a grey image into particles.

        Parameters
        ----------
        image : ndarray of float32, shape (rows, columns)
            Grey values in 0..1.

        Returns
        -------
        Segmentation
            Particles are 1..n in the order of the rows, none in a constant image; no confidence.
        """
        if image.size == 0 or float(np.ptp(image)) == 0.0:
            return Segmentation(np.zeros(image.shape, dtype=np.int32))
        return Segmentation(split_touching(particle_mask(image)))


def particle_mask(image: FloatImage) -> Mask:
    """Separate particles from background, whichever of the two is brighter.

    Parameters
    ----------
    image : ndarray of float32, shape (rows, columns)
        Grey values in 0..1, not constant.

    Returns
    -------
    ndarray of bool, shape (rows, columns)
        Holes filled, specks removed.
    """
    smooth = _smoothed(image)
    specimen = ~_annotations(image)
    raw, flat = _brighter(smooth, specimen), _brighter(_flattened(smooth), specimen)
    slope = np.where(specimen, _slope(smooth), 0)
    is_uneven = _steepness(flat, slope) > MIN_GAIN_BY_FLATTENING * _steepness(raw, slope)
    bright = flat if is_uneven else raw
    candidates = [_cleaned(bright), _cleaned(~bright)]
    return min(candidates, key=_background_likeness)


def split_touching(mask: Mask) -> Labels:
    """Cut a mask at the necks between touching particles.

    The watershed of the distance transform (S. Beucher and C. Lantuéjoul, 1979), flooded from maxima that stand out by a
    share of their own height, so that large and small particles are judged alike.

    Parameters
    ----------
    mask : ndarray of bool, shape (rows, columns)
        True on particles.

    Returns
    -------
    ndarray of int32, shape (rows, columns)
        0 is background, particles are 1..n.
    """
    if not mask.any():
        return np.zeros(mask.shape, dtype=np.int32)
    # The border of the picture is no border of a particle, so it adds no distance zero.
    distance_px = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    distance = cv2.GaussianBlur(distance_px, (0, 0), DISTANCE_SMOOTHING_PX).astype(np.float32, copy=False)
    labels = watershed(-distance, _markers(distance, mask), mask=mask)  # type: ignore[no-untyped-call]
    return _without_specks(labels)


def _smoothed(image: FloatImage) -> FloatImage:
    return cv2.GaussianBlur(image, (0, 0), _smoothing_px(image.shape)).astype(np.float32, copy=False)


def _smoothing_px(shape: tuple[int, ...]) -> float:
    """Width of the Gaussian that removes noise from a picture of this shape, px."""
    return float(np.clip(SMOOTHING_SHARE * min(shape), *SMOOTHING_RANGE_PX))


def _flattened(image: FloatImage) -> FloatImage:
    """Subtract what varies slowly: uneven illumination, charging, a bent film."""
    # A wide Gaussian on a small copy equals one on the picture, at a hundredth of the time.
    small = _shrunk(image, 128 * 128)
    sigma = max(ILLUMINATION_SHARE * min(small.shape), 1.0)
    slow = cv2.GaussianBlur(small, (0, 0), sigma)
    return (image - cv2.resize(slow, image.shape[::-1], interpolation=cv2.INTER_LINEAR)).astype(np.float32, copy=False)


def _annotations(image: FloatImage) -> Mask:
    """Text, bars and boxes written on the picture: they would decide where the threshold lies."""
    extreme = ((image <= SATURATION) | (image >= 1 - SATURATION)).astype(np.uint8)
    cores = cv2.erode(extreme, np.ones((ANNOTATION_CORE_PX, ANNOTATION_CORE_PX), np.uint8)) > 0
    parts = _parts(extreme, 8).labels
    is_written = np.zeros(int(parts.max()) + 1, dtype=np.bool_)
    is_written[parts[cores]] = True
    is_written[0] = False
    found = is_written[parts]
    if found.mean() > MAX_ANNOTATION_SHARE or not found.any():
        return np.zeros(image.shape, dtype=np.bool_)
    # The smoothed rim of a letter is as misleading as the letter.
    rim = 2 * round(2 * _smoothing_px(image.shape)) + 1
    return cv2.dilate(found.astype(np.uint8), np.ones((rim, rim), np.uint8)) > 0


def _brighter(image: FloatImage, specimen: Mask) -> Mask:
    """Brighter class of two (N. Otsu, 1979, doi 10.1109/TSMC.1979.4310076), the threshold taken from the specimen alone."""
    ends = np.percentile(image[specimen] if specimen.any() else image, (0.1, 99.9))
    low, high = float(ends[0]), float(ends[1])
    scale = 255.0 / (high - low) if high > low else 0.0
    levels = np.rint(np.clip((image - low) * scale, 0, 255)).astype(np.uint8)
    counts = np.bincount(levels[specimen], minlength=256).astype(np.float64)
    counts /= max(float(counts.sum()), 1.0)
    weight, moment = np.cumsum(counts), np.cumsum(counts * np.arange(256))
    inner = weight * (1 - weight)
    between = np.divide((moment[-1] * weight - moment) ** 2, inner, out=np.zeros(256), where=inner > 1e-12)
    # Empty levels between the classes all separate them equally well; their middle treats bright and dark alike.
    best = np.flatnonzero(between >= between.max() * (1 - 1e-9))
    return np.asarray(levels > best[[0, -1]].mean())


def _slope(image: FloatImage) -> FloatImage:
    across, down = (cv2.Sobel(image, cv2.CV_32F, dx, 1 - dx) for dx in (1, 0))
    return cv2.magnitude(across, down).astype(np.float32, copy=False)


def _steepness(mask: Mask, slope: FloatImage) -> float:
    """Mean slope of the picture along the outline of a mask."""
    outline = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
    return float(slope[outline].mean()) if outline.any() else 0.0


def _cleaned(mask: Mask) -> Mask:
    """Remove bridges and specks of a few pixels, and fill the holes inside particles."""
    radius = round(_smoothing_px(mask.shape))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    opened = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, disc)
    gaps = _parts((opened == 0).astype(np.uint8), 4)
    is_hole = ~gaps.sides.any(axis=1) & (gaps.area <= MAX_HOLE_SHARE * mask.size)
    is_hole[0] = False
    return np.asarray((opened > 0) | is_hole[gaps.labels])


def _background_likeness(mask: Mask) -> float:
    """How much more the mask lies on the frame of the picture than in its middle, and how many sides its pieces reach."""
    rows, columns = mask.shape
    middle = mask[rows // 8 : rows - rows // 8, columns // 8 : columns - columns // 8]
    frame = np.concatenate((mask[0], mask[-1], mask[:, 0], mask[:, -1]))
    parts = _parts(mask.astype(np.uint8), 8)
    total = parts.area[1:].sum()
    reach = float(parts.area[1:] @ parts.sides[1:].mean(axis=1) / total) if total else 1.0
    return float(frame.mean() - middle.mean()) + SIDES_WEIGHT * reach


def _parts(mask: NDArray[np.uint8], connectivity: int) -> _Parts:
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=connectivity)
    left, top, width, height, area = np.asarray(stats, dtype=np.int64).T
    rows, columns = mask.shape
    sides = np.stack((left == 0, top == 0, left + width == columns, top + height == rows), axis=1)
    return _Parts(np.asarray(labels, dtype=np.int32), area, sides)


def _markers(distance: FloatImage, mask: Mask) -> NDArray[np.int32]:
    """One marker for every maximum that stands out from its neck, found on a smaller grid; shape (rows, columns)."""
    small = _shrunk(distance, _marker_pixels(distance, mask))
    peaks = local_maxima(_flooded(small * NECK_SHARE, small), connectivity=2)  # type: ignore[no-untyped-call]
    markers = _parts((peaks & (small > 0)).astype(np.uint8), 8).labels
    grown = cv2.resize(markers, distance.shape[::-1], interpolation=cv2.INTER_NEAREST).astype(np.int32, copy=False)
    return np.where(mask, grown, 0).astype(np.int32)


def _marker_pixels(distance: FloatImage, mask: Mask) -> float:
    """Number of grid points on which even the small particles have a radius that a neck can be told from."""
    parts = _parts(mask.astype(np.uint8), 8)
    radius_px = np.zeros(len(parts.area))
    np.maximum.at(radius_px, parts.labels[mask], distance[mask])
    small_radius_px = float(np.percentile(radius_px[1:], 10))
    needed = distance.size * (MIN_MARKER_RADIUS / max(small_radius_px, MIN_MARKER_RADIUS)) ** 2
    return max(needed, MARKER_PIXELS)


def _flooded(seed: FloatImage, ceiling: FloatImage) -> FloatImage:
    """Reconstruction by dilation: raise the seed step by step, nowhere above the ceiling, until it is stable."""
    kernel = np.ones((3, 3), dtype=np.uint8)
    level = seed
    while True:
        raised = np.minimum(cv2.dilate(level, kernel), ceiling)
        if np.array_equal(raised, level):
            return raised.astype(np.float32, copy=False)
        level = raised


def _shrunk(image: FloatImage, pixels: float) -> FloatImage:
    factor = min((pixels / image.size) ** 0.5, 1.0)
    size = (max(round(image.shape[1] * factor), 1), max(round(image.shape[0] * factor), 1))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.float32, copy=False)


def _without_specks(labels: Labels) -> Labels:
    """Drop what is too small to be told from noise, or from the texture of larger particles, and number the rest 1..n."""
    smallest = np.pi / 4 * MIN_DIAMETER_PX**2
    area = np.bincount(labels.ravel())
    area[0] = 0
    ascending = np.sort(area)
    # The area-weighted median, and not the median, because texture outnumbers the particles.
    typical = ascending[np.searchsorted(np.cumsum(ascending), area.sum() / 2)]
    is_kept = area >= max(smallest, MIN_AREA_SHARE * typical)
    numbers = np.where(is_kept, np.cumsum(is_kept), 0).astype(np.int32)
    return numbers[labels]
