"""COCO instance files: the particles of each image as polygons or run lengths, drawn as a label map.

Format: T.-Y. Lin et al., Microsoft COCO (2014), https://cocodataset.org/#format-data; run lengths as in its `maskApi.c`.
"""

from collections import defaultdict
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError
from skimage.draw import polygon as polygon_pixels

from shared.arrays import IntArray, Labels
from shared.errors import InputError

# `maskApi.c` writes a count in groups of 6 bits as printable characters from "0" on: 5 bits of value, one "more follows".
FIRST_CHARACTER = ord("0")
VALUE_BITS, VALUE_MASK, MORE_FOLLOWS, SIGN_BIT = 5, 0x1F, 0x20, 0x10
# From the fourth count on, the difference from the count two before is written.
FIRST_DIFFERENCE = 3
MAX_ERRORS_NAMED = 20

Corners = Annotated[list[float], Field(min_length=6)]


class RunLengths(BaseModel):
    """A mask as lengths of alternating runs of 0 and 1 down the columns; compressed where the counts are a string."""

    model_config = ConfigDict(frozen=True)
    size: tuple[PositiveInt, PositiveInt]
    counts: list[int] | str


class CocoAnnotation(BaseModel):
    """One particle: a mask, or polygons [x1, y1, x2, y2, …] whose union it is; (0, 0) is the corner of the first pixel."""

    model_config = ConfigDict(frozen=True)
    id: int
    image_id: int
    segmentation: list[Corners] | RunLengths


class CocoImage(BaseModel):
    """One image of the file."""

    model_config = ConfigDict(frozen=True)
    id: int
    file_name: str
    width: PositiveInt
    height: PositiveInt


class CocoFile(BaseModel):
    """What is read of a COCO instance file."""

    model_config = ConfigDict(frozen=True)
    images: list[CocoImage]
    annotations: list[CocoAnnotation]

    def by_image(self) -> dict[int, tuple[CocoAnnotation, ...]]:
        """Return the annotations of each image id that has any."""
        grouped: dict[int, list[CocoAnnotation]] = defaultdict(list)
        for annotation in self.annotations:
            grouped[annotation.image_id].append(annotation)
        return {image_id: tuple(annotations) for image_id, annotations in grouped.items()}


def is_coco(path: Path) -> bool:
    """Whether a JSON file means to be a COCO instance file; it may be damaged."""
    content = path.read_bytes()
    return b'"images"' in content and b'"annotations"' in content


def read_coco(path: Path) -> CocoFile:
    """Read a COCO instance file; raises InputError ``invalid_training_data`` that names what is wrong in it."""
    try:
        return CocoFile.model_validate_json(path.read_bytes())
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_url=False)]
        cut = [f"… and {len(lines) - MAX_ERRORS_NAMED} more"] if len(lines) > MAX_ERRORS_NAMED else []
        message = "\n".join([f"{path.name} is no COCO instance file:", *lines[:MAX_ERRORS_NAMED], *cut])
        raise InputError(message, code="invalid_training_data") from error


def draw_labels(image: CocoImage, annotations: tuple[CocoAnnotation, ...]) -> Labels:
    """Label map of one image of a COCO file.

    Parameters
    ----------
    image : CocoImage
        Gives the size of the map.
    annotations : tuple of CocoAnnotation
        The particles of this image. Those marked ``iscrowd`` are drawn like the others, because some tools mark every mask
        so that is stored as run lengths.

    Returns
    -------
    ndarray of int32, shape (rows, columns)
        Particle k is the k-th annotation. Where two overlap, the smaller lies on top, so that none is swallowed.

    Raises
    ------
    InputError
        ``invalid_training_data`` for a polygon with an odd number of values or a mask of another size.
    """
    shape = (image.height, image.width)
    particles = [_pixels_of(annotation, shape) for annotation in annotations]
    flat = np.zeros(shape[0] * shape[1], dtype=np.int32)
    for k in sorted(range(len(particles)), key=lambda k: len(particles[k]), reverse=True):
        flat[particles[k]] = k + 1
    return flat.reshape(shape)


def decode_counts(text: str) -> list[int]:
    """Decode the run lengths of a compressed COCO mask.

    Parameters
    ----------
    text : str
        Counts, each in groups of five bits with the lowest first, in two's complement; from the fourth on, its difference
        from the count two before.

    Examples
    --------
    >>> decode_counts("52203")
    [5, 2, 2, 2, 5]
    """
    counts: list[int] = []
    value = shift = 0
    for character in text:
        group = ord(character) - FIRST_CHARACTER
        value |= (group & VALUE_MASK) << shift
        shift += VALUE_BITS
        if group & MORE_FOLLOWS:
            continue
        if group & SIGN_BIT:
            value -= 1 << shift
        counts.append(value + counts[-2] if len(counts) >= FIRST_DIFFERENCE else value)
        value = shift = 0
    return counts


def _pixels_of(annotation: CocoAnnotation, shape: tuple[int, int]) -> IntArray:
    """Positions of a particle's pixels in the flattened map."""
    if isinstance(annotation.segmentation, RunLengths):
        return _pixels_of_runs(annotation.id, annotation.segmentation, shape)
    drawn = [_pixels_of_polygon(annotation.id, corners, shape) for corners in annotation.segmentation]
    return np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *drawn]))


def _pixels_of_polygon(annotation_id: int, corners: list[float], shape: tuple[int, int]) -> IntArray:
    if len(corners) % 2 or not np.isfinite(corners).all():
        raise InputError(f"annotation {annotation_id} has a polygon that is no list of x, y", code="invalid_training_data")
    # COCO measures from the corner of the first pixel, a pixel is drawn where its centre lies inside.
    x, y = np.reshape(corners, (-1, 2)).T - 0.5
    rows, columns = polygon_pixels(y, x, shape)  # type: ignore[no-untyped-call]
    return np.asarray(rows * shape[1] + columns, dtype=np.int64)


def _pixels_of_runs(annotation_id: int, runs: RunLengths, shape: tuple[int, int]) -> IntArray:
    counts = np.array(decode_counts(runs.counts) if isinstance(runs.counts, str) else runs.counts, dtype=np.int64)
    if runs.size != shape or (counts < 0).any() or counts.sum() != shape[0] * shape[1]:
        raise InputError(
            f"annotation {annotation_id} has a mask of {runs.size[1]} × {runs.size[0]} px whose runs hold "
            f"{counts.sum():,} pixels; the image is stated as {shape[1]} × {shape[0]} px",
            code="invalid_training_data",
        )
    inside = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
    columns, rows = np.divmod(np.flatnonzero(inside), shape[0])
    return np.asarray(rows * shape[1] + columns, dtype=np.int64)
