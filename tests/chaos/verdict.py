"""What must hold after all faults: nothing lost, nothing counted twice, and the file store agrees with the database."""

import hashlib
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shared.database import Database
from shared.finding_rows import ParticleRow, RecordingRow
from shared.leases import JobState
from shared.model_rows import ModelRow
from shared.models import AnalysisRow, ImageRow, JobRow
from shared.results import AnalysisFiles
from shared.storage import BlobStore
from tests.chaos.facility import Facility
from tests.chaos.images import Lot, file_name, n_discs

PARALLEL_READS = 8


@dataclass(frozen=True, slots=True)
class Verdict:
    """Every list is empty where all is well."""

    lost: list[str]
    failed: list[str]
    unfinished: list[int]
    wrong_analyses: list[str]
    shared_analyses: list[int]
    unclaimed_analyses: list[int]
    wrong_particles: list[int]
    missing_blobs: list[str]
    altered_blobs: list[str]
    unnamed_blobs: list[str]

    @property
    def problems(self) -> dict[str, list[str] | list[int]]:
        """What is not well."""
        return {name: found for name in self.__slots__ if (found := getattr(self, name))}


def judge(facility: Facility, submission: int, lot: Lot) -> Verdict:
    """Compare rows and blobs with what was handed in."""
    named, stored = _named_blobs(facility.database), {blob.sha256 for blob in facility.store.blobs()}
    with facility.database.reading() as session:
        rows = session.execute(
            select(JobRow, AnalysisRow).outerjoin(JobRow.analysis).where(JobRow.submission_id == submission)
        ).all()
        done = {job.source_name: analysis for job, analysis in rows if job.state == JobState.DONE}
        used = Counter(analysis.id for analysis in done.values() if analysis is not None)
        return Verdict(
            lost=sorted({file_name(number) for number in lot.numbers} - {job.source_name for job, _ in rows}),
            failed=[f"{job.source_name}: {job.error_code}" for job, _ in rows if job.state == JobState.FAILED],
            unfinished=[job.id for job, _ in rows if job.state not in (JobState.DONE, JobState.FAILED)],
            wrong_analyses=[
                name for name, analysis in done.items() if analysis is None or analysis.n_particles != n_discs(name)
            ],
            shared_analyses=[number for number, times in used.items() if times > 1],
            unclaimed_analyses=_analyses_of_no_job(session),
            wrong_particles=_miscounted(session),
            missing_blobs=sorted(named - stored),
            altered_blobs=_altered(facility.store, stored),
            unnamed_blobs=sorted(stored - named),
        )


def label_maps(database: Database, submission: int) -> dict[str, str]:
    """SHA-256 of the label map of each job of a submission, by the name of its file."""
    query = select(JobRow.source_name, AnalysisRow.labels_sha256).join(JobRow.analysis)
    with database.reading() as session:
        return dict(session.execute(query.where(JobRow.submission_id == submission)).all())


def _analyses_of_no_job(session: Session) -> list[int]:
    """Analyses that were stored and whose job did not end with them: the image was counted twice, or is about to be."""
    claimed = select(JobRow.id).where(JobRow.analysis_id == AnalysisRow.id)
    return list(session.scalars(select(AnalysisRow.id).where(~claimed.exists())))


def _miscounted(session: Session) -> list[int]:
    """Analyses whose particles are not those that it counts, numbered from 1 without a gap; particles of none among them."""
    counted = (func.count(), func.count(ParticleRow.label.distinct()), func.max(ParticleRow.label))
    query = select(ParticleRow.analysis_id, *counted).group_by(ParticleRow.analysis_id)
    found = {row[0]: tuple(row[1:]) for row in session.execute(query)}
    expected = {
        number: (n_particles, n_particles, n_particles)
        for number, n_particles in session.execute(select(AnalysisRow.id, AnalysisRow.n_particles))
        if n_particles
    }
    return sorted(number for number in found.keys() | expected.keys() if found.get(number) != expected.get(number))


def _named_blobs(database: Database) -> set[str]:
    """The SHA-256 of every file that a row names."""
    columns = [ImageRow.sha256, ModelRow.sha256, RecordingRow.scale_bar_crop_sha256]
    columns += [getattr(AnalysisRow, file.name) for file in fields(AnalysisFiles) if hasattr(AnalysisRow, file.name)]
    with database.reading() as session:
        return {name for column in columns for name in session.scalars(select(column).distinct()) if name is not None}


def _altered(store: BlobStore, names: Iterable[str]) -> list[str]:
    """Blobs whose bytes do not have the hash that is their name."""

    def is_altered(name: str) -> bool:
        with store.open(name) as blob:
            return hashlib.file_digest(blob, "sha256").hexdigest() != name

    names = sorted(names)
    with ThreadPoolExecutor(PARALLEL_READS) as pool:
        return [name for name, altered in zip(names, pool.map(is_altered, names), strict=True) if altered]
