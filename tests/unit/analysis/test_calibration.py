"""Which pixel size holds, and that a contradiction gives none."""

import numpy as np
import pytest

from shared.domain import Calibration, Metadata, Micrograph
from worker.analysis.calibration import calibrate, calibration


def test_a_persons_value_wins_over_everything() -> None:
    assert calibration(3.0, 1.0, 2.0) == Calibration(3.0, "manual", "ok")


@pytest.mark.parametrize(
    ("metadata", "scale_bar", "expected"),
    [
        (1.5, None, Calibration(1.5, "metadata", "ok")),
        (None, 1.5, Calibration(1.5, "scale_bar", "ok")),
        (None, None, Calibration(None, None, "missing")),
        (1.0, 1.019, Calibration(1.0, "metadata", "ok")),
        (1.019, 1.0, Calibration(1.019, "metadata", "ok")),
        (1.0, 1.021, Calibration(None, None, "conflict")),
        (1.021, 1.0, Calibration(None, None, "conflict")),
    ],
)
def test_two_readings_confirm_each_other_up_to_two_percent(metadata, scale_bar, expected) -> None:
    assert calibration(None, metadata, scale_bar) == expected


def test_a_micrograph_is_calibrated_by_what_its_file_states() -> None:
    pixels = np.zeros((4, 4), np.uint8)
    assert calibrate(Micrograph(pixels, "TIFF", metadata=Metadata(nm_per_px=2.0)), None) == Calibration(2.0, "metadata", "ok")
    assert calibrate(Micrograph(pixels, "TIFF", metadata=Metadata(nm_per_px=2.0)), 4.0) == Calibration.manual(4.0)
    assert calibrate(Micrograph(pixels, "PNG"), None) == Calibration.missing()
