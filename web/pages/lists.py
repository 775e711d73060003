"""Jobs, submissions and analyses as rows of tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.domain import DEFAULT_MIN_CONFIDENCE
from shared.image_names import shown_name
from shared.job_lists import ListedJob
from shared.leases import JobState
from shared.manifests import SampleData
from shared.models import AnalysisRow, JobRow, SubmissionRow
from shared.submissions import JobCounts
from shared.turns import Priority
from web.pages import result
from web.pages.fitness import Badge, badge
from web.pages.pixel_size import STATUS_TEXT, state_text
from web.pages.recording import taken
from web.pages.standing import PRIORITY_TEXT
from web.pages.writing import count, duration, pixel_size

STATE_TEXT = {
    JobState.QUEUED: "Queued",
    JobState.RUNNING: "Running",
    JobState.DONE: "Done",
    JobState.FAILED: "Failed",
    JobState.CANCELLED: "Cancelled",
}


# Of all jobs so many of a state are counted. Those of one submission are counted to the end.
MOST_COUNTED = 100_000


@dataclass(frozen=True, slots=True)
class JobLine:
    """A job as one row of a table."""

    id: int
    source_name: str
    submission_id: int
    project: str
    sample: str | None
    has_own_sample: bool
    state: str
    state_text: str
    analysis_id: int | None
    calibration: str
    n_particles: str
    unsure: str
    size: str
    method: str
    fitness: Badge | None
    created_at: datetime
    duration: str
    error_message: str | None
    error_reference: str | None
    note: str | None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the jobs of a submission are, with the shares of a bar in %."""

    counts: JobCounts
    done_percent: float
    failed_percent: float

    @property
    def ended(self) -> int:
        """Jobs that came to an end."""
        return self.counts.total - self.counts.unfinished


@dataclass(frozen=True, slots=True)
class SubmissionLine:
    """A submission as one row of a table or the head of its page."""

    id: int
    project: str
    sample: str | None
    person: str
    group: str
    priority: str
    priority_text: str
    is_paused: bool
    created_at: datetime
    model: str
    min_confidence: float
    pixel_size: str
    progress: Progress


@dataclass(frozen=True, slots=True)
class AnalysisLine:
    """An analysis as one row of a table."""

    id: int
    name: str
    samples: str
    instrument: str
    detector: str
    operator: str
    taken: str
    calibration_status: str
    pixel_size: str
    n_particles: str
    size: str
    method: str
    fitness: Badge | None
    created_at: datetime


def up_to(n: int) -> str:
    """Write a count, or that there are more than are counted."""
    return count(n) if n <= MOST_COUNTED else f"more than {count(MOST_COUNTED)}"


def job_line(listed: ListedJob) -> JobLine:
    """Describe a job."""
    job, analysis = listed.job, listed.analysis
    return JobLine(
        id=job.id,
        source_name=shown_name(job.source_name, job.image_index, job.n_images),
        submission_id=job.submission_id,
        project=listed.submission.project,
        sample=listed.sample_data.sample,
        has_own_sample=listed.sample_data.sample != listed.submission.sample,
        state=job.state,
        state_text=STATE_TEXT[JobState(job.state)],
        analysis_id=job.analysis_id,
        calibration=_open_question(analysis) if analysis else "",
        n_particles=count(analysis.n_particles) if analysis else "",
        unsure=result.unsure(analysis) if analysis and analysis.n_low_confidence else "",
        size=result.size(analysis) if analysis else "",
        method=result.method(analysis) if analysis else "",
        fitness=badge(analysis) if analysis else None,
        created_at=job.created_at,
        duration=_job_duration(job),
        error_message=job.error_message,
        error_reference=job.error_reference,
        note=job.note,
    )


def analysis_line(row: AnalysisRow, origins: Sequence[tuple[JobRow, SampleData]]) -> AnalysisLine:
    """Describe an analysis by the name under which its image was first handed in, and the samples that it is said to show."""
    recording = row.recording
    name = shown_name(origins[0][0].source_name, row.image_index, row.n_images) if origins else f"Analysis {row.id}"
    return AnalysisLine(
        id=row.id,
        name=name,
        samples=", ".join(dict.fromkeys(data.sample for _, data in origins if data.sample)),
        instrument=(recording and recording.instrument) or "",
        detector=(recording and recording.detector) or "",
        operator=(recording and recording.operator) or "",
        taken=taken(recording) if recording else "",
        calibration_status=row.calibration_status,
        pixel_size=state_text(row.nm_per_px, row.calibration_source, row.calibration_status) if row.nm_per_px else "",
        n_particles=count(row.n_particles),
        size=result.size(row),
        method=result.method(row),
        fitness=badge(row),
        created_at=row.created_at,
    )


def submission_line(row: SubmissionRow, counts: JobCounts) -> SubmissionLine:
    """Describe a submission."""
    nm_per_px = row.parameters.get("nm_per_px")
    total = max(counts.total, 1)
    return SubmissionLine(
        id=row.id,
        project=row.project,
        sample=row.sample,
        person=row.person or "",
        group=row.group_name,
        priority=row.priority,
        priority_text=PRIORITY_TEXT[Priority(row.priority)],
        is_paused=row.paused_at is not None,
        created_at=row.created_at,
        model=row.parameters.get("model", "–"),
        min_confidence=float(row.parameters.get("min_confidence", DEFAULT_MIN_CONFIDENCE)),
        pixel_size=f"{pixel_size(nm_per_px)}, stated by hand"
        if nm_per_px
        else "not stated by hand: as each file and its scale bar say, else px",
        progress=Progress(counts, 100 * counts.done / total, 100 * counts.failed / total),
    )


def _open_question(analysis: AnalysisRow) -> str:
    """Say why sizes of an analysis are in pixels; empty where they are not."""
    return "" if analysis.calibration_status == "ok" else f"pixel size {STATUS_TEXT[analysis.calibration_status]}"


def _job_duration(job: JobRow) -> str:
    if job.started_at is None or job.finished_at is None:
        return ""
    return duration((job.finished_at - job.started_at).total_seconds())
