"""How long a decision about a pixel size takes until every image obeys: stored analyses and particles recomputed in bulk.

usage: python -m benchmarks.recalibration [--images N] [--particles N]

Makes a submission of analysed images on SQLite and on PostgreSQL, without files and without computing anything, and times one
decision about all of it three times: the first value (NULL becomes a number), another value, and back to none.
"""

import argparse
import logging
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import structlog
from sqlalchemy import func, insert, select

from benchmarks.servers import database_in
from shared import decisions, submissions
from shared.calibration import Choice
from shared.database import Database
from shared.domain import Parameters
from shared.finding_rows import ParticleRow
from shared.leases import JobState
from shared.models import AnalysisRow, ImageRow, JobRow
from shared.nanometres import PARTICLE_CONVERSIONS
from shared.quantities import PARTICLE_QUANTITIES
from shared.schema import upgrade
from worker.recalibrator import Recalibrator

LEASE_S = 60.0
NOW = datetime.now(UTC)
ROUNDS = ((Choice.MANUAL, 0.5), (Choice.MANUAL, 0.25), (Choice.AUTOMATIC, None))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="How long a decision about a pixel size takes.")
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--particles", type=int, default=100)
    arguments = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    print(f"{arguments.images} images of {arguments.particles} particles; seconds until all obey")
    print(f"{'database':<12}{'first value':>14}{'another value':>16}{'taken back':>14}")
    with tempfile.TemporaryDirectory(prefix="saemi-bench-") as folder:
        for name in ("SQLite", "PostgreSQL"):
            with database_in(Path(folder), name.lower()) as database:
                submission = make_rows(database, arguments.images, arguments.particles)
                first, other, back = (seconds(database, submission, *one) for one in ROUNDS)
            print(f"{name:<12}{first:>14.1f}{other:>16.1f}{back:>14.1f}", flush=True)


def make_rows(database: Database, n_images: int, n_particles: int) -> int:
    """Store a submission of analysed images that state no pixel size; returns its number."""
    upgrade(database)
    with database.writing() as session:
        submission = submissions.create_submission(session, "recalibration", None, Parameters()).id
    particles = _particles(n_particles)
    for first in range(0, n_images, 500):
        numbers = range(first + 1, min(first + 500, n_images) + 1)
        with database.writing() as session:
            images = [{"sha256": f"{number:064x}", "n_bytes": 1, "created_at": NOW} for number in numbers]
            session.execute(insert(ImageRow), images)
            session.execute(insert(AnalysisRow), [_analysis(number, n_particles) for number in numbers])
            session.execute(insert(JobRow), [_job(number, submission) for number in numbers])
            of_all = [{"analysis_id": number, **particle} for number in numbers for particle in particles]
            session.connection().execute(insert(ParticleRow.__table__), of_all)
    return submission


def seconds(database: Database, submission: int, choice: Choice, nm_per_px: float | None) -> float:
    """Decide for the whole submission and time the work; ends the script where a row does not obey."""
    with database.writing() as session:
        target = decisions.target_submission(session, submission)
        number = decisions.decide(session, target, "benchmark", choice, nm_per_px).id
    started = time.perf_counter()
    Recalibrator(database, lease_s=LEASE_S, max_attempts=3).run(number)
    elapsed_s = time.perf_counter() - started
    with database.reading() as session:
        row = decisions.decision(session, number)
        wanted = ParticleRow.ecd_nm.is_(None) if nm_per_px is None else ParticleRow.ecd_nm == ParticleRow.ecd_px * nm_per_px
        n_wrong = session.scalar(select(func.count()).select_from(ParticleRow).where(~wanted | wanted.is_(None)))
        if row.state != JobState.DONE or row.n_changed != row.n_analyses or n_wrong:
            raise SystemExit(f"{row.state}: {row.n_changed} of {row.n_analyses} changed, {n_wrong} particles wrong")
    return elapsed_s


def _particles(count: int) -> list[dict[str, object]]:
    drawn = np.random.default_rng(0).uniform(10, 20, size=(count, len(PARTICLE_QUANTITIES)))
    in_nm = {conversion.name for conversion in PARTICLE_CONVERSIONS}
    names = [q.name for q in PARTICLE_QUANTITIES if q.name not in in_nm | {"confidence", "low_confidence"}]
    rows = [dict(zip(names, map(float, values), strict=False)) for values in drawn]
    return [{**row, "label": n, "area_px": int(row["area_px"]), "touches_border": False} for n, row in enumerate(rows, 1)]


def _analysis(number: int, n_particles: int) -> dict[str, object]:
    texts = ("model_name", "model_version", "parameters_sha256", "software_version", "format", "counting_rule")
    files = ("labels_sha256", "outlines_sha256", "overlay_sha256", "preview_sha256", "thumbnail_sha256")
    counts = (
        "bit_depth",
        "width_px",
        "height_px",
        "field_top",
        "field_bottom",
        "field_left",
        "field_right",
        "n_touching_border",
    )
    statistics = {f"ecd_{name}_px": 15.0 for name in ("mean", "sd", "d10", "d50", "d90")}
    own = {"id": number, "image_sha256": f"{number:064x}", "n_particles": n_particles, "calibration_status": "missing"}
    known = {"parameters": {"nm_per_px": None}, "warnings": [], "duration_s": 1.0, "created_at": NOW}
    return dict.fromkeys((*texts, *files), "x") | dict.fromkeys(counts, 1) | statistics | own | known


def _job(number: int, submission: int) -> dict[str, object]:
    done = {"state": JobState.DONE, "attempts": 1, "created_at": NOW}
    image = {"image_sha256": f"{number:064x}", "source_name": f"{number}.tif"}
    return {"submission_id": submission, "analysis_id": number, **image, **done}


if __name__ == "__main__":
    main()
