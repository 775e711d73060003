"""Contents of outputs with many drawn ellipses, for the tests of figures and report."""

from functools import cache
from typing import Any

import cv2
import numpy as np

from shared.arrays import Labels
from shared.calibration import calibration
from tests.unit.outputs.made import analysed_image
from worker.outputs.content import AnalysedImage

ROWS, COLUMNS = 220, 320
RECORDED = {"instrument": "ZEISS Sigma 300", "magnification": 50_000.0, "voltage_kv": 5.0, "acquired_at": "2026-03-04T10:20:30"}


@cache
def ellipses(seed: int, n_particles: int) -> Labels:
    """Ellipses of log-normal size that do not touch; the border of the field cuts some."""
    random = np.random.default_rng(seed)
    labels = np.zeros((ROWS, COLUMNS), dtype=np.int32)
    placed = 0
    while placed < n_particles:
        radius = float(np.exp(random.normal(np.log(8), 0.3)))
        centre = random.uniform(0, COLUMNS), random.uniform(0, ROWS)
        drawn = np.zeros(labels.shape, dtype=np.uint8)
        x, y, long, short = (round(value * 16) for value in (*centre, radius * 1.1, radius / 1.1))
        cv2.ellipse(drawn, (x, y), (long, short), random.uniform(0, 180), 0, 360, 1, cv2.FILLED, shift=4)
        if drawn.any() and not labels[cv2.dilate(drawn, np.ones((3, 3), np.uint8)) > 0].any():
            placed += 1
            labels[drawn > 0] = placed
    return labels


def drawn_image(
    name: str = "a.tif", *, seed: int = 0, n: int = 30, nm_per_px: float | None = 0.5, **record: Any
) -> AnalysedImage:
    """An image with so many particles; ``record`` replaces what is known of it."""
    labels = ellipses(seed, n)
    stem = name.rpartition("/")[2].rpartition(".")[0]
    return analysed_image(labels, name, stem, calibrated=calibration(None, nm_per_px, None), **(RECORDED | record))
