"""Analyses as the pipeline would return them, made of drawn discs, for the tests of what becomes of them."""

import numpy as np
from numpy.typing import NDArray

from shared import submissions
from shared.arrays import FloatImage
from shared.database import Database
from shared.distributions.fitness import judge
from shared.distributions.size_statistics import size_statistics
from shared.domain import DEFAULT_MIN_CONFIDENCE, Analysis, Calibration, Micrograph, ModelIdentity, Parameters, Segmentation
from shared.geometry import AnalysedField
from shared.models import ImageRow
from shared.quantities import ParticleTable
from shared.results import AnalysisFiles, save_analysis

SIDE = 128
SHA256 = "a" * 64
MODEL = ModelIdentity("drawn", "1", "d" * 64)
LENGTH_COLUMNS = ("ecd", "perimeter", "feret_max", "feret_min", "feret_mean", "major_axis", "minor_axis", "nnd", "nn_gap")
SHAPE_COLUMNS = (
    *("aspect_ratio", "elongation", "circularity", "roundness", "solidity", "convexity", "extent", "eccentricity"),
    *("orientation_deg", "mean_intensity", "sd_intensity", "edge_weight"),
)
FILES = AnalysisFiles(*(letter * 64 for letter in "bcdef"))


class DiscSegmenter:
    """Labels the bright discs that `draw_discs` draws, and counts how often it was asked to."""

    identity = MODEL

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, image: FloatImage) -> Segmentation:
        from skimage.measure import label

        self.calls += 1
        return Segmentation(np.asarray(label(image > 0.5), dtype=np.int32))


def draw_discs(n_discs: int = 4, radius: int = 9) -> NDArray[np.uint8]:
    """Bright discs on a dark ground, none at the border."""
    image = np.full((SIDE, SIDE), 30, dtype=np.uint8)
    y, x = np.mgrid[:SIDE, :SIDE]
    for number in range(n_discs):
        row, column = divmod(number, 4)
        image[(y - 16 - 32 * row) ** 2 + (x - 16 - 32 * column) ** 2 <= radius**2] = 220
    return image


def particle_table(n: int, nm_per_px: float | None = None, **columns: NDArray[np.float64]) -> ParticleTable:
    """A table of n particles with plain values, some columns given."""
    values: dict[str, NDArray[np.generic] | None] = {"label": np.arange(1, n + 1), "touches_border": np.arange(n) % 3 == 0}
    for name in ("centroid_y", "centroid_x", "area", *LENGTH_COLUMNS):
        values[f"{name}_px"] = columns.get(f"{name}_px", np.linspace(10, 20, n))
    values["area_px"] = np.asarray(values["area_px"], dtype=np.int64)
    for name in LENGTH_COLUMNS:
        pixels = values[f"{name}_px"]
        values[f"{name}_nm"] = None if nm_per_px is None else np.asarray(pixels, dtype=np.float64) * nm_per_px
    values["area_nm2"] = None if nm_per_px is None else values["area_px"] * nm_per_px**2
    for name in SHAPE_COLUMNS:
        values[name] = columns.get(name, np.linspace(0.5, 1, n))
    if "confidence" in columns:
        values["confidence"] = columns["confidence"]
        values["low_confidence"] = columns["confidence"] < DEFAULT_MIN_CONFIDENCE
    return ParticleTable(**values)  # type: ignore[arg-type]


def make_analysis(particles: ParticleTable, nm_per_px: float | None = None) -> Analysis:
    """An analysis that found these particles."""
    calibration = Calibration.missing() if nm_per_px is None else Calibration.manual(nm_per_px)
    return Analysis(
        model=MODEL,
        parameters=Parameters(nm_per_px=nm_per_px),
        calibration=calibration,
        banner=None,
        field=AnalysedField(0, SIDE, 0, SIDE),
        labels=np.zeros((SIDE, SIDE), dtype=np.int32),
        particles=particles,
        statistics=size_statistics(particles, SIDE**2),
        fitness=judge(particles, SIDE**2),
        warnings=("One.", "Two."),
    )


def save(database: Database, analysis: Analysis, sha256: str = SHA256) -> int:
    """Store an analysis, with its image where that is new."""
    micrograph = Micrograph(np.zeros((SIDE, SIDE), dtype=np.uint8), "PNG", ("First page only.",))
    with database.writing() as session:
        if session.get(ImageRow, sha256) is None:
            submission = submissions.create_submission(session, "project", None, analysis.parameters).id
            submissions.add_job(session, submission, sha256, 10, "discs.png")
    with database.writing() as session:
        return save_analysis(session, sha256, micrograph, analysis, FILES, duration_s=0.5)
