"""What people hand in: submissions, their files, and how far they are.

Functions take the session first and never commit.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import get_args

from sqlalchemy import case, delete, func, select
from sqlalchemy.orm import Session

from shared import jobs, manifests, originals, side_cars, tracing
from shared.database import among, database_time, insert_of
from shared.distributions.fitness import VERDICTS, Verdict
from shared.domain import PIPELINE_VERSION, CalibrationStatus, Parameters
from shared.errors import NotFoundError
from shared.image_names import WhichImages
from shared.job_contents import content_of
from shared.leases import JobState
from shared.models import AnalysisRow, ImageRow, JobRow, SubmissionRow
from shared.side_car_names import side_cars_of, spellings
from shared.turns import Priority

NOTHING_CALIBRATED: Mapping[str, int] = dict.fromkeys(get_args(CalibrationStatus), 0)


@dataclass(frozen=True, slots=True)
class JobCounts:
    """Number of jobs in each state."""

    queued: int
    running: int
    done: int
    failed: int
    cancelled: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.queued + self.running + self.done + self.failed + self.cancelled

    @property
    def unfinished(self) -> int:
        """Jobs that still have to reach an end."""
        return self.queued + self.running


@dataclass(frozen=True, slots=True)
class AddedJob:
    """A job of a file, and whether this call made it."""

    row: JobRow
    is_new: bool


@dataclass(frozen=True, slots=True)
class CalibrationCounts:
    """Number of analyses by the state of their pixel size."""

    ok: int
    missing: int
    conflict: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.ok + self.missing + self.conflict


@dataclass(frozen=True, slots=True)
class ConfidenceCounts:
    """Particles of less confidence than the threshold, and all of them."""

    n_low_confidence: int
    n_particles: int


@dataclass(frozen=True, slots=True)
class AnalysisCounts:
    """What the analyses of a submission are; ``confidence`` is None where none is by a model that gives confidence.

    ``fitness`` has a number for each verdict; analyses of releases that gave none have no part in it.
    """

    calibrations: CalibrationCounts
    confidence: ConfidenceCounts | None
    fitness: dict[Verdict, int]


def create_submission(
    session: Session,
    project: str,
    sample: str | None,
    parameters: Parameters,
    images: WhichImages = "first",
    *,
    person: str | None = None,
    group: str | None = None,
    priority: Priority = Priority.NORMAL,
) -> SubmissionRow:
    """Open a submission; files are added to it one by one.

    Without a group its project is one: what shares a project shares its turns in the queue.
    """
    chosen = {"parameters": asdict(parameters), "images": images, "pipeline_version": PIPELINE_VERSION}
    queued_as = {"person": person, "group_name": group or project, "priority": priority}
    row = SubmissionRow(project=project, sample=sample, **chosen, **queued_as, created_at=database_time())
    session.add(row)
    session.flush()
    session.refresh(row)
    return row


def submission(session: Session, submission_id: int) -> SubmissionRow:
    """Return a submission or raise NotFoundError."""
    row = session.get(SubmissionRow, submission_id)
    if row is None or row.removed_at is not None:
        raise NotFoundError(f"There is no submission {submission_id}.", code="submission_not_found")
    return row


def pause(session: Session, submission_id: int, person: str | None = None) -> None:
    """Let nothing more of a submission begin; what runs comes to its end. Who paused it first is remembered."""
    row = submission(session, submission_id)
    if row.paused_at is None:
        row.paused_at = session.scalar(select(database_time()))
        row.paused_by = person


def resume(session: Session, submission_id: int) -> None:
    """Let a submission go on, also with what was announced while nobody could take it."""
    row = submission(session, submission_id)
    if row.paused_at is not None:
        row.paused_at = row.paused_by = None
        jobs.announce_again(session, JobRow.submission_id == submission_id)


def job(session: Session, job_id: int) -> JobRow:
    """Return a job or raise NotFoundError."""
    row = session.get(JobRow, job_id)
    if row is None:
        raise NotFoundError(f"There is no job {job_id}.", code="job_not_found")
    return row


def add_job(session: Session, submission_id: int, image_sha256: str, n_bytes: int, source_name: str) -> AddedJob:
    """Add a stored file to a submission; the same file under the same name a second time finds the first job."""
    side_cars.hold_submission(session, submission_id)
    insert = insert_of(session)
    originals.add_images(session, [(image_sha256, n_bytes)])
    key = {"submission_id": submission_id, "image_sha256": image_sha256, "source_name": source_name, "image_index": 0}
    values = key | {"state": JobState.QUEUED, "attempts": 0, "created_at": database_time(), "content": content_of(source_name)}
    values["traceparent"] = tracing.traceparent()
    new_id = session.scalar(insert(JobRow).values(values).on_conflict_do_nothing().returning(JobRow.id))
    if new_id is not None:
        manifests.note_files(session, submission_id, [source_name])
    if new_id is not None and side_cars.note_image(session, submission_id, source_name):
        # Another file of the same name no longer has them for itself.
        jobs.mark_outdated(session, submission_id, [source_name])
        _drop_jobs_of_side_cars(session, submission_id, source_name)
    return AddedJob(session.scalars(select(JobRow).filter_by(**key)).one(), is_new=new_id is not None)


def add_further_images(session: Session, submission_id: int, image_sha256: str, source_name: str, n_images: int) -> None:
    """Add a job for each image of a file but the first; those that are there already stay as they are."""
    key = {"submission_id": submission_id, "image_sha256": image_sha256, "source_name": source_name}
    values = key | {"state": JobState.QUEUED, "attempts": 0, "n_images": n_images, "created_at": database_time()}
    further = [{"image_index": index} for index in range(1, n_images)]
    if further:
        session.connection().execute(insert_of(session)(JobRow).values(values).on_conflict_do_nothing(), further)


def counts(
    session: Session, submission_id: int | None = None, calibration_status: CalibrationStatus | None = None
) -> JobCounts:
    """Count the jobs of one submission, or of all, by state; those that ended with an analysis of one status, or all.

    Of all submissions it takes a while where there are years of them.
    """
    query = select(JobRow.state, func.count().label("n")).group_by(JobRow.state)
    if submission_id is not None:
        query = query.where(JobRow.submission_id == submission_id)
    if calibration_status is not None:
        query = query.join(AnalysisRow).where(AnalysisRow.calibration_status == calibration_status)
    return _job_counts({row.state: row.n for row in session.execute(query)})


def counts_of(session: Session, submission_ids: Sequence[int]) -> dict[int, JobCounts]:
    """Count the jobs of several submissions by state, in one query."""
    # In the order of the index: nothing is sorted, and no row itself is read.
    order = (JobRow.submission_id, JobRow.state)
    query = select(*order, func.count()).where(JobRow.submission_id.in_(submission_ids)).group_by(*order)
    found: dict[int, dict[str, int]] = {}
    for number, state, n in session.execute(query):
        found.setdefault(number, {})[state] = n
    return {number: _job_counts(found.get(number, {})) for number in submission_ids}


def analysis_counts(session: Session, submission_id: int) -> AnalysisCounts:
    """Count the analyses of a submission by pixel size and by fitness, and their particles by confidence, in one query.

    The same image twice in a submission is one analysis.
    """
    row = AnalysisRow
    rated = (func.sum(row.n_low_confidence), func.sum(case((row.n_low_confidence.is_not(None), row.n_particles))))
    of_submission = among(row.id, select(JobRow.analysis_id).distinct().where(JobRow.submission_id == submission_id))
    kinds = (row.calibration_status, row.fitness)
    found = session.execute(select(*kinds, func.count(), *rated).where(of_submission).group_by(*kinds)).all()
    n_by_status, n_by_verdict = Counter(NOTHING_CALIBRATED), Counter(dict.fromkeys(VERDICTS, 0))
    for status, verdict, n, _, _ in found:
        n_by_status[status] += n
        if verdict is not None:
            n_by_verdict[verdict] += n
    sums = [(int(n_low), int(n_particles)) for *_, n_low, n_particles in found if n_low is not None]
    confidence = ConfidenceCounts(*map(sum, zip(*sums, strict=True))) if sums else None
    return AnalysisCounts(CalibrationCounts(**n_by_status), confidence, dict(n_by_verdict))


def submissions_page(session: Session, *, before: int | None, limit: int) -> list[SubmissionRow]:
    """Return up to ``limit`` submissions, the newest first, those with a smaller number than ``before`` only."""
    query = select(SubmissionRow).where(SubmissionRow.removed_at.is_(None)).order_by(SubmissionRow.id.desc()).limit(limit)
    if before is not None:
        query = query.where(SubmissionRow.id < before)
    return list(session.scalars(query))


def holds_analysis(session: Session, submission_id: int, analysis_id: int) -> bool:
    """Tell whether a job of a submission ended with an analysis."""
    query = select(JobRow.id).where(JobRow.analysis_id == analysis_id, JobRow.submission_id == submission_id).limit(1)
    return session.scalar(query) is not None


def jobs_of_analysis(session: Session, analysis_id: int, limit: int) -> list[JobRow]:
    """Return up to ``limit`` jobs that ended with an analysis, the oldest first."""
    query = select(JobRow).where(JobRow.analysis_id == analysis_id, JobRow.submission.has(removed_at=None))
    return list(session.scalars(query.order_by(JobRow.id).limit(limit)))


def analysed_neighbours(session: Session, row: JobRow) -> tuple[JobRow | None, JobRow | None]:
    """Return the analysed jobs of the same submission before and after a job."""
    done = select(JobRow).where(JobRow.submission_id == row.submission_id, JobRow.analysis_id.is_not(None)).limit(1)
    before = session.scalar(done.where(JobRow.id < row.id).order_by(JobRow.id.desc()))
    after = session.scalar(done.where(JobRow.id > row.id).order_by(JobRow.id))
    return before, after


def analysed_files(session: Session, submission_id: int) -> list[tuple[JobRow, AnalysisRow | None, datetime | None]]:
    """Return every job of a submission in order, with its analysis where it has one, and when its original was removed."""
    files = select(JobRow, AnalysisRow, ImageRow.removed_at).join(ImageRow, ImageRow.sha256 == JobRow.image_sha256)
    query = files.outerjoin(AnalysisRow, AnalysisRow.id == JobRow.analysis_id).where(JobRow.submission_id == submission_id)
    return [(job_row, analysis_row, at) for job_row, analysis_row, at in session.execute(query.order_by(JobRow.id))]


def _drop_jobs_of_side_cars(session: Session, submission_id: int, source_name: str) -> None:
    """Remove the job that a side-car had while its image was missing; who runs it finds that the job is gone."""
    names = [spelt for name in side_cars_of(source_name) for spelt in spellings(name)]
    session.execute(delete(JobRow).where(JobRow.submission_id == submission_id, JobRow.source_name.in_(names)))


def _job_counts(by_state: Mapping[str, int]) -> JobCounts:
    return JobCounts(*(by_state.get(state, 0) for state in JobState))
