"""The pixel size of a micrograph, by what a person states and by what its file states."""

from shared.calibration import calibration
from shared.domain import Calibration, Micrograph


def calibrate(micrograph: Micrograph, manual: float | None) -> Calibration:
    """Choose the pixel size of a micrograph: a person's value, nm, else what its file states."""
    stated = None if micrograph.metadata is None else micrograph.metadata.nm_per_px
    return calibration(manual, stated, scale_bar=None)
