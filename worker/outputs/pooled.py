"""The sizes that figures and report show: those of all images of a content in one unit, read image by image."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from shared.arrays import FloatArray, IntArray, Mask
from shared.distributions.sample import Counted, CountingRule, Sample, counted
from shared.errors import InputError
from shared.quantities import PARTICLE_QUANTITIES, SMALLEST_RELIABLE_PX, ParticleTable
from worker.outputs.content import AnalysedImage, Choices, Content, in_nanometres

# Ratios that describe a particle's shape, in the order of the report.
SHAPES = ("aspect_ratio", "circularity", "roundness", "solidity", "convexity", "extent", "eccentricity")
# Columns of a quantity in nanometres and in pixels, by their endings; a ratio has none.
NM_ENDINGS, PX_ENDINGS = ("_nm", "_nm2"), ("_px",)
QUANTITIES = {quantity.name: quantity for quantity in PARTICLE_QUANTITIES}


@dataclass(frozen=True, slots=True)
class Selection:
    """What is pooled, and the column that sizes are read from.

    Attributes
    ----------
    column : str
        Name of the quantity with its unit, such as ``ecd_nm``.
    unit : str
        ``nm`` or ``px``, squared for areas; empty for ratios.
    content : Content
        The images that are pooled; those without a pixel size are left out where others have one.
    """

    column: str
    unit: str
    content: Content

    @property
    def is_calibrated(self) -> bool:
        """Whether all pooled images have a pixel size."""
        images = self.content.images
        return bool(images) and all(image.record["nm_per_px"] is not None for image in images)


@dataclass(frozen=True, slots=True)
class ImageSizes:
    """What one image brings to the distribution.

    Attributes
    ----------
    record : mapping
        That of the image.
    n_particles, n_touching_border, n_small : int
        Particles found, those of them at the border of the field, and those below the smallest reliable diameter.
    n_without_size : int
        Particles that the rule would count, but that have no value of the quantity above 0, as those that touch have no gap.
    n_low_confidence : int or None
        None where the model gives no confidence.
    sizes : Counted
        The chosen quantity under the counting rule.
    feret_min_nm : Sample
        Smallest Feret diameters under the same rule; empty without a pixel size.
    shapes : mapping of str to ndarray of float64, shape (n,)
        Shape descriptors of the counted particles.
    weights : ndarray of float64, shape (n,)
        How many particles each of these stands for.
    counted_labels : ndarray of int64, shape (n,)
        Their numbers in the label map.
    covered_px : float
        Area of all particles, px².
    nearest_nm : ndarray of float64 or None
        Distance of each particle to its nearest neighbour; None without a pixel size and with fewer than two particles.
    """

    record: Mapping[str, Any]
    n_particles: int
    n_touching_border: int
    n_small: int
    n_without_size: int
    n_low_confidence: int | None
    sizes: Counted
    feret_min_nm: Sample
    shapes: dict[str, FloatArray]
    weights: FloatArray
    counted_labels: IntArray
    covered_px: float
    nearest_nm: FloatArray | None


def select(content: Content) -> Selection:
    """Choose unit and images: nanometres as soon as one image has a pixel size, else pixels."""
    quantity = content.choices.quantity
    if quantity in QUANTITIES and not quantity.endswith((*NM_ENDINGS, *PX_ENDINGS)):
        return Selection(quantity, QUANTITIES[quantity].unit, content)
    calibrated = in_nanometres(content)
    column = _column(quantity, NM_ENDINGS if calibrated.images else PX_ENDINGS)
    return Selection(column, QUANTITIES[column].unit, calibrated if calibrated.images else content)


def read_sizes(image: AnalysedImage, selection: Selection, choices: Choices) -> ImageSizes:
    """Read the particles of one image and count them."""
    table = image.particles()
    values = getattr(table, selection.column)
    values = np.zeros(len(table)) if values is None else np.asarray(values, dtype=np.float64)
    has_size = np.isfinite(values) & (values > 0)
    feret = table.feret_min_nm
    of_rule = np.ones(len(table), dtype=np.bool_) if choices.rule == "all" else ~table.touches_border
    keeps = of_rule & has_size
    weights = table.edge_weight[keeps] if choices.rule == "exclude-border-weighted" else np.ones(int(keeps.sum()))
    return ImageSizes(
        record=image.record,
        n_particles=len(table),
        n_touching_border=int(table.touches_border.sum()),
        n_small=int((table.ecd_px < SMALLEST_RELIABLE_PX).sum()),
        n_without_size=int((of_rule & ~has_size).sum()),
        n_low_confidence=None if table.low_confidence is None else int(table.low_confidence.sum()),
        sizes=_counted(table, values, has_size, choices.rule),
        feret_min_nm=Sample.of(np.empty(0)) if feret is None else _counted(table, feret, has_size, choices.rule).sample,
        shapes={name: getattr(table, name)[keeps] for name in SHAPES},
        weights=weights,
        counted_labels=table.label[keeps],
        covered_px=float(table.area_px.sum()),
        nearest_nm=table.nnd_nm,
    )


def pool(images: Sequence[ImageSizes]) -> Sample:
    """Return the sizes of all images."""
    return Sample.of_images([image.sizes.sample for image in images])


def smallest_reliable(selection: Selection) -> float:
    """Return the size from which on curves are fitted, in the unit of the selection: that of the coarsest image.

    0 for a quantity that is no length or area.
    """
    unit = QUANTITIES[selection.column].unit
    if unit in ("px", "px²"):
        nm_per_px = 1.0
    elif unit in ("nm", "nm²"):
        nm_per_px = max((image.record["nm_per_px"] for image in selection.content.images), default=0.0)
    else:
        return 0.0
    diameter = SMALLEST_RELIABLE_PX * nm_per_px
    return np.pi / 4 * diameter**2 if unit.endswith("²") else diameter


def _column(quantity: str, endings: Sequence[str]) -> str:
    found = [quantity + ending for ending in endings if quantity + ending in QUANTITIES]
    if not found:
        raise InputError(f"Particles have no quantity {quantity!r}.", code="unknown_quantity")
    return found[0]


def _counted(table: ParticleTable, values: FloatArray, has_size: Mask, rule: CountingRule) -> Counted:
    return counted(values[has_size], table.touches_border[has_size], table.edge_weight[has_size], rule)
