"""Outlines along the edges of the pixels: whoever fills them has exactly the pixels of the particle again."""

from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np

from shared.arrays import IntArray, Labels, Mask
from worker.analysis.label_map import bounding_boxes, particle_runs


class Traced(NamedTuple):
    """The outline of one particle.

    Attributes
    ----------
    label : int
        Its number in the label map.
    outer, holes : tuple of ndarray of int64, shape (k, 2)
        Closed polygons of (x, y) in px, the last point not repeated. (0, 0) is the corner of the first pixel, so pixel (0, 0)
        reaches from 0 to 1. There is one outer polygon for a particle in one piece.
    """

    label: int
    outer: tuple[IntArray, ...]
    holes: tuple[IntArray, ...]


def traced(labels: Labels) -> Iterator[Traced]:
    """Yield the outline of each particle of a label map, in ascending order of the labels.

    A polygon turns by right angles only, at the corners of pixels. Parts that touch at a corner of a pixel are one piece.
    """
    runs = particle_runs(labels)
    boxes = zip(*(side.tolist() for side in bounding_boxes(runs)), strict=True)
    for number, (top, bottom, left, right) in zip(runs.numbers.tolist(), boxes, strict=True):
        yield _trace(number, labels[top:bottom, left:right] == number, np.array([left, top]))


def _trace(label: int, mask: Mask, corner: IntArray) -> Traced:
    # OpenCV traces through the centres of the outermost pixels. In a picture of twice the size, each pixel has a centre beside
    # each of its edges: columns 2x and 2x + 1 of it stand for the edges x and x + 1.
    doubled = mask.repeat(2, axis=0).repeat(2, axis=1).view(np.uint8)
    contours, tree = cv2.findContours(doubled, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    polygons = [_corners((contour.reshape(-1, 2).astype(np.int64) + 1) // 2) + corner for contour in contours]
    # Column 3 of OpenCV's tree is the parent: holes have one.
    is_hole = tree[0][:, 3] >= 0
    return Traced(
        label,
        tuple(polygon for polygon, hole in zip(polygons, is_hole, strict=True) if not hole),
        tuple(polygon for polygon, hole in zip(polygons, is_hole, strict=True) if hole),
    )


def _corners(path: IntArray) -> IntArray:
    """Return the points of a closed path along the grid at which it turns."""
    x, y = path.T
    moves: Mask = (x != _next(x)) | (y != _next(y))
    path = path[moves]
    x, y = path.T
    is_vertical = x == _next(x)
    turns: Mask = is_vertical != np.concatenate([is_vertical[-1:], is_vertical[:-1]])
    return path[turns]


def _next(values: IntArray) -> IntArray:
    return np.concatenate([values[1:], values[:1]])
