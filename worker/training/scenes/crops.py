"""Synthetic scenes as pictures to train on."""

from collections.abc import Iterator

import numpy as np

from worker.analysis.depth import normalised_distance
from worker.analysis.normalisation import to_unit_range
from worker.training.augmentation import Crop
from worker.training.scenes.scene import Scene, synthetic_scene

SHAPE = (512, 512)


def training_crops(seed: int, count: int, shape: tuple[int, int] = SHAPE) -> Iterator[Crop]:
    """Make random scenes ready for training, one after another.

    Parameters
    ----------
    seed : int
        The only source of chance. The first of many crops are the same as those of few.
    count : int
        Number of crops.
    shape : tuple of int
        Rows and columns, px.

    Yields
    ------
    Crop
        Grey values in 0..1, as `worker.training.sampling.prepared` makes them; all of it valid.
    """
    for number in range(count):
        yield _crop(synthetic_scene((seed, number), shape))


def _crop(scene: Scene) -> Crop:
    valid = np.ones(scene.labels.shape, dtype=np.bool_)
    return Crop(to_unit_range(scene.pixels), scene.labels, normalised_distance(scene.labels), valid)
