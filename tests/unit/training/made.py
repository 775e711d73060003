"""Small labelled sets of generated micrographs, written as a person would have them."""

from pathlib import Path

import numpy as np
from PIL import Image

from worker.training.synthetic import synthetic_micrograph

SHAPE = (160, 200)


def write_micrographs(folder: Path, count: int, shape: tuple[int, int] = SHAPE) -> Path:
    """Write ``m0.png`` … into images and labels, the same ones every time; returns the folder."""
    for name in ("images", "labels"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for number in range(count):
        made = synthetic_micrograph(number + 1, shape=shape, n_particles=12, banner=False)
        Image.fromarray(made.pixels).save(folder / "images" / f"m{number}.png")
        Image.fromarray(made.labels.astype(np.uint8)).save(folder / "labels" / f"m{number}.png")
    return folder
