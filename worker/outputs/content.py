"""What a file of results is made of: analysed images with their particles, whatever place they come from.

Nothing here knows a database or a folder: the commands fill it from what they have just analysed, a worker from what is stored.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from shared.arrays import GreyImage, Labels
from shared.distributions.sample import DEFAULT_COUNTING_RULE, CountingRule
from shared.distributions.summary import Weighting
from shared.quantities import ParticleTable


@dataclass(frozen=True, slots=True)
class AnalysedImage:
    """One image with what was found in it.

    Attributes
    ----------
    name : str
        The name it was handed in under, with its number where the file holds several.
    stem : str
        What files of its own are called after; differs from that of all other images of the same content.
    record : mapping
        What is known of the analysis, under the names of `shared.tables.SUBMISSION_COLUMNS` and, with the prefix of
        `shared.tables.metadata_column`, of its manifest.
    particles : callable
        Reads the measurements; called when they are written, not before, so that a million particles need not be in memory.
    labels : callable
        Reads the label map, shape (rows, columns), int32.
    preview : callable
        Reads the micrograph as it is shown, 8 bit grey, shape (rows, columns), banner included.
    parameters : mapping or None
        What was chosen for the analysis, under the names of `shared.domain.Parameters`; None for label maps made elsewhere.
    """

    name: str
    stem: str
    record: Mapping[str, Any]
    particles: Callable[[], ParticleTable]
    labels: Callable[[], Labels]
    preview: Callable[[], GreyImage]
    parameters: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An image of the selection that the output says nothing about, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Choices:
    """How the sizes are counted and shown.

    Attributes
    ----------
    quantity : str
        Particle quantity without unit suffix, such as ``ecd``; in nm where an image is calibrated.
    weighting
        Of percentiles and curves that stand first.
    rule
        Which particles count.
    n_bins : int or None
        Bins of histograms; None takes as many as suit the data.
    is_log_axis : bool
        Whether the axis of sizes is logarithmic.
    """

    quantity: str = "ecd"
    weighting: Weighting = "number"
    rule: CountingRule = DEFAULT_COUNTING_RULE
    n_bins: int | None = None
    is_log_axis: bool = False


@dataclass(frozen=True, slots=True)
class Content:
    """All that one output shows.

    Attributes
    ----------
    title : str
        What was selected, in words: ``Submission 12, gold``.
    images : sequence of AnalysedImage
        In the order of their names.
    left_out : sequence of LeftOut
        Images that were selected and have no analysis, or none in nanometres where sizes in nanometres are pooled.
    choices : Choices
        How it is counted and shown.
    command : str
        The `saemi` command that makes the same output again.
    """

    title: str
    images: Sequence[AnalysedImage]
    left_out: Sequence[LeftOut]
    choices: Choices
    command: str


def in_nanometres(content: Content) -> Content:
    """Leave out the images that have no pixel size, each with that reason, as sizes in nanometres are pooled."""
    reasons = {
        "missing": "It has no pixel size.",
        "conflict": "Its metadata and its scale bar state different pixel sizes, and nobody has decided.",
    }
    without = [image for image in content.images if image.record["nm_per_px"] is None]
    left_out = [LeftOut(image.name, reasons[image.record["calibration_status"]]) for image in without]
    calibrated = [image for image in content.images if image.record["nm_per_px"] is not None]
    return replace(content, images=calibrated, left_out=[*content.left_out, *left_out])
