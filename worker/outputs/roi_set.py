"""Outlines for the ROI Manager of ImageJ and Fiji.

A particle is a traced selection along the edges of its pixels, as ImageJ's own wand makes it, one with holes a composite one:
what ImageJ measures in it are exactly the pixels of the label map.
"""

import io
from pathlib import Path

import numpy as np
from roifile import ROI_TYPE, ImagejRoi

from shared.arrays import FloatImage, IntArray, Labels
from worker.outputs.archive import Archive
from worker.outputs.content import Content
from worker.outputs.formats import Progress
from worker.outputs.methods import as_text, methods
from worker.outputs.tracing import Traced, traced

# Names of fewer digits get zeros before them, so that they sort as their numbers do.
DIGITS = 5
# Segments of a composite selection, as Java's `PathIterator` numbers them.
MOVE_TO, LINE_TO, CLOSE = 0.0, 1.0, 4.0


def write(content: Content, target: Path, progress: Progress) -> None:
    """Write a RoiSet.zip of one image; of several a ZIP archive with ``STEM.RoiSet.zip`` of each, and ``methods.txt``.

    A RoiSet.zip holds selections only, so that the methods of one image stand in the comment of the archive, as much of them
    as its 65,535 bytes hold.
    """
    told = as_text(methods(content))
    with Archive(target) as archive:
        if len(content.images) == 1:
            _add_selections(archive, content.images[0].labels())
            archive.comment(told)
            progress(1)
            return
        for n_done, image in enumerate(content.images, start=1):
            with archive.member(image.stem, "RoiSet.zip") as file:
                file.write(_roi_set(image.labels()))
            progress(n_done)
        with archive.member("methods", "txt") as file:
            file.write(told.encode())


def _roi_set(labels: Labels) -> bytes:
    packed = io.BytesIO()
    with Archive(packed) as archive:
        _add_selections(archive, labels)
    return packed.getvalue()


def _add_selections(archive: Archive, labels: Labels) -> None:
    for outline in traced(labels):
        # The manager shows the name of the member.
        name = f"{outline.label:0{DIGITS}d}"
        selection = _composite(name, outline) if outline.holes else _simple(name, outline)
        # So small a member is not worth packing; an archive around this one packs all of them together.
        with archive.member(name, "roi", is_compressed=True) as file:
            file.write(selection.tobytes())


def _simple(name: str, outline: Traced) -> ImagejRoi:
    (polygon,) = outline.outer
    selection = ImagejRoi.frompoints(polygon, name=name)
    selection.roitype = ROI_TYPE.TRACED
    return selection


def _composite(name: str, outline: Traced) -> ImagejRoi:
    path = np.concatenate([_segments(polygon) for polygon in (*outline.outer, *outline.holes)])
    corners = np.concatenate(outline.outer)
    (left, top), (right, bottom) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    selection = ImagejRoi(roitype=ROI_TYPE.RECT, name=name, left=left, top=top, right=right, bottom=bottom)
    selection.multi_coordinates, selection.shape_roi_size = path, len(path)
    return selection


def _segments(polygon: IntArray) -> FloatImage:
    """Path of a closed polygon: each point behind the number of what leads to it."""
    points = np.column_stack([np.full(len(polygon), LINE_TO), polygon]).astype(np.float32)
    points[0, 0] = MOVE_TO
    return np.append(points.ravel(), np.float32(CLOSE))
