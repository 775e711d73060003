"""Caliper widths, hull pixels and enclosing rectangles of particles, all from the convex hulls of their pixel centres."""

from dataclasses import dataclass, fields

import cv2
import numpy as np

from shared.arrays import FloatArray, IntArray
from worker.analysis.label_map import Runs

# The cap between the outermost pixel centre and a tip's true end, px, is this over a power of the tip's widening. Chosen on
# drawn shapes: the mean errors of feret_max are then equally small on discs and ellipses (too large) and on rectangles at
# random angles (too small). Blunt tips get little, since of their many pixels those that reach furthest were chosen.
TIP_CAP_PX = 1.9
TIP_CAP_POWER = 1.5
# A tip is judged by what lies deeper than a twentieth of the diameter; nearer, single pixels decide.
DIAMETERS_PER_TIP_DEPTH = 20
# The smallest of many noisy widths is too small. On drawn discs of 4 to 16 px radius it is so by 0.3 to 0.45 px.
WIDTH_SELECTION_PX = 0.45
# The mean width of a hull of centres is too small, by 0.3 to 0.6 px on drawn discs of 4 to 40 px radius, by 1.1 to 1.3 px on
# rectangles; the middle of the two.
MEAN_WIDTH_CAP_PX = 0.8
# Hulls are measured together as long as their vertex pairs stay below this number (about 100 MB of intermediate arrays).
MAX_VERTEX_PAIRS = 2_000_000


@dataclass(frozen=True, slots=True)
class Calipers:
    """What the convex hull of a particle tells, one array of shape (n,) for each.

    Attributes
    ----------
    feret_max, feret_min, feret_mean : ndarray of float64
        Largest, smallest and mean caliper width, px.
    rectangle : ndarray of float64
        Area of the smallest rectangle around the particle, px².
    hull_pixels : ndarray of float64
        Pixel centres inside or on the hull.
    """

    feret_max: FloatArray
    feret_min: FloatArray
    feret_mean: FloatArray
    rectangle: FloatArray
    hull_pixels: FloatArray


@dataclass(frozen=True, slots=True)
class _Hulls:
    """Convex hulls of pixel centres: vertices (x, y) one after the other, and where each particle's begin."""

    vertices: FloatArray
    first: IntArray
    count: IntArray


def calipers(runs: Runs) -> Calipers:
    """Measure the hulls of all particles; a single pixel is 1 px wide in every direction."""
    hulls = _convex_hulls(runs)
    found = Calipers(*(np.ones(len(hulls.count)) for _ in fields(Calipers)))
    # Hulls with the same number of vertices form one array: a few dozen steps instead of one for each particle.
    for k in np.unique(hulls.count[hulls.count > 1]):
        alike = np.flatnonzero(hulls.count == k)
        for chosen in np.array_split(alike, -(-len(alike) * k * k // MAX_VERTEX_PAIRS)):
            measured = measure_hulls(hulls.vertices[hulls.first[chosen, None] + np.arange(k)])
            for name in Calipers.__slots__:
                getattr(found, name)[chosen] = getattr(measured, name)
    return found


def measure_hulls(hulls: FloatArray) -> Calipers:
    """Measure convex hulls of pixel centres that have equally many vertices.

    A hull of centres lies inside the true outline, so the projected width of the pixels at its two ends is added:

    - feret_max: the largest distance between two vertices, plus at each end half a pixel's width projected on that direction,
      (|cos θ| + |sin θ|)/2, where the tip is sharp, and less where it is blunt: 1.9/T^1.5, where the tip widens by T px for
      each px of depth. Many pixels lie near a blunt tip, so the outermost of them nearly reaches the outline; adding a whole
      pixel would make a disc of 8 px radius 5 % too large.
    - feret_min: the smallest width across an edge of the hull, plus the projected width of a pixel on the normal of that edge
      as the grid has it, namely the distance of its lattice lines, 1/√(p² + q²) for an edge in the direction (p, q); 1 px for
      an edge along a row. Hulls with no long edge opposite their width w get up to 0.45 px for the selection of the
      smallest of many widths: 0.45·(1 − L/w), L the length of the edge.
    - feret_mean: the hull's perimeter / π (Cauchy's formula for the mean width of a convex shape) + 0.8 px, not outside
      feret_min..feret_max.
    - rectangle: the smallest area of a rectangle with one side along an edge of the hull, both sides widened by the distance of
      the lattice lines: right on average for rectangles at any angle, 3.4 % too small for a disc of 8 px radius.

    Mean errors of the widths, and of the ratio of smallest to largest, over random positions and angles are below 2 % from 8 px
    radius (16 px width) up, on discs, ellipses and rectangles, and those of the widths below 5 % at 4 px; a single particle of
    8 px radius can be off by 5 to 6 %, since one row of pixels more or less is 6 %.

    Parameters
    ----------
    hulls : ndarray of float64, shape (m, k, 2)
        m hulls of k ≥ 2 vertices (x, y) each, in order, whole numbers, px.

    Returns
    -------
    Calipers
        Of shape (m,).
    """
    edges = np.roll(hulls, -1, axis=1) - hulls
    length = np.hypot(edges[..., 0], edges[..., 1])
    along_x, along_y = edges[..., 0] / length, edges[..., 1] / length
    step = _lattice_steps(edges)
    lattice = step / length
    # All of a hull lies on one side of each of its edges.
    width = _extent(hulls, -along_y, along_x)
    short_edge = np.maximum(width - length, 0) / np.maximum(width, 1)
    feret_max = _largest_widths(hulls)
    feret_min = np.minimum((width + lattice + WIDTH_SELECTION_PX * short_edge).min(axis=1), feret_max)
    return Calipers(
        feret_max=feret_max,
        feret_min=feret_min,
        feret_mean=np.clip(length.sum(axis=1) / np.pi + MEAN_WIDTH_CAP_PX, feret_min, feret_max),
        rectangle=((width + lattice) * (_extent(hulls, along_x, along_y) + lattice)).min(axis=1),
        hull_pixels=_hull_pixel_counts(hulls, step),
    )


def _extent(hulls: FloatArray, direction_x: FloatArray, direction_y: FloatArray) -> FloatArray:
    """Extent of each hull, (m, k, 2), along each of its directions, (m, k), px; shape (m, k)."""
    reach = direction_x[:, :, None] * hulls[:, None, :, 0] + direction_y[:, :, None] * hulls[:, None, :, 1]
    return np.asarray(reach.max(axis=2) - reach.min(axis=2), dtype=np.float64)


def _largest_widths(hulls: FloatArray) -> FloatArray:
    """Largest vertex distance plus the caps of both tips, px, shape (m,); of equal distances the one with the largest caps."""
    x, y = hulls[..., 0], hulls[..., 1]
    squared = (x[:, :, None] - x[:, None, :]) ** 2 + (y[:, :, None] - y[:, None, :]) ** 2
    longest = squared.max(axis=(1, 2))
    member, one, other = np.nonzero(np.triu(squared == longest[:, None, None]))
    across, diameter = hulls[member, one] - hulls[member, other], np.sqrt(longest[member])
    half_pixel = np.abs(across).sum(axis=1) / diameter / 2
    caps = sum(
        np.minimum(half_pixel, _blunt_cap_heights(hulls[member], hulls[member, end], inward))
        for end, inward in ((one, -across), (other, across))
    )
    widths = np.zeros(len(hulls))
    np.maximum.at(widths, member, diameter + caps)
    return widths


def _blunt_cap_heights(hulls: FloatArray, tip: FloatArray, inward: FloatArray) -> FloatArray:
    """Height of the cap beyond a tip, px, shape (m,); infinite for a tip without any width.

    Hulls (m, k, 2); `tip` (m, 2) is a vertex of each, and `inward` (m, 2) leads from it to the opposite tip.
    """
    offset = hulls - tip[:, None, :]
    # Both times the diameter, so that they stay whole numbers and no turn of the image changes what is deep enough.
    depth = (offset * inward[:, None, :]).sum(axis=2)
    across = offset[..., 1] * inward[:, None, 0] - offset[..., 0] * inward[:, None, 1]
    deep = depth * DIAMETERS_PER_TIP_DEPTH >= (inward**2).sum(axis=1)[:, None]
    slope = np.where(deep, across, 0) / np.where(deep, depth, 1)
    widening = slope.max(axis=1) - slope.min(axis=1)
    height = np.full(len(hulls), np.inf)
    np.divide(TIP_CAP_PX, widening**TIP_CAP_POWER, out=height, where=widening > 0)
    return height


def _lattice_steps(edges: FloatArray) -> IntArray:
    """Steps from pixel centre to pixel centre along each edge, shape (m, k)."""
    whole = np.abs(edges).astype(np.int64)
    return np.asarray(np.gcd(whole[..., 0], whole[..., 1]), dtype=np.int64)


def _hull_pixel_counts(hulls: FloatArray, steps: IntArray) -> FloatArray:
    """Pixel centres inside or on each hull, by Pick's theorem: N = A + B/2 + 1, B of them on the outline. Shape (m,)."""
    following = np.roll(hulls, -1, axis=1)
    twice_area = np.abs((hulls[..., 0] * following[..., 1] - hulls[..., 1] * following[..., 0]).sum(axis=1))
    return np.asarray((twice_area + steps.sum(axis=1)) / 2 + 1, dtype=np.float64)


def _convex_hulls(runs: Runs) -> _Hulls:
    """Convex hulls of the pixel centres; only the outermost two pixels of each particle's rows can lie on it."""
    rows = int(runs.row.max(initial=0)) + 1
    key = runs.particle * rows + runs.row
    order = np.argsort(key, kind="stable")
    new = np.diff(key[order], prepend=-1) != 0
    leftmost, rightmost = order[new], order[np.roll(new, -1)]
    points = np.empty((len(leftmost), 2, 2), dtype=np.int32)
    points[:, 0, 0], points[:, 1, 0] = runs.start[leftmost], runs.stop[rightmost] - 1
    points[:, :, 1] = runs.row[leftmost, None]
    ends = np.cumsum(np.bincount(runs.particle[leftmost], minlength=len(runs.numbers)))
    # A convex hull has no vectorised form; 5,000 calls take 30 ms.
    hulls = [cv2.convexHull(part.reshape(-1, 2))[:, 0] for part in np.split(points, ends[:-1])] if len(ends) else []
    count = np.array([len(hull) for hull in hulls], dtype=np.int64)
    vertices = np.concatenate(hulls) if hulls else np.empty((0, 2))
    return _Hulls(vertices.astype(np.float64), np.cumsum(count) - count, count)
