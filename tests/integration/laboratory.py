"""Images with what their files state, analysed as a worker does but without pixels, for the tests of pixel sizes."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sqlalchemy import select, update
from sqlalchemy.orm import undefer

from shared import decisions, jobs, recalibration, results, submissions
from shared.calibration import Choice, calibration
from shared.database import Database, database_time
from shared.decisions import Target
from shared.domain import Analysis, Metadata, Micrograph, Parameters, ScaleBar
from shared.finding_rows import ParticleRow, RecordingRow
from shared.geometry import Box
from shared.leases import JobState
from shared.models import AnalysisRow, ChangeRow, DecisionRow, SubmissionRow
from shared.results import AnalysisFiles
from tests.integration.analyses import FILES, MODEL, SIDE, make_analysis, particle_table
from worker.recalibrator import Recalibrator

LEASE_S = 60.0
MAX_ATTEMPTS = 3
SEM = Metadata(vendor="ZEISS", model="Merlin", magnification=50_000.0)


def scale_bar(nm_per_px: float) -> ScaleBar:
    """A bar of 100 px."""
    return ScaleBar("a bar", 100 * nm_per_px, 100.0, 10.0, 110.0, 120.0, 0.9, Box(110, 128, 0, 128))


def fresh_analysis(nm_per_px: float | None, stated: float | None = None, n: int = 5, **columns: Any) -> Analysis:
    """What the pipeline finds where this pixel size holds: particles and their statistics."""
    particles = particle_table(n, nm_per_px, **columns)
    analysis = make_analysis(particles, nm_per_px)
    return replace(analysis, parameters=Parameters(nm_per_px=stated))


@dataclass(frozen=True, slots=True)
class Held:
    """The calibration of an analysis as its row says."""

    nm_per_px: float | None
    source: str | None
    status: str
    decision_id: int | None


@dataclass
class Laboratory:
    """A database in which images are handed in, analysed, and decided about."""

    database: Database

    def submit(self, stated: float | None = None) -> int:
        """Open a submission."""
        with self.database.writing() as session:
            return submissions.create_submission(session, "project", None, Parameters(nm_per_px=stated)).id

    def add(self, submission: int, image: str, ending: str = ".tif") -> int:
        """Hand an image in; returns the job."""
        with self.database.writing() as session:
            sha256 = hashlib.sha256(image.encode()).hexdigest()
            return submissions.add_job(session, submission, sha256, 10, f"{image}{ending}").row.id

    def analyse(
        self,
        job_id: int,
        metadata: Metadata | None = None,
        bar: float | None = None,
        before_commit: Callable[[], object] = lambda: None,
        files: AnalysisFiles = FILES,
        **columns: Any,
    ) -> int:
        """Do a worker's work on a job; returns the analysis."""
        with self.database.writing() as session:
            (held,) = jobs.claim(session, [job_id], lease_s=LEASE_S, max_attempts=MAX_ATTEMPTS)
        stated = Parameters.from_stored(held.stored_parameters).nm_per_px
        found = calibration(stated, None if metadata is None else metadata.nm_per_px, bar)
        analysis = replace(fresh_analysis(found.nm_per_px, stated, **columns), calibration=found)
        analysis = replace(analysis, scale_bar=None if bar is None else scale_bar(bar))
        micrograph = Micrograph(np.zeros((SIDE, SIDE), dtype=np.uint8), "TIFF", metadata=metadata)
        with self.database.writing() as session:
            number = results.find_analyses(session, [held.image_sha256]).get(
                results.identity(held.image_sha256, MODEL, analysis.parameters)
            )
            if number is None:
                number = results.save_analysis(session, held.image_sha256, micrograph, analysis, files, duration_s=0.5)
            jobs.finish(session, held, number)
            recalibration.settle(session, number)
            before_commit()
        return number

    def analysed(
        self, image: str, metadata: Metadata | None = None, bar: float | None = None, stated: float | None = None
    ) -> int:
        """Hand an image in by itself and analyse it."""
        return self.analyse(self.add(self.submit(stated), image), metadata, bar)

    def analysed_with_crop(self, image: str, sha256: str) -> int:
        """Analyse an image whose scale bar was read and cut out."""
        return self.analyse(self.add(self.submit(), image), bar=2.0, files=replace(FILES, scale_bar_crop_sha256=sha256))

    def target(self, kind: Callable[[AnalysisRow], Target], analysis_id: int) -> Target:
        """Name the image or the instrument of an analysis."""
        with self.database.reading() as session:
            return kind(results.analysis(session, analysis_id))

    def decide(self, target: Target, choice: Choice = Choice.MANUAL, nm_per_px: float | None = None) -> int:
        """Make a decision; nothing is applied yet."""
        with self.database.writing() as session:
            return decisions.decide(session, target, "Ada", choice, nm_per_px).id

    def decide_for_image(self, analysis_id: int, nm_per_px: float | None, choice: Choice = Choice.MANUAL) -> int:
        """Make a decision about the image of an analysis."""
        return self.decide(self.target(decisions.target_image, analysis_id), choice, nm_per_px)

    def decide_for_submission(self, submission: int, nm_per_px: float | None, choice: Choice = Choice.MANUAL) -> int:
        """Make a decision about a submission."""
        with self.database.reading() as session:
            target = decisions.target_submission(session, submission)
        return self.decide(target, choice, nm_per_px)

    def decide_for_instrument(self, analysis_id: int, nm_per_px: float | None, choice: Choice = Choice.MANUAL) -> int:
        """Make a decision about images like that of an analysis."""
        return self.decide(self.target(decisions.target_instrument, analysis_id), choice, nm_per_px)

    def apply(self, *decision_ids: int) -> None:
        """Do a worker's work on decisions, one after the other."""
        for number in decision_ids:
            Recalibrator(self.database, lease_s=LEASE_S, max_attempts=MAX_ATTEMPTS).run(number)

    def decision(self, number: int) -> DecisionRow:
        """Read a decision."""
        with self.database.reading() as session:
            return decisions.decision(session, number)

    def held(self, analysis_id: int) -> Held:
        """Read the calibration of an analysis."""
        with self.database.reading() as session:
            row = results.analysis(session, analysis_id)
            return Held(row.nm_per_px, row.calibration_source, row.calibration_status, row.decision_id)

    def changes(self, analysis_id: int) -> list[tuple[int | None, float | None, float | None]]:
        """Read who changed what, the oldest first."""
        with self.database.reading() as session:
            rows = decisions.changes_page(session, analysis_id, before=None, limit=100)
            return [(row.decision_id, row.nm_per_px_before, row.nm_per_px_after) for row in reversed(rows)]

    def particles(self, analysis_id: int) -> list[ParticleRow]:
        """Read the particles of an analysis."""
        with self.database.reading() as session:
            return list(results.all_particles(session, analysis_id))

    def analysis(self, analysis_id: int) -> AnalysisRow:
        """Read an analysis with all its columns."""
        with self.database.reading() as session:
            return session.get_one(AnalysisRow, analysis_id, options=[undefer("*")])

    def bins(self, analysis_id: int) -> bytes | None:
        """Read what pooling knows of the diameters of an analysis."""
        return self.analysis(analysis_id).ecd_bins

    def everything(self) -> list[tuple[Any, ...]]:
        """Read all analyses, particles and changes, to see whether anything is another."""
        with self.database.reading() as session:
            tables: Iterable[Any] = (AnalysisRow.__table__, ParticleRow.__table__, ChangeRow.__table__)
            return [tuple(row) for table in tables for row in session.execute(select(table).order_by(*table.primary_key))]

    def age_submission(self, submission: int, seconds: float) -> None:
        """Have a submission been opened so long ago."""
        with self.database.writing() as session:
            session.execute(
                update(SubmissionRow).where(SubmissionRow.id == submission).values(created_at=database_time(-seconds))
            )

    def begin_again(self, decision_id: int) -> None:
        """Let the lease of a decision have run out, as after the death of its worker at the very end."""
        with self.database.writing() as session:
            lost = {"state": JobState.RUNNING, "lease_until": database_time(-1), "attempts": 1}
            session.execute(update(DecisionRow).where(DecisionRow.id == decision_id).values(lost))

    def fail(self, decision_id: int) -> None:
        """Let the work of applying a decision fail."""
        with self.database.writing() as session:
            held = decisions.ERRANDS.claim(session, decision_id, lease_s=LEASE_S, max_attempts=MAX_ATTEMPTS)
            if held is not None:
                decisions.ERRANDS.fail(session, held, "storage_full", "The disk is full.")

    def forget_recordings(self) -> None:
        """Make analyses such as earlier releases have left."""
        with self.database.writing() as session:
            session.execute(update(AnalysisRow).values(recording_id=None))

    def recordings(self) -> list[RecordingRow]:
        """Read all recordings."""
        with self.database.reading() as session:
            return list(session.scalars(select(RecordingRow).order_by(RecordingRow.id)))
