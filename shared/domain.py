"""The vocabulary of SAEMI: what a micrograph, a calibration, a segmenter and an analysis are.

Frozen values without behaviour beyond their own laws, known to every part of the system; the numbers that are reported stand in
`shared.quantities`.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Any, Literal, Protocol

from shared.arrays import FloatArray, FloatImage, Labels, Pixels
from shared.distributions.fitness import Fitness
from shared.distributions.sample import DEFAULT_COUNTING_RULE, CountingRule
from shared.errors import InputError
from shared.geometry import AnalysedField, Banner, Box
from shared.quantities import ParticleTable, SizeStatistics

# A change of any formula, of the banner rule or of the padding raises this number, so that results of another rule are never
# returned for the same request.
PIPELINE_VERSION = 6

# No microscope has finer or coarser pixels, nm; whatever is stated beyond is no pixel size.
MIN_NM_PER_PX, MAX_NM_PER_PX = 1e-4, 1e6

CalibrationSource = Literal["metadata", "scale_bar", "manual", "instrument_default"]
CalibrationStatus = Literal["ok", "missing", "conflict"]
# What is used where nobody chose: a name stands for the newest version of that model.
DEFAULT_MODEL = "particlenet"
# Particles of which the model is less sure are marked.
DEFAULT_MIN_CONFIDENCE = 0.5


@dataclass(frozen=True, slots=True)
class Stage:
    """Where the specimen stage stood; None where the file does not say."""

    x_mm: float | None = None
    y_mm: float | None = None
    z_mm: float | None = None
    tilt_deg: float | None = None
    rotation_deg: float | None = None


@dataclass(frozen=True, slots=True)
class Metadata:
    """What an instrument's file, or the side-car beside it, states about the image; None where it does not say.

    Attributes
    ----------
    vendor, model : str or None
        Who made the microscope, and which one it is.
    acquired_at : str or None
        Date and time as ISO 8601 where they could be understood, else as the file writes them; without time zone where it has
        none.
    nm_per_px : float or None
        The stated pixel size after the rules of `worker.micrograph.pixel_size`; None where none is stated, or no usable one.
    nm_per_px_text, nm_per_px_tag : str or None
        The pixel size as written in the file, and the tag it was read from.
    databar_top : int or None
        First row of the instrument's banner, where the file states it exactly.
    raw : mapping of str to str
        The file's own fields, cut and cleaned of what is no text.
    """

    vendor: str | None = None
    model: str | None = None
    voltage_kv: float | None = None
    magnification: float | None = None
    detector: str | None = None
    acquired_at: str | None = None
    user: str | None = None
    working_distance_mm: float | None = None
    stage: Stage | None = None
    nm_per_px: float | None = None
    nm_per_px_text: str | None = None
    nm_per_px_tag: str | None = None
    databar_top: int | None = None
    raw: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def instrument(self) -> str | None:
        """Vendor and model in one text, the vendor not repeated."""
        if self.vendor and self.model and not self.model.casefold().startswith(self.vendor.casefold()):
            return f"{self.vendor} {self.model}"
        return self.model or self.vendor


@dataclass(frozen=True, slots=True)
class Micrograph:
    """One decoded grey image in its own bit depth.

    Attributes
    ----------
    pixels : ndarray of uint8, uint16 or float32, shape (rows, columns)
        Grey values as the file holds them.
    format : str
        Name of the file format, such as ``"TIFF"``.
    warnings : tuple of str
        What a person should know about the decoding (further pages, colour, alpha, an unusable pixel size).
    metadata : Metadata or None
        What the file states; None where the image does not come from an instrument's file.
    n_images : int
        Images of the file: pages, frames of a stack, detectors.
    index : int
        Which of them this is, from 0.
    """

    pixels: Pixels
    format: str
    warnings: tuple[str, ...] = ()
    metadata: Metadata | None = None
    n_images: int = 1
    index: int = 0

    @property
    def bit_depth(self) -> int:
        """Bits per pixel of the stored grey values."""
        return self.pixels.dtype.itemsize * 8

    @property
    def height_px(self) -> int:
        """Rows of the image, banner included."""
        return int(self.pixels.shape[0])

    @property
    def width_px(self) -> int:
        """Columns of the image."""
        return int(self.pixels.shape[1])


@dataclass(frozen=True, slots=True)
class ScaleBar:
    """A scale bar that was read: the length written beside it, and its own length in pixels.

    Attributes
    ----------
    text : str
        The length as it was read, such as ``"500 nm"``.
    value_nm : float
        The length that the text means, nm.
    length_px : float
        Length of the bar by the convention of its kind, px: from centre to centre of the end ticks where it has ticks.
    x0, x1, y : float
        Columns of the two ends and row of the bar, px; whole numbers are pixel centres.
    confidence : float
        How sure text and bar were read, 0..1.
    crop : Box
        Part of the image that shows bar and text, for people to look at.
    """

    text: str
    value_nm: float
    length_px: float
    x0: float
    x1: float
    y: float
    confidence: float
    crop: Box

    @property
    def nm_per_px(self) -> float:
        """Pixel size by the bar, nm."""
        return self.value_nm / self.length_px


@dataclass(frozen=True, slots=True)
class Calibration:
    """The pixel size and where it came from. A missing calibration has no ``nm_per_px``; it is never 1."""

    nm_per_px: float | None
    source: CalibrationSource | None
    status: CalibrationStatus

    @classmethod
    def missing(cls) -> "Calibration":
        """No source states a pixel size."""
        return cls(None, None, "missing")

    @classmethod
    def manual(cls, nm_per_px: float) -> "Calibration":
        """The pixel size a person stated."""
        return cls(nm_per_px, "manual", "ok")

    @classmethod
    def conflict(cls) -> "Calibration":
        """Two sources contradict each other: no pixel size, and so no nanometres, until a person decides."""
        return cls(None, None, "conflict")


@dataclass(frozen=True, slots=True)
class Parameters:
    """Everything a person can choose that changes the numbers.

    Attributes
    ----------
    model : str
        The segmenter: name and version as `ModelIdentity.reference` writes them, or a name alone for its newest version.
    nm_per_px : float or None
        Pixel size stated by the person, nm; None takes what the image itself states.
    min_confidence : float
        Particles of less confidence are marked, 0..1. They are counted all the same.
    """

    model: str = DEFAULT_MODEL
    nm_per_px: float | None = None
    min_confidence: float = DEFAULT_MIN_CONFIDENCE

    def __post_init__(self) -> None:
        if not 0 <= self.min_confidence <= 1:
            raise ValueError(f"min_confidence is {self.min_confidence}: a confidence lies between 0 and 1")
        object.__setattr__(self, "min_confidence", float(self.min_confidence))
        if self.nm_per_px is not None and not MIN_NM_PER_PX <= self.nm_per_px <= MAX_NM_PER_PX:
            raise ValueError(f"nm_per_px is {self.nm_per_px}: a pixel size lies between 0.0001 and 1,000,000 nm")
        if self.nm_per_px is not None:
            # 1 and 1.0 are the same request and must have the same digest.
            object.__setattr__(self, "nm_per_px", float(self.nm_per_px))

    @classmethod
    def from_stored(cls, content: dict[str, Any]) -> "Parameters":
        """Read parameters back; raises InputError ``unknown_parameters`` for those of another release."""
        try:
            return cls(**content)
        except (TypeError, ValueError) as error:
            message = f"The submission was made by another release of SAEMI: {error}. Submit the files again."
            raise InputError(message, code="unknown_parameters") from error

    @property
    def digest(self) -> str:
        """SHA-256 over the parameters and the version of the pipeline, hexadecimal."""
        content = {"pipeline_version": PIPELINE_VERSION, **asdict(self)}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """What a segmenter is, stored with every analysis: name, version, and the SHA-256 of its weights if it has any."""

    name: str
    version: str
    sha256: str | None = None

    @property
    def reference(self) -> str:
        """Name and version in one word, such as ``particlenet-2``."""
        return f"{self.name}-{self.version}"


@dataclass(frozen=True, slots=True)
class Segmentation:
    """What a segmenter finds in an image.

    Attributes
    ----------
    labels : ndarray of int32, shape (rows, columns)
        0 is background, particles are 1..n, each in one piece (pixels that touch at a corner are connected).
    confidence : ndarray of float64, shape (n,), or None
        Probability of each particle to be one (IoU ≥ 0.5 with what a person would outline); None where the method gives none.
    """

    labels: Labels
    confidence: FloatArray | None = None


class Segmenter(Protocol):
    """Any callable that splits a grey image into particles.

    Called with an image of shape (rows, columns), float32, scaled to 0..1; returns labels of the same shape. The classical
    method, a network and a test's stand-in all have this form.
    """

    @property
    def identity(self) -> ModelIdentity:
        """What is stored with the analysis."""

    def __call__(self, image: FloatImage) -> Segmentation:
        """Find the particles of an image."""


@dataclass(frozen=True, slots=True)
class Analysis:
    """What the pipeline finds in one micrograph.

    ``labels`` has the size of the input image and is 0 outside the analysed field and in the ``annotations``: text, labels
    and bars that are drawn on the specimen.
    """

    model: ModelIdentity
    parameters: Parameters
    calibration: Calibration
    banner: Banner | None
    field: AnalysedField
    labels: Labels
    particles: ParticleTable
    statistics: SizeStatistics
    fitness: Fitness
    counting_rule: CountingRule = DEFAULT_COUNTING_RULE
    warnings: tuple[str, ...] = ()
    scale_bar: ScaleBar | None = None
    annotations: tuple[Box, ...] = ()
