"""What the border of the field does to a sample of particles: which ones it cuts, and the weights that make up for those."""

from collections.abc import Sequence

import numpy as np

from shared.arrays import FloatArray, IntArray, Labels, Mask
from shared.geometry import AnalysedField, Box
from shared.quantities import MAX_EDGE_WEIGHT
from worker.analysis.label_map import Runs


def touches_border(runs: Runs, shape: tuple[int, ...]) -> Mask:
    """Whether a run of the particle lies on the first or last row or column, shape (n,)."""
    rows, columns = shape
    at_edge = (runs.row == 0) | (runs.row == rows - 1) | (runs.start == 0) | (runs.stop == columns)
    touches = np.zeros(len(runs.numbers), dtype=np.bool_)
    touches[runs.particle[at_edge]] = True
    return touches


def touches_any(labels: Labels, numbers: IntArray, boxes: Sequence[Box]) -> Mask:
    """Whether a pixel of the particle lies next to one of the boxes, corners included, shape (n,)."""
    beside = [labels[max(box.top - 1, 0) : box.bottom + 1, max(box.left - 1, 0) : box.right + 1].ravel() for box in boxes]
    return np.isin(numbers, np.unique(np.concatenate(beside))) if beside else np.zeros(len(numbers), dtype=np.bool_)


def edge_weights(runs: Runs, field: AnalysedField) -> FloatArray:
    """Weight of each particle in place of those of its size that the border cut off, shape (n,).

    Notes
    -----
    A particle with a bounding box of d_x × d_y lies wholly inside a field of W × H with the probability
    P = (W − d_x)(H − d_y)/(W·H), if its position is random. Counted 1/P times, the particles inside stand for all
    (R. E. Miles, On the elimination of edge effects in planar sampling, in: Stochastic Geometry, Wiley 1974; C. Lantuéjoul,
    Computation of the histograms of the number of edges and neighbours of cells in a tessellation, 1978). Not above 5: of a
    particle that nearly spans the field one more or less would decide everything.
    """
    height, width = field.bottom - field.top, field.right - field.left
    n = len(runs.numbers)
    lowest, highest = np.full((2, n), np.iinfo(np.int64).max), np.full((2, n), -1)
    for axis, (first, last) in enumerate(((runs.row, runs.row), (runs.start, runs.stop - 1))):
        np.minimum.at(lowest[axis], runs.particle, first)
        np.maximum.at(highest[axis], runs.particle, last)
    extent_y, extent_x = highest - lowest + 1
    inside = (width - extent_x) * (height - extent_y) / (width * height)
    return np.asarray(1 / np.maximum(inside, 1 / MAX_EDGE_WEIGHT), dtype=np.float64)
