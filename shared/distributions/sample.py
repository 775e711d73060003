"""Which particles of which images count, and for how many: what every statistic of sizes starts from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np

from shared.arrays import FloatArray, IntArray, Mask
from shared.quantities import MAX_EDGE_WEIGHT

CountingRule = Literal["all", "exclude-border", "exclude-border-weighted"]
DEFAULT_COUNTING_RULE: CountingRule = "exclude-border-weighted"
COUNTING_RULES: dict[CountingRule, str] = {
    "all": "Every particle in the analysed field counts once, those that its border cuts included: they look smaller than "
    "they are.",
    "exclude-border": "Particles that touch the border of the field do not count. Large ones touch it more often, so "
    "that the distribution is a little too small.",
    "exclude-border-weighted": "Particles that touch the border of the field do not count; each other one counts 1/P times, P "
    "the chance that a particle of its extent lies wholly inside (Miles–Lantuéjoul). A weight is 5 at most.",
}


@dataclass(frozen=True, slots=True)
class Sample:
    """Sizes of counted particles.

    Attributes
    ----------
    sizes : ndarray of float64, shape (n,)
        Diameters or another quantity, all in one unit, ascending.
    weights : ndarray of float64, shape (n,)
        How many particles each one stands for, above 0.
    image : ndarray of int64, shape (n,)
        The image that each is from, 0 to ``n_images`` − 1.
    n_images : int
        Images that were looked at, those without a counted particle included.
    """

    sizes: FloatArray
    weights: FloatArray
    image: IntArray
    n_images: int

    @classmethod
    def of(cls, sizes: FloatArray, weights: FloatArray | None = None, image: IntArray | None = None, n_images: int = 1) -> Self:
        """Order sizes; without weights each counts once, without images all are from one.

        Raises
        ------
        ValueError
            If a size is not finite, or a weight not above 0.
        """
        weights = np.ones(len(sizes)) if weights is None else weights
        image = np.zeros(len(sizes), dtype=np.int64) if image is None else image
        if not np.isfinite(sizes).all():
            raise ValueError("a size is not a finite number")
        if not (np.isfinite(weights) & (weights > 0)).all():
            raise ValueError("a weight is not a number above 0")
        order = np.argsort(sizes, kind="stable")
        return cls(sizes[order].astype(np.float64), weights[order].astype(np.float64), image[order], n_images)

    @classmethod
    def of_images(cls, images: Sequence["Sample"]) -> Self:
        """Pool the samples of single images."""
        numbers = [np.full(len(one), position, dtype=np.int64) for position, one in enumerate(images)]
        empty = np.empty(0)
        return cls.of(
            np.concatenate([empty, *(one.sizes for one in images)]),
            np.concatenate([empty, *(one.weights for one in images)]),
            np.concatenate([np.empty(0, dtype=np.int64), *numbers]),
            len(images),
        )

    def __len__(self) -> int:
        return len(self.sizes)

    def at_least(self, size: float) -> Self:
        """Return the particles that are not smaller."""
        first = int(np.searchsorted(self.sizes, size))
        return type(self)(self.sizes[first:], self.weights[first:], self.image[first:], self.n_images)


@dataclass(frozen=True, slots=True)
class Counted:
    """What a counting rule makes of particles: the sample, and the share of weights that were capped."""

    sample: Sample
    capped_share: float


def counted(
    sizes: FloatArray,
    touches_border: Mask,
    edge_weight: FloatArray,
    rule: CountingRule,
    *,
    image: IntArray | None = None,
    n_images: int = 1,
) -> Counted:
    """Apply a counting rule to the particles of one image, or of several.

    Parameters
    ----------
    sizes : ndarray of float64, shape (n,)
        The quantity in question.
    touches_border : ndarray of bool, shape (n,)
        Column of the particles.
    edge_weight : ndarray of float64, shape (n,)
        Column of the particles.
    rule
        See `COUNTING_RULES`.
    image, n_images
        As in `Sample`.

    Returns
    -------
    Counted
    """
    keeps = np.ones(len(sizes), dtype=np.bool_) if rule == "all" else ~touches_border
    weights = edge_weight[keeps] if rule == "exclude-border-weighted" else np.ones(int(keeps.sum()))
    n_capped = int((weights >= MAX_EDGE_WEIGHT).sum())
    sample = Sample.of(sizes[keeps], weights, None if image is None else image[keeps], n_images)
    return Counted(sample, n_capped / len(weights) if len(weights) else 0.0)
