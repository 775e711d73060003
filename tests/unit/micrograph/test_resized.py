"""An image that was resized no longer has the pixel size of its file, even where the file states no columns."""

import cv2
import numpy as np
import pytest

from tests.unit.analysis.scale_bar.drawing import canvas, specimen
from tests.unit.micrograph.files import bmp_bytes, write
from worker.micrograph.decode import RESIZED, decode

BANNER_ROWS = 60
TESCAN = f"[MAIN]\nDevice=TESCAN AMBER\nImageStripSize={BANNER_ROWS}\nPixelSizeX=0.000000005\nPixelSizeY=0.000000005\n"


def recorded() -> np.ndarray:
    """A picture above a banner of so many rows, as the microscope writes it."""
    strip = canvas(BANNER_ROWS, 800)
    strip.text("SEM HV: 5.0 kV   WD: 4.2 mm   Det: E-T", 20, 8, 18, 230)
    strip.text("View field: 4.0 um   Date: 03/24/23", 20, 34, 18, 230)
    return np.vstack([specimen(600, 800), strip.pixels()])


@pytest.mark.parametrize("scale", [0.5, 0.75, 1.5])
def test_a_resized_image_whose_file_states_no_columns_is_told_by_its_banner(tmp_path, scale) -> None:
    resized = cv2.resize(recorded(), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    write(tmp_path, TESCAN.encode(), "a.hdr")
    micrograph = decode(write(tmp_path, bmp_bytes(resized), "a.bmp"))
    assert micrograph.metadata is not None
    assert (micrograph.metadata.nm_per_px, micrograph.metadata.databar_top) == (None, None)
    assert RESIZED in micrograph.warnings
    assert micrograph.metadata.instrument == "TESCAN AMBER"


def test_the_image_as_it_was_recorded_keeps_both(tmp_path) -> None:
    write(tmp_path, TESCAN.encode(), "a.hdr")
    micrograph = decode(write(tmp_path, bmp_bytes(recorded()), "a.bmp"))
    assert micrograph.metadata is not None
    assert micrograph.metadata.nm_per_px == pytest.approx(5)
    assert micrograph.metadata.databar_top == 600
    assert micrograph.warnings == ()
