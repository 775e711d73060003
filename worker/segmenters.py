"""The segmenters of this release by name."""

from shared.domain import Segmenter
from shared.errors import InputError
from worker.analysis.classical import ClassicalSegmenter


def create_segmenter(name: str) -> Segmenter:
    """Return the segmenter of that name; raises InputError ``unknown_model`` where there is none."""
    if name == "classical":
        return ClassicalSegmenter()
    raise InputError(f"There is no model {name!r}; this release has: classical.", code="unknown_model")
