"""Contents of outputs made of drawn ellipses that were really measured, for the tests of figures and report."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np

from shared.arrays import Labels
from shared.geometry import AnalysedField
from shared.quantities import ParticleTable
from worker.analysis.measurement.particles import measure
from worker.outputs.content import AnalysedImage, Choices, Content, LeftOut

ROWS, COLUMNS, BANNER = 240, 320, 20
FIELD = AnalysedField(0, ROWS - BANNER, 0, COLUMNS)
COMMAND = "saemi export --format pdf --where 'submission=12'"


def drawn_labels(seed: int, n_particles: int, radius_px: float | None = None) -> Labels:
    """Ellipses that do not overlap, log-normal unless all have one radius; some leave the field."""
    random = np.random.default_rng(seed)
    labels = np.zeros((ROWS, COLUMNS), dtype=np.int32)
    placed = 0
    for _ in range(200 * n_particles):
        if placed == n_particles:
            break
        radius = radius_px or float(np.exp(random.normal(np.log(8), 0.3)))
        y, x = random.uniform(0, FIELD.bottom), random.uniform(0, COLUMNS)
        if radius_px is not None:
            y, x = float(round(y)), float(round(x))
        axes = (radius, radius) if radius_px else (radius * 1.1, radius / 1.1)
        mask = np.zeros(labels.shape, dtype=np.uint8)
        angle = 0.0 if radius_px else random.uniform(0, 180)
        scaled = tuple(round(value * 16) for value in axes)
        cv2.ellipse(mask, (round(x * 16), round(y * 16)), scaled, angle, 0, 360, 1, cv2.FILLED, shift=4)
        mask[FIELD.bottom :] = 0
        if mask.sum() > 8 and not labels[cv2.dilate(mask, np.ones((3, 3), np.uint8)) > 0].any():
            placed += 1
            labels[mask > 0] = placed
    return labels


def drawn_image(
    name: str = "a.tif", *, seed: int = 0, n_particles: int = 30, nm_per_px: float | None = 0.5, **record: Any
) -> AnalysedImage:
    """An image with its particles; ``record`` replaces what is known of it."""
    return image_of(name, drawn_labels(seed, n_particles), nm_per_px, seed=seed, **record)


def image_of(name: str, labels: Labels, nm_per_px: float | None, *, seed: int = 0, **record: Any) -> AnalysedImage:
    """An analysed image of a label map."""
    random = np.random.default_rng(seed)
    grey = np.clip(60 + 110 * (labels > 0) + random.normal(0, 12, labels.shape), 0, 255).astype(np.uint8)
    grey[FIELD.bottom :] = 255
    table = measure(labels, FIELD, nm_per_px, (), grey)
    return AnalysedImage(
        name=name,
        stem=name.rpartition("/")[2].rpartition(".")[0] or name,
        record=plain_record(name, table, nm_per_px) | record,
        particles=lambda: table,
        labels=lambda: labels,
        preview=lambda: grey,
    )


def plain_record(name: str, table: ParticleTable, nm_per_px: float | None) -> dict[str, Any]:
    """What is known of an image, under the names of the summary."""
    return {
        "file": name,
        "state": "done",
        "width_px": COLUMNS,
        "height_px": ROWS,
        "bit_depth": 8,
        "format": "TIFF",
        "nm_per_px": nm_per_px,
        "calibration_source": None if nm_per_px is None else "metadata",
        "calibration_status": "missing" if nm_per_px is None else "ok",
        "instrument": "ZEISS Sigma 300",
        "magnification": 50_000.0,
        "voltage_kv": 5.0,
        "acquired_at": "2026-03-04T10:20:30",
        "metadata_nm_per_px": nm_per_px,
        "scale_bar_nm_per_px": None,
        "field_top": FIELD.top,
        "field_bottom": FIELD.bottom,
        "field_left": FIELD.left,
        "field_right": FIELD.right,
        "n_particles": len(table),
        "n_low_confidence": None,
        "counting_rule": "exclude-border-weighted",
        "model_name": "particlenet",
        "model_version": "2",
        "model_sha256": "a9c16f0e4a2e8ddd5bcf9e43f430596eab9747ef69c345ecb001402a81437259",
        "parameters_sha256": "5" * 64,
        "software_version": "0.1.0",
        "warnings": [],
        "sample": "S1",
    }


def content_of(images: Sequence[AnalysedImage], *, left_out: Sequence[LeftOut] = (), choices: Choices | None = None) -> Content:
    """A content of these images."""
    return Content("Submission 12, gold", images, left_out, choices or Choices(), COMMAND)
