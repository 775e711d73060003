"""What goes onto the conveyor and what comes off it: orders and their outcomes, with the time that each stage took."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from shared.arrays import FloatImage
from shared.domain import Analysis, Micrograph, Parameters, Segmentation, Segmenter
from shared.results import AnalysisFiles
from shared.tracing import Stage
from worker.analysis.questions import NetworkLoad
from worker.micrograph.sandbox import Decoder

Key = TypeVar("Key")


@dataclass(frozen=True, slots=True)
class Order(Generic[Key]):
    """A micrograph to be analysed.

    Attributes
    ----------
    key
        What the caller knows the order by; comes back with the outcome.
    read : callable
        Reads the micrograph with the decoder that it is given, in whatever thread decodes.
    parameters : Parameters
        What a person chose.
    segmenter : Segmenter
        Of the model that the parameters name.
    """

    key: Key
    read: Callable[[Decoder], Micrograph]
    parameters: Parameters
    segmenter: Segmenter


@dataclass(frozen=True, slots=True)
class StageTimings:
    """How long an image was in each stage, s; not how long it waited between them.

    Images that the network looks at together are in that stage together: each has the whole time.
    """

    decode_s: float
    inscriptions_s: float
    segment_s: float
    measure_s: float
    encode_s: float

    @property
    def total_s(self) -> float:
        """All stages together."""
        return self.decode_s + self.inscriptions_s + self.segment_s + self.measure_s + self.encode_s


@dataclass(frozen=True, slots=True)
class Analysed(Generic[Key]):
    """An order whose analysis is ready to be saved; its files are in the store."""

    key: Key
    micrograph: Micrograph
    analysis: Analysis
    files: AnalysisFiles
    timings: StageTimings
    load: NetworkLoad
    stages: tuple[Stage, ...]


@dataclass(frozen=True, slots=True)
class Failed(Generic[Key]):
    """An order that came to nothing, by an error of this image alone."""

    key: Key
    error: BaseException


Outcome = Analysed[Key] | Failed[Key]


@dataclass(frozen=True, slots=True)
class Unseen:
    """An image that its segmenter sees and splits in one go."""

    segmenter: Segmenter
    image: FloatImage

    def segmentation(self) -> Segmentation:
        """Find the particles."""
        return self.segmenter(self.image)
