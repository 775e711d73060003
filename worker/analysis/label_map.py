"""Label maps: checking those made elsewhere, and the runs of pixels that every measurement starts from.

A label map is an int32 array of shape (rows, columns) with background 0; each other number is one particle.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.measure import label as label_connected

from shared.arrays import IntArray, Labels
from shared.errors import InputError

LARGEST_LABEL = int(np.iinfo(np.int32).max)
# In skimage's count of neighbours, 2 means that pixels which share only a corner belong together (8-connectivity).
EIGHT_CONNECTED = 2
# Grey with alpha, red-green-blue, and that with alpha.
COLOUR_CHANNELS = (2, 3, 4)
# A message that names more labels than this is no longer read.
MAX_LABELS_NAMED = 10


@dataclass(frozen=True, slots=True)
class Runs:
    """Horizontal runs of equal labels: a label map without its background.

    Attributes
    ----------
    numbers : ndarray of int64, shape (n,)
        Numbers of the particles as they stand in the map, ascending.
    particle : ndarray of int64, shape (r,)
        For each run, the position of its particle in ``numbers``.
    row, start, stop : ndarray of int64, shape (r,)
        Row of the run, its first column, and the column after its last, px. Runs are in row-major order.
    """

    numbers: IntArray
    particle: IntArray
    row: IntArray
    start: IntArray
    stop: IntArray


def labels_from_array(array: NDArray[Any]) -> Labels:
    """Label map from an array that was made elsewhere.

    Parameters
    ----------
    array : ndarray, shape (rows, columns)
        Integers, or floats with whole values, 0 for background. A bool array is a mask, which has no numbers: each of its
        8-connected parts becomes a particle. Further axes of one place each do not count.

    Returns
    -------
    ndarray of int32, shape (rows, columns)
        The same numbers; gaps in the numbering stay.

    Raises
    ------
    InputError
        With the code ``labels_rgb``, ``labels_several_images``, ``labels_not_2d``, ``labels_empty``, ``labels_not_numeric``,
        ``labels_not_finite``, ``labels_not_whole``, ``labels_negative``, ``labels_too_large`` or ``labels_not_contiguous``.
        The last one carries the labels concerned in ``details["labels"]``.

    Examples
    --------
    >>> labels_from_array(np.array([[0.0, 3.0], [0.0, 3.0]])).tolist()
    [[0, 3], [0, 3]]
    """
    array = one_image(array)
    if array.size == 0:
        raise InputError("The label map has no pixels.", code="labels_empty")
    if array.dtype == np.bool_:
        return _connected_parts(array)
    _require_label_numbers(array)
    labels: Labels = array.astype(np.int32)
    _require_one_part_each(labels)
    return labels


def one_image(array: NDArray[Any]) -> NDArray[Any]:
    """Return an array that was made elsewhere as rows and columns, without axes of one place.

    Raises
    ------
    InputError
        ``labels_rgb``, ``labels_several_images`` or ``labels_not_2d``.
    """
    if array.ndim > 2:
        array = array.squeeze()
    if array.ndim == 3 and array.shape[2] in COLOUR_CHANNELS:
        raise InputError(
            "The label map is a colour picture, and colours are no numbers. Save it as one grey image of 8, 16 or 32 bit, "
            "without a colour table, whose values are the numbers of the particles.",
            code="labels_rgb",
        )
    if array.ndim > 2:
        raise InputError(
            f"The file holds {int(np.prod(array.shape[:-2]))} images, and a label map is one. Save each of them by itself.",
            code="labels_several_images",
        )
    if array.ndim != 2:
        raise InputError(
            f"A label map has two dimensions, rows and columns; this array has {array.ndim}. Save it as one grey image.",
            code="labels_not_2d",
        )
    return array


def numbers_before(labels: Labels, before: Labels) -> IntArray:
    """Numbers that particles had in an earlier map, of which this one shows parts, numbered anew.

    Parameters
    ----------
    labels : ndarray of int32, shape (rows, columns)
        Particles 1..n.
    before : ndarray of int32, shape (rows, columns)
        The map that they come from.

    Returns
    -------
    ndarray of int64, shape (n,)
        For each particle 1..n its number in the earlier map.
    """
    numbers = np.zeros(int(labels.max(initial=0)) + 1, dtype=np.int64)
    numbers[labels.ravel()] = before.ravel()
    return numbers[1:]


def numbered_as_before(labels: Labels, before: Labels) -> Labels:
    """Give the particles of a map the numbers that they had in an earlier one, of which it shows parts.

    Parameters
    ----------
    labels : ndarray of int32, shape (rows, columns)
        Particles 1..n.
    before : ndarray of int32, shape (rows, columns)
        The map that they come from.

    Returns
    -------
    ndarray of int32, shape (rows, columns)
        The first part of each particle has its number, further ones have numbers that no particle of `before` has.
    """
    numbers = numbers_before(labels, before)
    first = np.unique(numbers, return_index=True)[1]
    further = np.setdiff1d(np.arange(len(numbers)), first)
    taken = np.unique(before)
    numbers[further] = np.setdiff1d(np.arange(1, len(taken) + len(further) + 1), taken)[: len(further)]
    return np.concatenate([[0], numbers]).astype(np.int32)[labels]


def particle_runs(labels: Labels) -> Runs:
    """Runs of equal labels along the rows.

    Areas, centroids, boxes and convex hulls all follow from the runs, and there are about thirty times fewer of them than
    pixels, so the map itself is read only once.

    Parameters
    ----------
    labels : ndarray of int32, shape (rows, columns)
        Background 0; the numbers need not be consecutive.

    Returns
    -------
    Runs
    """
    # One background column on each side makes every run begin and end inside the flattened array.
    padded = np.pad(labels, ((0, 0), (1, 1)))
    width = padded.shape[1]
    flat = padded.ravel()
    change = np.flatnonzero(flat[:-1] != flat[1:])
    before, after = flat[change], flat[change + 1]
    first = change[after != 0] + 1
    last = change[before != 0]
    numbers, particle = np.unique(flat[first], return_inverse=True)
    row = first // width
    return Runs(
        numbers=numbers.astype(np.int64),
        particle=particle.astype(np.int64),
        row=row,
        start=first - row * width - 1,
        stop=last - row * width,
    )


def pixels_of(first: IntArray, length: IntArray) -> IntArray:
    """Positions of all pixels of runs, given by position of their first pixel and by length; shape (sum of lengths,)."""
    before = np.cumsum(length) - length
    return np.repeat(first - before, length) + np.arange(int(length.sum()))


def bounding_boxes(runs: Runs) -> tuple[IntArray, IntArray, IntArray, IntArray]:
    """First row, row after the last, first column, column after the last of each particle, shape (n,) each."""
    n = len(runs.numbers)
    far = np.iinfo(np.int64).max
    top, left = np.full(n, far), np.full(n, far)
    bottom, right = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
    np.minimum.at(top, runs.particle, runs.row)
    np.minimum.at(left, runs.particle, runs.start)
    np.maximum.at(bottom, runs.particle, runs.row + 1)
    np.maximum.at(right, runs.particle, runs.stop)
    return top, bottom, left, right


def _require_label_numbers(array: NDArray[Any]) -> None:
    """Raise InputError unless every value is a whole number from 0 to the largest int32."""
    if not (np.issubdtype(array.dtype, np.integer) or np.issubdtype(array.dtype, np.floating)):
        raise InputError(f"A label map holds whole numbers; this array holds {array.dtype}.", code="labels_not_numeric")
    if np.issubdtype(array.dtype, np.floating):
        if not np.isfinite(array).all():
            raise InputError("The label map has values that are not finite (NaN or infinity).", code="labels_not_finite")
        if not np.array_equal(array, np.trunc(array)):
            raise InputError(
                "The label map has values with a fraction. A label is a whole number; was the map resized or blurred?",
                code="labels_not_whole",
            )
    lowest, highest = int(array.min()), int(array.max())
    if lowest < 0:
        raise InputError(f"The label map has the negative value {lowest}.", code="labels_negative")
    if highest > LARGEST_LABEL:
        raise InputError(
            f"The label map has the value {highest}; the largest number a particle can have is {LARGEST_LABEL}.",
            code="labels_too_large",
        )


def _require_one_part_each(labels: Labels) -> None:
    """Raise InputError if a number stands for two or more parts that do not touch, not even at a corner."""
    parts = _connected_parts(labels)
    number_of_part = np.zeros(int(parts.max()) + 1, dtype=np.int32)
    number_of_part[parts.ravel()] = labels.ravel()
    numbers, count = np.unique(number_of_part[1:], return_counts=True)
    split = [int(number) for number in numbers[count > 1]]
    if not split:
        return
    named = ", ".join(map(str, split[:MAX_LABELS_NAMED])) + (" and others" if len(split) > MAX_LABELS_NAMED else "")
    raise InputError(
        f"Each label must be one connected particle, but these have several parts: {named}. "
        "Give each part its own number; a mask of two grey values is not a label map.",
        code="labels_not_contiguous",
        labels=split,
    )


def _connected_parts(values: NDArray[Any]) -> Labels:
    """Number every 8-connected part of equal values that are not 0; pixels of two values never join."""
    # scikit-image has no type stubs for this function.
    parts = label_connected(values, background=0, connectivity=EIGHT_CONNECTED)  # type: ignore[no-untyped-call]
    return np.asarray(parts, dtype=np.int32)
