"""The pixel size of a micrograph: a person's value, else the file's."""

import numpy as np

from shared.domain import Calibration, Metadata, Micrograph
from worker.analysis.calibration import calibrate


def test_a_micrograph_is_calibrated_by_what_its_file_states() -> None:
    pixels = np.zeros((4, 4), np.uint8)
    assert calibrate(Micrograph(pixels, "TIFF", metadata=Metadata(nm_per_px=2.0)), None) == Calibration(2.0, "metadata", "ok")
    assert calibrate(Micrograph(pixels, "TIFF", metadata=Metadata(nm_per_px=2.0)), 4.0) == Calibration.manual(4.0)
    assert calibrate(Micrograph(pixels, "PNG"), None) == Calibration.missing()
