"""Contents of outputs, of drawn and measured particles."""

import csv
import io
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from python_calamine import CalamineWorkbook

from shared.arrays import FloatArray, Labels
from shared.calibration import calibration
from shared.distributions.fitness import judge
from shared.distributions.size_statistics import size_statistics
from shared.domain import Calibration, Parameters
from shared.geometry import specimen_area_px
from shared.results import describe_measurement
from shared.tables import SUBMISSION_COLUMNS
from worker.analysis.measurement.particles import measure
from worker.analysis.padding import analysed_field
from worker.outputs.content import AnalysedImage, Choices, Content, LeftOut
from worker.outputs.formats import writer

MODEL = {"model_name": "drawn", "model_version": "1", "model_sha256": "d" * 64}
COMMAND = "saemi analyze images --format csv"


def drawn_labels(shape: tuple[int, int] = (60, 90)) -> Labels:
    """A disc, an ellipse, a ring, one pixel, two squares that share a corner, and a disc that the border cuts; 7 particles."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    labels = np.zeros(shape, dtype=np.int32)
    labels[(y - 14) ** 2 + (x - 14) ** 2 <= 81] = 1
    labels[((y - 14) / 6) ** 2 + ((x - 40) / 12) ** 2 <= 1] = 2
    ring = (y - 40) ** 2 + (x - 20) ** 2
    labels[(ring <= 144) & (ring >= 25)] = 5
    labels[40, 45] = 6
    labels[30:36, 60:66] = labels[36:40, 66:70] = 7
    labels[50:58, 60:66] = 8
    labels[(y - 30) ** 2 + (x - 89) ** 2 <= 64] = 9
    return labels


def analysed_image(
    labels: Labels,
    name: str = "a.tif",
    stem: str = "a",
    *,
    calibrated: Calibration | None = None,
    confidence: FloatArray | None = None,
    **record: Any,
) -> AnalysedImage:
    """An image whose label map is measured when its particles are asked for; 0.5 nm per px by its metadata unless said."""
    calibrated = calibration(None, 0.5, None) if calibrated is None else calibrated
    field = analysed_field(labels.shape, None)
    particles = measure(labels, field, calibrated.nm_per_px)
    if confidence is not None:
        object.__setattr__(particles, "confidence", confidence)
        object.__setattr__(particles, "low_confidence", confidence < 0.5)
    parameters = Parameters()
    specimen_px = specimen_area_px(field)
    described = describe_measurement(
        labels.shape,
        calibrated,
        None,
        field,
        statistics=size_statistics(particles, specimen_px),
        fitness=judge(particles, specimen_px),
    )
    return AnalysedImage(
        name=name,
        stem=stem,
        record=dict.fromkeys(SUBMISSION_COLUMNS)
        | {"file": name, "state": "done", "image": 1, "n_images": 1, "warnings": [], "parameters_sha256": parameters.digest}
        | MODEL
        | described
        # A test that is about verdicts states them.
        | {"fitness": None, "fitness_reasons": None}
        | record,
        particles=lambda: particles,
        labels=lambda: labels,
        preview=lambda: np.where(labels > 0, 200, 40).astype(np.uint8),
        parameters={"model": parameters.model, "nm_per_px": None, "min_confidence": 0.5},
    )


def content(*images: AnalysedImage, left_out: Sequence[LeftOut] = (), choices: Choices | None = None) -> Content:
    return Content("Submission 12, gold", images, left_out, choices or Choices(), COMMAND)


def written(name: str, what: Content, target: Path) -> list[int]:
    """Write a format, and return what its progress said."""
    progress: list[int] = []
    writer(name)(what, target, progress.append)
    return progress


def summary_of(name: str, path: Path) -> dict[str, Any]:
    """The row of the first image of a table, read from the file."""
    if name == "csv":
        with zipfile.ZipFile(path) as archive:
            return next(csv.DictReader(io.StringIO(archive.read("summary.csv").decode(), newline="")))
    if name == "json":
        image = json.loads(path.read_text())["images"][0]
        del image["particles"]
        return image
    header, row = CalamineWorkbook.from_path(path).get_sheet_by_name("Summary").to_python()[:2]
    return dict(zip(header, row, strict=True))
