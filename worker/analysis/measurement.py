"""Sizes and shapes of all particles of a label map, by one vectorised pass over the map.

Conventions: a pixel is a unit square around its centre, a point is the centre of a pixel, and no boundary is ever smoothed.
scikit-image gives the same areas, centroids and perimeters and is the oracle of the tests; this is about 15 times faster
(benchmarks/measurement.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from shared.arrays import FloatArray, IntArray, Labels, Mask
from shared.geometry import AnalysedField, Box
from shared.nanometres import calibrate
from shared.quantities import ParticleTable
from worker.analysis.label_map import Runs, particle_runs

# The cap between the outermost pixel centre and a blunt tip's true end, px: as high as makes this area on the width the tip has
# 1 px in. Chosen on drawn shapes: the mean error of feret_max is then equally small on discs (too large) and on squares at
# random angles (too small).
TIP_CAP_AREA_PX = 1.2
# A tip is judged by what lies deeper than a twentieth of the diameter; nearer, single pixels decide.
DIAMETERS_PER_TIP_DEPTH = 20
# The smallest of many noisy widths is too small. On drawn discs of 4 to 16 px radius it is so by 0.3 to 0.45 px.
WIDTH_SELECTION_PX = 0.4
# Hulls are measured together as long as their vertex pairs stay below this number (about 100 MB of intermediate arrays).
MAX_VERTEX_PAIRS = 2_000_000


@dataclass(frozen=True, slots=True)
class _Hulls:
    """Convex hulls of pixel centres: vertices (x, y) one after the other, and where each particle's begin."""

    vertices: FloatArray
    first: IntArray
    count: IntArray


def measure(labels: Labels, field: AnalysedField, nm_per_px: float | None, annotations: Sequence[Box] = ()) -> ParticleTable:
    """Measure every particle of a label map.

    Parameters
    ----------
    labels : ndarray of int32, shape (rows, columns)
        Background 0. The numbers need not be consecutive. Has the size of the whole image; nothing outside `field` is measured.
    field : AnalysedField
        The rectangle of the image that shows specimen.
    nm_per_px : float or None
        Pixel size, nm. With None the ``_nm`` and ``_nm2`` columns are None.
    annotations : sequence of Box
        Parts of the field that are no specimen: what lies next to them may be cut by them, as by the edge of the field.

    Returns
    -------
    ParticleTable
        One row for each number in the field, in ascending order of the numbers; no rows for an empty map.

    Notes
    -----
    - area A: number of pixels; ecd = √(4A/π).
    - perimeter P: Crofton formula over four directions, see `crofton_perimeters`. The rim of a hole counts.
    - feret_max, feret_min: caliper widths, see `caliper_widths`.
    - aspect_ratio = feret_min / feret_max; circularity = 4πA/P², not clipped.
    - solidity = A / number of pixel centres inside or on the convex hull of the particle's pixel centres. It is 1 for every
      shape drawn from a convex outline, at any angle and position, and never above 1. (A hull of pixel corners gives 0.94 for
      a disc of 8 px radius; scikit-image counts the pixels within a hull of edge midpoints, a few percent more.)

    Examples
    --------
    >>> table = measure(np.array([[0, 7, 7], [0, 7, 7]], dtype=np.int32), AnalysedField(0, 2, 0, 3), nm_per_px=2.0)
    >>> table.label.tolist(), table.area_px.tolist(), table.area_nm2.tolist(), table.touches_border.tolist()
    ([7], [4], [16.0], [True])
    """
    inside = labels[field.slices]
    runs = particle_runs(inside)
    area = _sum_by_particle(runs, runs.stop - runs.start)
    perimeter = crofton_perimeters(inside, runs.numbers)
    feret_max, feret_min, hull_pixels = _measure_hulls(_convex_hulls(runs))
    particles = ParticleTable(
        label=runs.numbers,
        centroid_y_px=_sum_by_particle(runs, (runs.stop - runs.start) * runs.row) / area + field.top,
        centroid_x_px=_sum_by_particle(runs, (runs.stop - runs.start) * (runs.start + runs.stop - 1)) / (2 * area) + field.left,
        area_px=area.astype(np.int64),
        area_nm2=None,
        ecd_px=np.sqrt(4 * area / np.pi),
        ecd_nm=None,
        perimeter_px=perimeter,
        perimeter_nm=None,
        feret_max_px=feret_max,
        feret_max_nm=None,
        feret_min_px=feret_min,
        feret_min_nm=None,
        aspect_ratio=feret_min / feret_max,
        circularity=4 * np.pi * area / perimeter**2,
        solidity=area / hull_pixels,
        touches_border=_touches_border(runs, inside.shape) | _touches_any(labels, runs.numbers, annotations),
    )
    return particles if nm_per_px is None else calibrate(particles, nm_per_px)


def crofton_perimeters(labels: Labels, numbers: IntArray) -> FloatArray:
    """Perimeters of all particles by the Crofton formula over four directions.

    P = π/8 · (t₀ + t₉₀ + (t₄₅ + t₁₃₅)/√2), where t counts the pairs of neighbouring pixels, in that direction, of which
    exactly one belongs to the particle; lines at 45° lie 1/√2 px apart. The other pixel may be background, another particle
    or beyond the edge of the map. Equals `skimage.measure.perimeter_crofton(directions=4)` for each particle alone.

    Parameters
    ----------
    labels : ndarray of int32, shape (rows, columns)
        Background 0.
    numbers : ndarray of int64, shape (n,)
        All numbers in the map, ascending.

    Returns
    -------
    ndarray of float64, shape (n,)
        Perimeters, px.

    References
    ----------
    S. Rigollet, Étude et réalisation de fonctions de mesures stéréologiques (2004); G. Lehmann and D. Legland, Efficient
    N-dimensional surface estimation using Crofton formula and run-length encoding, Insight Journal (2012).
    """
    # With a frame of background, a step in the flattened array is a step in the image: no pair wraps round into a particle.
    padded = np.pad(labels, 1)
    width = padded.shape[1]
    flat = padded.ravel()
    perimeter = np.zeros(len(numbers))
    for step, spacing_px in ((1, 1.0), (width, 1.0), (width + 1, np.sqrt(0.5)), (width - 1, np.sqrt(0.5))):
        change = np.flatnonzero(flat[:-step] != flat[step:])
        sides = np.concatenate([flat[change], flat[change + step]])
        # Values and numbers of one type, or searchsorted would first copy the values.
        particle = np.searchsorted(numbers.astype(np.int32), sides[sides != 0])
        perimeter += np.pi / 8 * spacing_px * np.bincount(particle, minlength=len(numbers))
    return perimeter


def caliper_widths(hulls: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Largest and smallest Feret diameter of convex hulls of pixel centres.

    A hull of centres lies inside the true outline, so the projected width of the pixels at its two ends is added:

    - feret_max: the largest distance between two vertices, plus at each end half a pixel's width projected on that direction,
      (|cos θ| + |sin θ|)/2, where the tip is sharp, and less where it is blunt: a/T, where the tip widens by T for each px of
      depth and a = 1.2 px. Many pixels lie near a blunt tip, so the outermost of them nearly reaches the outline; adding a
      whole pixel would make a disc of 8 px radius 5 % too large.
    - feret_min: the smallest width across an edge of the hull, plus the projected width of a pixel on the normal of that edge
      as the grid has it, namely the distance of its lattice lines, 1/√(p² + q²) for an edge in the direction (p, q); 1 px for
      an edge along a row. Hulls with no long edge opposite their width w get up to 0.4 px for the selection of the smallest
      of many widths: 0.4·(1 − L/w), L the length of the edge.

    Mean errors over random positions and angles are below 2 % from 8 px radius (16 px width) up and below 5 % at 4 px, on
    discs and rectangles; a single particle of 8 px radius can be off by 5 to 6 %, since one row of pixels more or less is 6 %.

    Parameters
    ----------
    hulls : ndarray of float64, shape (m, k, 2)
        m hulls of k ≥ 2 vertices (x, y) each, in order, whole numbers, px.

    Returns
    -------
    feret_max, feret_min : ndarray of float64, shape (m,)
        Diameters, px.
    """
    feret_max = _largest_widths(hulls)
    edges = np.roll(hulls, -1, axis=1) - hulls
    length = np.hypot(edges[..., 0], edges[..., 1])
    # Distance of every vertex from the line through every edge; all lie on one side of it, so the largest is the width.
    normal_x, normal_y = -edges[..., 1] / length, edges[..., 0] / length
    reach = normal_x[:, :, None] * hulls[:, None, :, 0] + normal_y[:, :, None] * hulls[:, None, :, 1]
    width = reach.max(axis=2) - reach.min(axis=2)
    short_edge = np.maximum(width - length, 0) / np.maximum(width, 1)
    feret_min = (width + _lattice_steps(edges) / length + WIDTH_SELECTION_PX * short_edge).min(axis=1)
    return feret_max, np.minimum(feret_min, feret_max)


def _largest_widths(hulls: FloatArray) -> FloatArray:
    """Largest vertex distance plus the caps of both tips, px, shape (m,); of equal distances the one with the largest caps."""
    between = hulls[:, :, None, :] - hulls[:, None, :, :]
    squared = (between**2).sum(axis=3)
    longest = squared.max(axis=(1, 2))
    member, one, other = np.nonzero(np.triu(squared == longest[:, None, None]))
    across, diameter = between[member, one, other], np.sqrt(longest[member])
    half_pixel = np.abs(across).sum(axis=1) / diameter / 2
    caps = sum(
        np.minimum(half_pixel, _blunt_cap_heights(hulls[member], hulls[member, end], inward))
        for end, inward in ((one, -across), (other, across))
    )
    widths = np.zeros(len(hulls))
    np.maximum.at(widths, member, diameter + caps)
    return widths


def _blunt_cap_heights(hulls: FloatArray, tip: FloatArray, inward: FloatArray) -> FloatArray:
    """Height a/T of the cap beyond a tip, px, shape (m,); infinite for a tip without any width.

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
    np.divide(TIP_CAP_AREA_PX, widening, out=height, where=widening > 0)
    return height


def _lattice_steps(edges: FloatArray) -> IntArray:
    """Steps from pixel centre to pixel centre along each edge, shape (m, k)."""
    whole = np.abs(edges).astype(np.int64)
    return np.asarray(np.gcd(whole[..., 0], whole[..., 1]), dtype=np.int64)


def _hull_pixel_counts(hulls: FloatArray) -> FloatArray:
    """Pixel centres inside or on each hull, by Pick's theorem: N = A + B/2 + 1, B of them on the outline. Shape (m,)."""
    following = np.roll(hulls, -1, axis=1)
    twice_area = np.abs((hulls[..., 0] * following[..., 1] - hulls[..., 1] * following[..., 0]).sum(axis=1))
    on_outline = _lattice_steps(following - hulls).sum(axis=1)
    return np.asarray((twice_area + on_outline) / 2 + 1, dtype=np.float64)


def _measure_hulls(hulls: _Hulls) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Feret diameters, px, and hull pixel counts of all particles, shape (n,) each. A single pixel is 1 px wide."""
    feret_max, feret_min, pixels = (np.ones(len(hulls.count)) for _ in range(3))
    # Hulls with the same number of vertices form one array: a few dozen steps instead of one for each particle.
    for k in np.unique(hulls.count[hulls.count > 1]):
        alike = np.flatnonzero(hulls.count == k)
        for chosen in np.array_split(alike, -(-len(alike) * k * k // MAX_VERTEX_PAIRS)):
            corners = hulls.vertices[hulls.first[chosen, None] + np.arange(k)]
            feret_max[chosen], feret_min[chosen] = caliper_widths(corners)
            pixels[chosen] = _hull_pixel_counts(corners)
    return feret_max, feret_min, pixels


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


def _sum_by_particle(runs: Runs, values: IntArray) -> FloatArray:
    """Sum over the runs of each particle, shape (n,); exact, since doubles hold whole numbers up to 2⁵³."""
    sums = np.bincount(runs.particle, weights=values, minlength=len(runs.numbers))
    return np.asarray(sums, dtype=np.float64)


def _touches_border(runs: Runs, shape: tuple[int, ...]) -> Mask:
    """Whether a run of the particle lies on the first or last row or column, shape (n,)."""
    rows, columns = shape
    at_edge = (runs.row == 0) | (runs.row == rows - 1) | (runs.start == 0) | (runs.stop == columns)
    touches = np.zeros(len(runs.numbers), dtype=np.bool_)
    touches[runs.particle[at_edge]] = True
    return touches


def _touches_any(labels: Labels, numbers: IntArray, boxes: Sequence[Box]) -> Mask:
    """Whether a pixel of the particle lies next to one of the boxes, corners included, shape (n,)."""
    beside = [labels[max(box.top - 1, 0) : box.bottom + 1, max(box.left - 1, 0) : box.right + 1].ravel() for box in boxes]
    return np.isin(numbers, np.unique(np.concatenate(beside))) if beside else np.zeros(len(numbers), dtype=np.bool_)
