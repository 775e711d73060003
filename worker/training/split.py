"""The split of a labelled set into training and validation, grouped by the paper an image was published in.

Images of one paper look alike, so a paper on both sides would let a network pass by heart; and the sides must be equally hard,
so particle counts and sizes are alike on both.
"""

import argparse
import csv
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np

from shared.arrays import FloatArray, IntArray, Labels, Mask
from worker.training.labelled import find_labelled

VALIDATION_SHARE = 0.2
# Of so many random splits the one with the most similar sides is taken; with ten times as many they differ an eighth less.
DRAWS = 2000
# Particle count and size are each cut at their quartiles: 16 cells, each with about 23 of the 366 EMPS images.
CELLS_PER_AXIS = 4


@dataclass(frozen=True, slots=True)
class ImageSummary:
    """What the split knows of an image: its paper (any identifier), number of particles, and their mean ECD, px."""

    name: str
    paper: str
    n_particles: int
    mean_ecd_px: float


@dataclass(frozen=True, slots=True)
class _Strata:
    """Order of the images by particle count and by size, ranks 0..n−1, and their cell in the plane of both, shape (n,)."""

    count_rank: IntArray
    size_rank: IntArray
    cell: IntArray


def split_by_paper(
    images: Sequence[ImageSummary], share: float = VALIDATION_SHARE, draws: int = DRAWS
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of the training and of the validation images, whole papers on either side.

    Parameters
    ----------
    images : sequence of ImageSummary
        At least two papers. Their order does not matter.
    share : float
        Share of the images that validate; kept as well as whole papers allow.
    draws : int
        How many random splits compete.

    Returns
    -------
    tuple of two tuples of str
        Training and validation names, sorted.

    Notes
    -----
    In each draw the papers are put in the order of SHA-256(draw, paper) and go to validation while they fit into its share.
    This depends on no generator's version and on no order of files. The draw with the smallest difference of the sides wins,
    the sum of

    - Kolmogorov–Smirnov distances of the particle counts and of the mean ECDs, max |F_validation − F_training|;
    - the total variation distance ½ Σ |p_validation − p_training| over the 4 × 4 cells of both.
    """
    images = sorted(images, key=lambda image: image.name)
    papers = sorted({image.paper for image in images})
    if len(papers) < 2:
        raise ValueError("a split by paper needs at least two papers")
    position = {paper: i for i, paper in enumerate(papers)}
    paper_of_image = np.array([position[image.paper] for image in images])
    images_per_paper = np.bincount(paper_of_image)
    strata = _strata(images)
    candidates = (_draw(papers, images_per_paper, share, draw)[paper_of_image] for draw in range(draws))
    best = min(candidates, key=lambda in_validation: _difference(strata, in_validation))
    training = tuple(image.name for image, validates in zip(images, best, strict=True) if not validates)
    return training, tuple(image.name for image, validates in zip(images, best, strict=True) if validates)


def summarise_image(name: str, paper: str, labels: Labels) -> ImageSummary:
    """Count the particles of a label map that has any, and take the mean of their equivalent circular diameters √(4A/π)."""
    area = np.bincount(labels.ravel())[1:]
    area = area[area > 0]
    return ImageSummary(name, paper, len(area), float(np.sqrt(4 * area / np.pi).mean()))


def read_papers(path: Path) -> Mapping[str, str]:
    """Read the paper of each image from a CSV table with the columns ``name`` and ``paper_doi``."""
    with path.open(newline="", encoding="utf-8") as file:
        return {row["name"]: row["paper_doi"] for row in csv.DictReader(file)}


def emps_validation_names() -> tuple[str, ...]:
    """Names of the EMPS images that validate, as fixed in ``splits/emps_validation.txt``."""
    fixed = resources.files("worker.training") / "splits" / "emps_validation.txt"
    return tuple(fixed.read_text(encoding="utf-8").split())


def summarise_folder(folder: Path) -> list[ImageSummary]:
    """Summarise a labelled set with a ``papers.csv``."""
    papers = read_papers(folder / "papers.csv")
    return [summarise_image(image.name, papers[image.name], image.load_labels()) for image in find_labelled(folder)]


def main() -> None:
    """Print the validation names of a labelled set: ``python -m worker.training.split DATA > NAMES``."""
    parser = argparse.ArgumentParser(description="Split a labelled set by paper and print the names that validate.")
    parser.add_argument("data", type=Path, help="Folder with images, labels and papers.csv.")
    _, validation = split_by_paper(summarise_folder(parser.parse_args().data))
    print("\n".join(validation))  # noqa: T201 - the names are this program's output


def _strata(images: Sequence[ImageSummary]) -> _Strata:
    counts = np.array([image.n_particles for image in images], dtype=np.float64)
    sizes = np.array([image.mean_ecd_px for image in images])
    return _Strata(_rank(counts), _rank(sizes), _quantile(counts) * CELLS_PER_AXIS + _quantile(sizes))


def _rank(values: FloatArray) -> IntArray:
    """Equal values share a rank, so that a distance is only taken between different values."""
    return np.unique(values, return_inverse=True)[1].astype(np.int64)


def _quantile(values: FloatArray) -> IntArray:
    inner = np.quantile(values, np.arange(1, CELLS_PER_AXIS) / CELLS_PER_AXIS)
    return np.searchsorted(inner, values, side="right").astype(np.int64)


def _draw(papers: Sequence[str], images_per_paper: IntArray, share: float, draw: int) -> Mask:
    """Papers that validate in one draw, shape (papers,)."""
    order = sorted(range(len(papers)), key=lambda i: hashlib.sha256(f"{draw} {papers[i]}".encode()).digest())
    room = max(1, round(share * int(images_per_paper.sum())))
    chosen = np.zeros(len(papers), dtype=np.bool_)
    for i in order:
        if images_per_paper[i] <= room:
            chosen[i] = True
            room -= int(images_per_paper[i])
    if not chosen.any():
        # Every paper is larger than the share: the smallest is the nearest to it.
        chosen[int(images_per_paper.argmin())] = True
    return chosen


def _difference(strata: _Strata, in_validation: Mask) -> float:
    count_distance = np.abs(np.cumsum(_share_difference(strata.count_rank, in_validation))).max()
    size_distance = np.abs(np.cumsum(_share_difference(strata.size_rank, in_validation))).max()
    cell_distance = np.abs(_share_difference(strata.cell, in_validation)).sum() / 2
    return float(count_distance + size_distance + cell_distance)


def _share_difference(category: IntArray, in_validation: Mask) -> FloatArray:
    """Share of the validation images in each category less that of the training images."""
    n = int(category.max()) + 1
    validation = np.bincount(category[in_validation], minlength=n) / in_validation.sum()
    training = np.bincount(category[~in_validation], minlength=n) / (~in_validation).sum()
    return np.asarray(validation - training, dtype=np.float64)


if __name__ == "__main__":
    main()
