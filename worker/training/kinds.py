"""Kinds of micrographs by what they show, so that figures can say where a model is good and where it is not.

Taken from the picture and its true labels alone, by rules that anyone can repeat.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from shared.arrays import Labels, Pixels
from worker.training.scoring import Figure, ImageScore, summarise
from worker.training.targets import contacts

# From this share of touching particles on, splitting them decides the result.
TOUCHING_SHARE = 1 / 3
MANY_PARTICLES = 50
# Of each kind these figures are given.
FIGURES = ("dice", "ap50", "map", "f1", "median_ecd_error", "median_count_error")


def kinds(pixels: Pixels, truth: Labels) -> tuple[str, ...]:
    """Name the kinds that a labelled micrograph belongs to.

    Parameters
    ----------
    pixels : ndarray, shape (rows, columns)
        Grey values of any depth.
    truth : ndarray of int32, shape (rows, columns)
        0 is background.

    Returns
    -------
    tuple of str
        ``bright_particles`` or ``dark_particles``, by the medians of particles and background; ``touching`` if at least a third
        of the particles touch another, else ``separate``; ``many_particles`` from 50 on, else ``few_particles``.
    """
    numbers = np.unique(truth[truth > 0])
    inside = truth > 0
    is_bright = inside.all() or (inside.any() and np.median(pixels[inside]) >= np.median(pixels[~inside]))
    touching = np.unique(truth[contacts(truth) & inside])
    return (
        "bright_particles" if is_bright else "dark_particles",
        "touching" if len(touching) >= TOUCHING_SHARE * max(len(numbers), 1) else "separate",
        "many_particles" if len(numbers) >= MANY_PARTICLES else "few_particles",
    )


def figures_by_kind(scores: Sequence[ImageScore], kinds_of: Sequence[Sequence[str]]) -> tuple[Figure, ...]:
    """Figures of the images of each kind, named ``FIGURE_of_KIND``, with 95 % intervals over images.

    Parameters
    ----------
    scores : sequence of ImageScore
        One for each image.
    kinds_of : sequence of sequences of str
        The kinds of each image.

    Returns
    -------
    tuple of Figure
        Kinds in alphabetical order; none of a kind without an image.
    """
    found = []
    for kind in sorted({kind for kinds_of_one in kinds_of for kind in kinds_of_one}):
        of_kind = [score for score, kinds_of_one in zip(scores, kinds_of, strict=True) if kind in kinds_of_one]
        found += [replace(f, name=f"{f.name}_of_{kind}") for f in summarise(of_kind) if f.name in FIGURES]
    return tuple(found)
