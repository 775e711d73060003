"""Micrographs that are drawn, and analyses of them stored as a worker stores them."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from shared import jobs, recalibration, results, submissions
from shared.calibration import calibration
from shared.database import Database
from shared.distributions.size_statistics import size_statistics
from shared.domain import Metadata, Micrograph, Parameters, ScaleBar
from shared.geometry import Box, specimen_area_px
from shared.storage import FolderBlobStore, put_bytes
from tests.integration.analyses import DiscSegmenter
from tests.stack import Stack
from worker.analysis.measurement.particles import measure
from worker.files import store_files
from worker.pipeline import analyse

RADII_PX = (8, 10, 12, 14, 16, 18)
SIDE_PX = 256
# The bar that `draw_bar` draws: between the centres of its first and its last pixel.
BAR_Y, BAR_X0, BAR_X1 = 240, 40, 140
BAR_NM = 100.0


def draw_discs(path: Path, seed: int) -> Path:
    """Six bright discs that do not touch, on a dark ground with a little noise."""
    rows, columns = np.mgrid[:SIDE_PX, :SIDE_PX]
    image = np.random.default_rng(seed).normal(50, 3, (SIDE_PX, SIDE_PX))
    for number, radius in enumerate(RADII_PX):
        y, x = 60 + 120 * (number // 3), 45 + 80 * (number % 3)
        image[(rows - y) ** 2 + (columns - x) ** 2 <= radius**2] += 130
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(path)
    return path


def draw_bar(path: Path, seed: int) -> Path:
    """Discs and a bar of one row, from `BAR_X0` to `BAR_X1`, too dark to be taken for a particle."""
    image = np.asarray(Image.open(draw_discs(path, seed))).copy()
    image[BAR_Y, BAR_X0 : BAR_X1 + 1] = 80
    Image.fromarray(image).save(path)
    return path


@dataclass(frozen=True, slots=True)
class Stored:
    """A submission and its analyses."""

    submission: int
    analyses: list[int]


def store_analyses(stack: Stack, images: list[Path], metadata: Metadata | None, *, has_bar: bool = False) -> Stored:
    """Store drawn images as one submission with what their files state, and whether a scale bar of `BAR_NM` was read."""
    database = Database(f"sqlite:///{stack.data_dir / 'saemi.db'}")
    store = FolderBlobStore(stack.data_dir / "blobs")
    with database.writing() as session:
        submission = submissions.create_submission(session, "Pixel sizes", None, Parameters("drawn-1")).id
    stored = Stored(submission, [_store(database, store, submission, path, metadata, has_bar=has_bar) for path in images])
    database.dispose()
    return stored


def _store(
    database: Database, store: FolderBlobStore, submission: int, path: Path, metadata: Metadata | None, *, has_bar: bool
) -> int:
    crop = Box(BAR_Y - 12, BAR_Y + 8, BAR_X0 - 10, BAR_X1 + 10)
    bar = ScaleBar("100 nm", BAR_NM, BAR_X1 - BAR_X0, BAR_X0, BAR_X1, BAR_Y, 0.9, crop) if has_bar else None
    micrograph = Micrograph(np.asarray(Image.open(path)), "PNG", metadata=metadata)
    found = analyse(micrograph, Parameters("drawn-1"), DiscSegmenter())
    known = calibration(None, metadata.nm_per_px if metadata else None, bar.nm_per_px if bar else None)
    particles = measure(found.labels, found.field, known.nm_per_px)
    analysis = replace(
        found,
        calibration=known,
        particles=particles,
        statistics=size_statistics(particles, specimen_area_px(found.field)),
        scale_bar=bar,
    )
    analysis = replace(analysis, annotations=(crop,) if has_bar else ())
    files = store_files(store, micrograph, analysis)
    with database.writing() as session:
        job = submissions.add_job(session, submission, put_bytes(store, path.read_bytes()), 11, path.name).row
        (claim,) = jobs.claim(session, [job.id], lease_s=60, max_attempts=1)
        number = results.save_analysis(session, claim.image_sha256, micrograph, analysis, files, duration_s=1.0)
        jobs.finish(session, claim, number)
        recalibration.settle(session, number)
    return number
