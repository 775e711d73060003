"""Outlines as COCO instances.

Format: T.-Y. Lin et al., Microsoft COCO (2014), https://cocodataset.org/#format-data. Particles are polygons along the edges of
their pixels, which every annotation tool reads and lets people edit; one with holes is stored as run lengths, because polygons
of this format have no holes. Both give exactly the pixels of the label map.
"""

import json
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from shared.arrays import Labels, Mask
from shared.quantities import ParticleTable
from worker.outputs.content import Content
from worker.outputs.formats import Progress
from worker.outputs.methods import as_json, methods
from worker.outputs.tracing import Traced, traced

CATEGORY = 1


def write(content: Content, target: Path, progress: Progress) -> None:
    """Write the file; the methods stand under ``info``, and one image is in memory at a time.

    An annotation has, beside what the format asks for, ``label`` (number in the label map) and, where the model gave it, the
    confidence as ``score``.
    """
    head = {
        "info": {"description": content.title, "methods": as_json(methods(content))},
        "licenses": [],
        "categories": [{"id": CATEGORY, "name": "particle", "supercategory": "particle"}],
        "images": [
            {
                "id": number,
                "file_name": image.name,
                "width": image.record["width_px"],
                "height": image.record["height_px"],
                "stem": image.stem,
                "nm_per_px": image.record["nm_per_px"],
            }
            for number, image in enumerate(content.images, start=1)
        ],
    }
    ids, separator = count(1), "\n"
    with target.open("w", encoding="utf-8", newline="\n") as file:
        file.write(_dumped(head).removesuffix("}") + ',"annotations":[')
        for number, image in enumerate(content.images, start=1):
            labels, scores = image.labels(), _scores(image.particles())
            for outline in traced(labels):
                annotation = {"id": next(ids), "image_id": number, "category_id": CATEGORY, **_shape(outline, labels)}
                if outline.label in scores:
                    annotation["score"] = scores[outline.label]
                file.write(separator + _dumped(annotation))
                separator = ",\n"
            progress(number)
        file.write("\n]}\n")


def _scores(particles: ParticleTable) -> dict[int, float]:
    if particles.confidence is None:
        return {}
    return dict(zip(particles.label.tolist(), particles.confidence.tolist(), strict=True))


def _shape(outline: Traced, labels: Labels) -> dict[str, Any]:
    corners = np.concatenate(outline.outer)
    (left, top), (right, bottom) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    inside = labels[top:bottom, left:right] == outline.label
    return {
        "segmentation": _run_lengths(inside, left, top, labels.shape)
        if outline.holes
        else [one.ravel().tolist() for one in outline.outer],
        "area": int(np.count_nonzero(inside)),
        "bbox": [left, top, right - left, bottom - top],
        "iscrowd": 0,
        "label": outline.label,
    }


def _run_lengths(inside: Mask, left: int, top: int, shape: tuple[int, int]) -> dict[str, Any]:
    """Lengths of alternating runs outside and inside a particle, down the columns of the whole image."""
    columns, rows = np.nonzero(inside.T)
    positions = (left + columns) * shape[0] + top + rows
    breaks = np.flatnonzero(np.diff(positions) > 1)
    first = positions[np.concatenate([[0], breaks + 1])]
    after = positions[np.concatenate([breaks, [len(positions) - 1]])] + 1
    ends = np.concatenate([[0], np.stack([first, after], axis=1).ravel(), [shape[0] * shape[1]]])
    return {"size": list(shape), "counts": np.diff(ends).tolist()}


def _dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
