"""Training data of several sources in one: synthetic scenes beside real micrographs."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from worker.training.loop import TrainingData
from worker.training.processes import repeatable_pictures
from worker.training.scenes.crops import training_crops


def with_synthetic(
    data: TrainingData, share: float, count: int, seed: int, on_scene: Callable[[], None] = lambda: None
) -> TrainingData:
    """Add synthetic scenes to training data, so that they are drawn with a given probability.

    Parameters
    ----------
    data : TrainingData
        Real micrographs. Their probabilities keep their ratios. Validation stays real.
    share : float
        Probability that a crop is synthetic, in 0..1; 0 returns the data as they are.
    count : int
        Number of scenes, all with the same probability. Each takes 3.4 MB of memory.
    seed : int
        The only source of chance.
    on_scene : callable
        Called after each scene, for a progress bar.

    Returns
    -------
    TrainingData

    Raises
    ------
    ValueError
        If the share is not in 0..1, or is positive without a scene.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"The share of synthetic scenes is {share}; it must lie between 0 and 1.")
    if share == 0:
        return data
    if count < 1:
        raise ValueError(f"{count} scenes cannot have a share of {share}.")
    scenes = []
    with repeatable_pictures():
        for scene in training_crops(seed, count):
            scenes.append(scene)
            on_scene()
    weights = np.concatenate([np.asarray(data.weights) * (1 - share), np.full(count, share / count)])
    return replace(data, wholes=[*data.wholes, *scenes], weights=weights)
