"""What the report says, computed once: sizes of every image, statistics of all, verdicts that follow from them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shared.arrays import FloatArray
from shared.distributions.guidance import Guidance, how_many
from shared.distributions.sample import Sample
from shared.distributions.screening import Screening, screen
from shared.distributions.summary import percentiles
from worker.outputs.content import Content
from worker.outputs.described import Described, describe_all
from worker.outputs.pooled import SHAPES, ImageSizes, Selection, pool


@dataclass(frozen=True, slots=True)
class Spread:
    """D10, median and D90 of a quantity that is no size."""

    d10: float
    median: float
    d90: float


@dataclass(frozen=True, slots=True)
class Findings:
    """All numbers of a report.

    Attributes
    ----------
    selection : Selection
        What is pooled.
    images : sequence of ImageSizes
        In the order of the selection.
    described : Described
        The pooled distribution.
    guidance : Guidance
        In the chosen weighting.
    screening : Screening or None
        None without a pixel size, and with fewer than two particles.
    shapes : mapping of str to Spread
        Empty without a counted particle.
    """

    selection: Selection
    images: Sequence[ImageSizes]
    described: Described
    guidance: Guidance
    screening: Screening | None
    shapes: dict[str, Spread]

    @property
    def content(self) -> Content:
        """The images that are pooled, and those that are not."""
        return self.selection.content

    @property
    def n_found(self) -> int:
        """Particles in the pooled images, counted or not."""
        return sum(image.n_particles for image in self.images)

    @property
    def n_counted(self) -> int:
        """Particles that the statistics are of."""
        return len(self.described.sample)


def find(selection: Selection, images: Sequence[ImageSizes]) -> Findings:
    """Compute everything that the report says of the sizes that were read."""
    sample = pool(images)
    return Findings(
        selection=selection,
        images=images,
        described=describe_all(sample, selection, selection.content.choices),
        guidance=how_many(sample, selection.content.choices.weighting),
        screening=screen(Sample.of_images([image.feret_min_nm for image in images])) if selection.is_calibrated else None,
        shapes=_shapes(images) if len(sample) else {},
    )


def spread(values: FloatArray, weights: FloatArray) -> Spread:
    """Return the percentiles of values in any order."""
    order = np.argsort(values, kind="stable")
    return Spread(*percentiles(values[order], weights[order], (10.0, 50.0, 90.0)).tolist())


def _shapes(images: Sequence[ImageSizes]) -> dict[str, Spread]:
    weights = np.concatenate([image.weights for image in images])
    return {name: spread(np.concatenate([image.shapes[name] for image in images]), weights) for name in SHAPES}
