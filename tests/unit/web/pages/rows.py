"""Rows for the tests of the pages, and what a page must be."""

from hashlib import sha256
from typing import Any

from sqlalchemy import update
from werkzeug.test import TestResponse

from shared import submissions
from shared.database import Database, database_time
from shared.domain import Parameters
from shared.finding_rows import ParticleRow
from shared.jobs import JobState
from shared.models import AnalysisRow, JobRow
from shared.quantities import PARTICLE_QUANTITIES
from tests.models import NETWORK


def add_job(
    database: Database, name: str, state: JobState = JobState.QUEUED, submission: int | None = None, **columns: Any
) -> int:
    """One job in a state; a submission of its own where none is named."""
    with database.writing() as session:
        if submission is None:
            parameters = Parameters(NETWORK.reference, nm_per_px=0.5)
            submission = submissions.create_submission(session, "Gold", "Batch 7", parameters).id
        row = submissions.add_job(session, submission, sha256(name.encode()).hexdigest(), 10, name).row
        values = {"state": state, **columns}
        if state in (JobState.DONE, JobState.FAILED):
            values |= {"started_at": database_time(), "finished_at": database_time(2.5)}
        session.execute(update(JobRow).where(JobRow.id == row.id).values(values))
        return row.id


def add_result(database: Database, name: str = "grid.png", *, nm_per_px: float | None = 0.5, **columns: Any) -> tuple[int, int]:
    """A finished job and its analysis of three particles; returns both ids."""
    job_id = add_job(database, name)
    statistics = {"mean": 40.0, "sd": 4.567, "d10": 30.0, "d50": 41.3, "d90": 50.0}
    with database.writing() as session:
        job = submissions.job(session, job_id)
        values = {
            "image_sha256": job.image_sha256,
            "model_name": "classical",
            "model_version": "3",
            "parameters": {"model": "classical-3", "nm_per_px": nm_per_px, "min_confidence": 0.5},
            "parameters_sha256": "9" * 64,
            "software_version": "0.1.0",
            "created_at": database_time(),
            "duration_s": 1.5,
            "format": "TIFF",
            "bit_depth": 16,
            "width_px": 640,
            "height_px": 512,
            "banner_top": 480,
            "banner_bottom": 512,
            "field_top": 0,
            "field_bottom": 480,
            "field_left": 0,
            "field_right": 640,
            "nm_per_px": nm_per_px,
            "calibration_source": "manual" if nm_per_px else None,
            "calibration_status": "ok" if nm_per_px else "missing",
            "counting_rule": "all",
            "warnings": ["Only the first of 3 pages was read."],
            "n_particles": 3,
            "n_touching_border": 1,
            **{f"ecd_{key}_px": value for key, value in statistics.items()},
            **{f"ecd_{key}_nm": nm_per_px and value * nm_per_px for key, value in statistics.items()},
            **{f"{kind}_sha256": "b" * 64 for kind in ("labels", "outlines", "overlay", "preview", "thumbnail")},
        }
        analysis = AnalysisRow(**(values | columns))
        session.add(analysis)
        session.flush()
        names = [quantity.name for quantity in PARTICLE_QUANTITIES if quantity.name not in {"label", "touches_border"}]
        for label in (1, 2, 3) if analysis.n_particles else ():
            numbers = dict.fromkeys(names, 10.0 * label) | {"area_px": label, "confidence": None, "low_confidence": None}
            if analysis.n_low_confidence is not None:
                numbers |= {"confidence": label / 4, "low_confidence": label == 1}
            session.add(ParticleRow(analysis_id=analysis.id, label=label, touches_border=label == 1, **numbers))
        session.execute(
            update(JobRow)
            .where(JobRow.id == job_id)
            .values(state=JobState.DONE, analysis_id=analysis.id, started_at=database_time(), finished_at=database_time(2.5))
        )
        return job_id, analysis.id


def page(response: TestResponse, status: int = 200) -> str:
    assert response.status_code == status, response.text
    assert response.mimetype == "text/html"
    return response.text
