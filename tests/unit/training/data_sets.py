"""Small labelled sets in a test's folder."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from shared.errors import InputError
from worker.training.labelled import check_labelled, find_labelled

SHAPE = (20, 30)
TWO = np.zeros(SHAPE, dtype=np.uint8)
TWO[2:6, 3:9], TWO[10:18, 12:20] = 1, 2


def write_image(path: Path, shape: tuple[int, int] = SHAPE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(0).integers(0, 255, shape, dtype=np.uint8)).save(path)


def write_labels(path: Path, labels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".png":
        Image.fromarray(labels).save(path)
    else:
        tifffile.imwrite(path, labels, photometric="minisblack" if labels.ndim == 2 else "rgb")


def write_coco(path: Path, images: Sequence[dict[str, Any]], annotations: Sequence[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    numbered = [{"id": i, "category_id": 1, "iscrowd": 0, **annotation} for i, annotation in enumerate(annotations, start=1)]
    path.write_text(json.dumps({"images": images, "annotations": numbered, "categories": [{"id": 1}]}), encoding="utf-8")


def entry(image_id: int, file_name: str) -> dict[str, Any]:
    return {"id": image_id, "file_name": file_name, "height": SHAPE[0], "width": SHAPE[1]}


def problems_of(folder: Path) -> list[str]:
    with pytest.raises(InputError) as caught:
        check_labelled(find_labelled(folder))
    assert caught.value.code == "invalid_training_data"
    heading, *lines = caught.value.message.splitlines()
    assert heading.startswith(f"The training data has {len(lines)} problem")
    return lines
