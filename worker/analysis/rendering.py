"""Pictures for people: outlines, coloured overlays, previews and thumbnails. Nothing here is ever measured."""

import heapq
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.arrays import FloatArray, GreyImage, IntArray, Labels, Mask, Pixels
from worker.analysis.label_map import Runs, bounding_boxes, particle_runs

ColourImage = NDArray[np.uint8]

# Largest distance between an outline and its simplified polygon, px. With the corners that the tracing cuts the two differ by
# less than half a pixel.
OUTLINE_TOLERANCE_PX = 0.3
# The colours of M. Okabe and K. Ito, Color Universal Design (2008), https://jfly.uni-koeln.de/color/, which stay apart for all
# kinds of colour vision; black is left out because micrographs are dark.
OKABE_ITO_RGB = ((230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0), (204, 121, 167))
# A dotted outline of one pixel is drawn for so many px along it and left out for as many; a thicker one in proportion.
DOT_PX = 3
# Up to this side an outline of one pixel is still seen when the picture fills a screen of 1920 px.
THIN_OUTLINE_SIDE_PX = 1600
# A few hot or dead pixels must not take the contrast from the rest, %.
DARK_PERCENTILE, BRIGHT_PERCENTILE = 0.5, 99.5
# More pixels than this no longer change a percentile that is only for viewing.
PERCENTILE_SAMPLE_PX = 1_000_000
MID_GREY = 128


class Outline(NamedTuple):
    """One closed polygon of a particle's outline, shape (k, 2), (x, y) in px; a particle with holes has several."""

    label: int
    polygon: FloatArray


def outlines(labels: Labels) -> tuple[Outline, ...]:
    """Closed polygons around the particles.

    Parameters
    ----------
    labels : ndarray of int32, shape (rows, columns)
        Background 0.

    Returns
    -------
    tuple of Outline
        In ascending order of the labels; for each, the outer polygon first, then those of its holes (draw with the even-odd
        rule). Whole numbers are pixel centres, so pixel (0, 0) reaches from −0.5 to 0.5; the last point is not repeated.

    Notes
    -----
    Polygons run along the edges of the pixels and are simplified (Douglas–Peucker, 0.3 px); no point of them is more than
    half a pixel from the edge. Tracing is sequential, so particles are traced one by one by OpenCV, each in its bounding box.
    """
    runs = particle_runs(labels)
    top, bottom, left, right = bounding_boxes(runs)
    return tuple(
        Outline(int(number), polygon)
        for i, number in enumerate(runs.numbers)
        for polygon in _trace(labels[top[i] : bottom[i], left[i] : right[i]] == number, int(left[i]), int(top[i]))
    )


def overlay(pixels_8bit: GreyImage, labels: Labels, dotted: IntArray | None = None) -> ColourImage:
    """Micrograph with the outline of each particle drawn inside its own pixels, neighbours in different colours.

    Parameters
    ----------
    pixels_8bit : ndarray of uint8, shape (rows, columns)
        Grey picture, such as `preview` makes.
    labels : ndarray of int32, shape (rows, columns)
        Background 0.
    dotted : ndarray of int64, shape (k,), optional
        Labels of the particles whose outline is drawn dotted, such as those of low confidence.

    Returns
    -------
    ndarray of uint8, shape (rows, columns, 3)
        RGB. Outlines are 1 px wide up to 1600 px image side, 2 px above.
    """
    picture = np.repeat(pixels_8bit[:, :, None], 3, axis=2)
    runs = particle_runs(labels)
    if len(runs.numbers) == 0:
        return picture
    # With the frame repeated, the outline stays open where the image cuts a particle, as it should be seen.
    width = 1 if max(labels.shape) <= THIN_OUTLINE_SIDE_PX else 2
    framed = np.pad(labels, width, mode="edge")
    rows, columns = labels.shape
    at_edge = np.zeros(labels.shape, dtype=np.bool_)
    for shift in range(1, width + 1):
        for down, across in ((shift, 0), (-shift, 0), (0, shift), (0, -shift)):
            beside = framed[width + down : width + down + rows, width + across : width + across + columns]
            at_edge |= labels != beside
    at_edge &= labels != 0
    if dotted is not None and len(dotted):
        at_edge &= ~_gaps(labels, runs, dotted, width)
    colours = np.array(OKABE_ITO_RGB, dtype=np.uint8)[_distinct_colours(labels, runs.numbers)]
    picture[at_edge] = colours[np.searchsorted(runs.numbers, labels[at_edge])]
    return picture


def preview(pixels: Pixels) -> GreyImage:
    """8-bit picture for viewing, its contrast stretched from the 0.5th to the 99.5th percentile.

    Parameters
    ----------
    pixels : ndarray of uint8, uint16 or float32, shape (rows, columns)
        Values that are not finite are shown black.

    Returns
    -------
    ndarray of uint8, shape (rows, columns)
        An image of one value is mid-grey.
    """
    stride = max(1, int(np.sqrt(pixels.size / PERCENTILE_SAMPLE_PX)))
    sample = pixels[::stride, ::stride]
    finite = sample[np.isfinite(sample)].astype(np.float64)
    if finite.size == 0:
        return np.zeros(pixels.shape, dtype=np.uint8)
    dark, bright = np.percentile(finite, (DARK_PERCENTILE, BRIGHT_PERCENTILE))
    if dark == bright:
        # Few pixels differ, or none: the extremes are all the contrast there is.
        dark, bright = finite.min(), finite.max()
    if dark == bright:
        return np.full(pixels.shape, MID_GREY, dtype=np.uint8)
    if pixels.dtype.kind == "u":
        # Each of the 256 or 65,536 values is stretched once, and the image only looks them up.
        return _stretched(np.arange(2 ** (8 * pixels.dtype.itemsize)), float(dark), float(bright))[pixels]
    return _stretched(pixels, float(dark), float(bright))


def thumbnail(preview: GreyImage, longest_side_px: int) -> GreyImage:
    """Smaller picture of the same proportions, each pixel the mean of those it covers; never enlarged.

    Parameters
    ----------
    preview : ndarray of uint8, shape (rows, columns)
        Grey picture.
    longest_side_px : int
        Longest side of the result, px.

    Returns
    -------
    ndarray of uint8
        Each side at least 1 px.
    """
    rows, columns = preview.shape
    scale = longest_side_px / max(rows, columns)
    if scale >= 1:
        return preview.copy()
    size = max(1, round(columns * scale)), max(1, round(rows * scale))
    return np.asarray(cv2.resize(preview, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _stretched(values: NDArray[np.generic], dark: float, bright: float) -> GreyImage:
    """Values from dark to bright as grey 0 to 255; those that are not finite are black."""
    # In double precision, since the range of float32 values can exceed the largest float32.
    grey = (np.asarray(values, dtype=np.float64) - dark) * (255 / (bright - dark))
    grey[~np.isfinite(grey)] = 0
    return np.asarray(np.clip(grey, 0, 255).round(), dtype=np.uint8)


def _trace(mask: NDArray[np.bool_], left: int, top: int) -> tuple[FloatArray, ...]:
    """Polygons of one particle whose bounding box begins at (left, top), px, outer ones first."""
    rows, columns = mask.shape
    # On a grid of half pixels, a pixel is its centre, its four edges and its four corners: what OpenCV traces through the
    # outermost points is then the edge of the pixels, not a line through their centres half a pixel further in.
    fine = np.zeros((2 * rows + 1, 2 * columns + 1), dtype=np.uint8)
    doubled = mask.repeat(2, axis=0).repeat(2, axis=1).view(np.uint8)
    for down in (0, 1):
        for across in (0, 1):
            fine[down : down + 2 * rows, across : across + 2 * columns] |= doubled
    contours, tree = cv2.findContours(fine, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    # Column 3 of OpenCV's tree is the parent: holes have one.
    order = np.argsort(tree[0][:, 3] >= 0, kind="stable")
    return tuple(_simplified(contours[i]) / 2 - 0.5 + (left, top) for i in order)


def _simplified(contour: NDArray[np.generic]) -> FloatArray:
    """Polygon of shape (k, 2) within the tolerance of a contour traced in half pixels; unchanged if it would collapse."""
    polygon = cv2.approxPolyDP(np.asarray(contour, dtype=np.int32), 2 * OUTLINE_TOLERANCE_PX, closed=True)
    kept = polygon if len(polygon) >= 3 else contour
    return np.asarray(kept, dtype=np.float64).reshape(-1, 2)


def _gaps(labels: Labels, runs: Runs, dotted: IntArray, width: int) -> Mask:
    """Pixels that the outlines of some particles, ``width`` px wide, leave out so that they look dotted."""
    gaps = np.zeros(labels.shape, dtype=np.bool_)
    top, bottom, left, right = bounding_boxes(runs)
    for i in np.flatnonzero(np.isin(runs.numbers, dotted)):
        box = slice(top[i], bottom[i]), slice(left[i], right[i])
        mask = labels[box] == runs.numbers[i]
        drawn = np.zeros(mask.shape, dtype=np.uint8)
        # The contour is walked pixel by pixel, so that dots are as long on slanted parts as on straight ones.
        for contour in cv2.findContours(mask.view(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)[0]:
            steps = contour[:, 0]
            left_out = steps[np.arange(len(steps)) // (DOT_PX * width) % 2 == 1]
            drawn[left_out[:, 1], left_out[:, 0]] = 1
        if width > 1:
            drawn = cv2.dilate(drawn, np.ones((2 * width - 1, 2 * width - 1), dtype=np.uint8)).astype(np.uint8)
        gaps[box] |= mask & (drawn > 0)
    return gaps


def _distinct_colours(labels: Labels, numbers: IntArray) -> IntArray:
    """Number of a colour for each particle, shape (n,): particles that lie side by side differ.

    The neighbours are those of the Voronoi cells, which form a planar graph. Taking out the node with fewest neighbours, over
    and over, and colouring in reverse order needs at most six colours for such a graph (D. W. Matula and L. L. Beck, J. ACM
    30 (1983) 417); should more be needed, two neighbours share one.
    """
    neighbours = _voronoi_neighbours(labels, numbers)
    degree = [len(beside) for beside in neighbours]
    queue = [(count, node) for node, count in enumerate(degree)]
    heapq.heapify(queue)
    removed: dict[int, None] = {}
    while queue:
        count, node = heapq.heappop(queue)
        if node in removed or count != degree[node]:
            continue
        removed[node] = None
        for beside in neighbours[node]:
            degree[beside] -= 1
            heapq.heappush(queue, (degree[beside], beside))
    colour = np.full(len(numbers), -1, dtype=np.int64)
    for node in reversed(removed):
        used = {int(colour[beside]) for beside in neighbours[node]}
        # Beginning at a different colour each time uses the whole cycle instead of mostly its first three.
        cycle = [(node + step) % len(OKABE_ITO_RGB) for step in range(len(OKABE_ITO_RGB))]
        colour[node] = next((c for c in cycle if c not in used), cycle[0])
    return colour


def _voronoi_neighbours(labels: Labels, numbers: IntArray) -> list[set[int]]:
    """Positions in ``numbers`` of the particles whose Voronoi cells touch, for each particle."""
    # Cells need no more detail than a screen shows; a particle lost between the chosen pixels keeps any colour.
    stride = -(-max(labels.shape) // THIN_OUTLINE_SIDE_PX)
    coarse = labels[::stride, ::stride]
    background = (coarse == 0).astype(np.uint8)
    if background.all():
        return [set() for _ in numbers]
    _, seed = cv2.distanceTransformWithLabels(background, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    particle_of_seed = np.zeros(int(seed.max()) + 1, dtype=np.int32)
    inside = background == 0
    particle_of_seed[seed[inside]] = np.searchsorted(numbers.astype(np.int32), coarse[inside])
    cells = particle_of_seed[seed]
    neighbours: list[set[int]] = [set() for _ in numbers]
    for one, other in ((cells[:, :-1], cells[:, 1:]), (cells[:-1], cells[1:])):
        differ = one != other
        pairs = np.unique(one[differ].astype(np.int64) * len(numbers) + other[differ])
        for pair in pairs.tolist():
            a, b = divmod(pair, len(numbers))
            neighbours[a].add(b)
            neighbours[b].add(a)
    return neighbours
