"""Exports: outputs of a selection of analyses that people ask for. Making one is an errand.

Each request is made anew, because only reading all of a selection tells whether anything of it has changed since; making it is
reading it. An equal request that still waits will read the same, and is the answer.

Functions take the session first and never commit.
"""

from dataclasses import asdict, dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from shared.analysis_filter import EVERY_ANALYSIS
from shared.audit import shown_names
from shared.database import database_time
from shared.errands import Errands
from shared.errors import InputError, NotFoundError
from shared.export_choices import ExportChoices
from shared.export_rows import ExportRow
from shared.kept_filters import kept, restored
from shared.leases import NOT_HELD, JobState, ended
from shared.models import AnalysisRow, SubmissionRow
from shared.retention import DAY_S, Due
from shared.searching import patiently
from shared.selection import Selection

# Made within minutes and a file of a few gigabytes at most; more is several exports, or the API's pages.
MOST_IMAGES = 10_000
MOST_PARTICLES = 10_000_000

ERRANDS = Errands(
    "export",
    ExportRow,
    "The file was not made in {n} attempts: each time the worker died. Select fewer images, or another format.",
)


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """An output that a person asks for.

    Attributes
    ----------
    format : str
        Name of one of `shared.output_formats.OUTPUT_FORMATS`.
    query : str
        The query of an address that selects the analyses; ``selection`` is what it means.
    choices : ExportChoices
        How sizes are counted and shown.
    person : str or None
        Who asks.
    """

    format: str
    query: str = ""
    selection: Selection = field(default_factory=Selection)
    choices: ExportChoices = field(default_factory=ExportChoices)
    person: str | None = None


@dataclass(frozen=True, slots=True)
class EndedExport:
    """An export that came to an end, and the time that its last attempt took, s."""

    id: int
    finished_at: datetime
    state: JobState
    duration_s: float


def ask(session: Session, request: ExportRequest) -> ExportRow:
    """Queue the making of an output, or return the equal one that waits.

    Raises
    ------
    InputError
        ``nothing_selected``, ``selection_too_large`` with the limit, or ``search_too_wide``.
    NotFoundError
        ``analysis_not_found`` where an analysis that is named does not exist or does not fit the filter.
    """
    ids = request.selection.analysis_ids
    require_fitting_size(session, request.selection)
    asked = {
        "person": request.person,
        "selection": request.query,
        "analysis_ids": None if ids is None else sorted(set(ids)),
        "wanted": kept(request.selection.wanted),
        "format": request.format,
        "choices": asdict(request.choices),
    }
    waiting = select(ExportRow).where(ExportRow.state == JobState.QUEUED).order_by(ExportRow.id)
    for row in session.scalars(waiting):
        if all(getattr(row, name) == value for name, value in asked.items()):
            return row
    row = ExportRow(
        **asked,
        title=_title(session, request),
        n_done=0,
        state=JobState.QUEUED,
        attempts=0,
        created_at=database_time(),
    )
    session.add(row)
    session.flush()
    session.refresh(row)
    return row


def require_fitting_size(session: Session, chosen: Selection) -> None:
    """Raise InputError as `ask` does, unless one file can show a selection."""
    figures = select(func.count(AnalysisRow.id), func.coalesce(func.sum(AnalysisRow.n_particles), 0))
    with patiently():
        n_images, n_particles = session.execute(chosen.narrow(session, figures)).one()
    found = session.scalars(chosen.narrow(session, select(AnalysisRow.id))) if chosen.analysis_ids else ()
    if missing := set(chosen.analysis_ids or ()).difference(found):
        named = ", ".join(map(str, sorted(missing)))
        raise NotFoundError(f"Not among the selected analyses: {named}.", code="analysis_not_found")
    if n_images == 0:
        raise InputError("No analysis fits the selection: there is nothing to make a file of.", code="nothing_selected")
    if n_images > MOST_IMAGES or n_particles > MOST_PARTICLES:
        message = (
            f"The selection has {n_images:,} images with {int(n_particles):,} particles. One file takes {MOST_IMAGES:,} images "
            f"and {MOST_PARTICLES:,} particles at most, so that it is made within minutes: narrow the selection."
        )
        raise InputError(message, code="selection_too_large", n_images=n_images, n_particles=int(n_particles))


def selection(row: ExportRow) -> Selection:
    """Return what an export selects."""
    return Selection(restored(row.wanted), None if row.analysis_ids is None else tuple(row.analysis_ids))


def export(session: Session, export_id: int) -> ExportRow:
    """Return an export or raise NotFoundError."""
    row = session.get(ExportRow, export_id)
    if row is None:
        raise NotFoundError(f"There is no export {export_id}.", code="export_not_found")
    return row


def exports_page(session: Session, *, before: int | None, limit: int) -> list[ExportRow]:
    """Return up to ``limit`` exports, the newest first, those with a smaller number than ``before`` only."""
    query = select(ExportRow).order_by(ExportRow.id.desc()).limit(limit)
    return list(session.scalars(query if before is None else query.where(ExportRow.id < before)))


def made_file(session: Session, export_id: int) -> ExportRow:
    """Return an export whose file is there.

    Raises
    ------
    InputError
        ``export_not_made`` while it is not made or where it never will be; ``export_removed`` where it was removed by age.
    """
    row = export(session, export_id)
    if row.removed_at is not None:
        message = (
            f"The file of export {export_id} was removed: files are kept for {row.removed_after_days} days. Make it again."
        )
        raise InputError(message, code="export_removed")
    if row.sha256 is None:
        raise InputError(f"Export {export_id} is {row.state}: it has no file.", code="export_not_made")
    return row


def cancel(session: Session, export_id: int) -> ExportRow:
    """Take an export out of the queue or out of its worker's hands; raises InputError ``export_ended`` where it has ended."""
    row = export(session, export_id)
    is_open = ExportRow.state.in_((JobState.QUEUED, JobState.RUNNING))
    session.execute(update(ExportRow).where(ExportRow.id == export_id, is_open).values(**ended(JobState.CANCELLED), **NOT_HELD))
    session.refresh(row)
    if row.state != JobState.CANCELLED:
        message = f"Export {export_id} is {row.state}: only one that waits or runs can be cancelled."
        raise InputError(message, code="export_ended")
    return row


def remove_aged(session: Session, days: int) -> int:
    """Let the files go that were made so many days ago; returns their number. The blobs follow by `shared.housekeeping`."""
    values = {"removed_at": database_time(), "removed_after_days": days}
    gone = update(ExportRow).where(*_aged(session, days)).values(**values).returning(ExportRow.id)
    return len(session.execute(gone).all())


def aged(session: Session, days: int) -> Due:
    """Count the files that `remove_aged` would let go; none where they are kept for ever, which 0 days mean."""
    if not days:
        return Due(0, None, 0)
    figures = select(func.count(), func.min(ExportRow.finished_at), func.coalesce(func.sum(ExportRow.n_bytes), 0))
    n, oldest, n_bytes = session.execute(figures.where(*_aged(session, days))).one()
    return Due(n, oldest, int(n_bytes or 0))


def ended_by(session: Session, owner: str, since: datetime) -> list[EndedExport]:
    """Return the exports that came to an end in the hands of a worker since a point in time."""
    row = ExportRow
    query = select(row.id, row.finished_at, row.state, row.started_at).where(row.finished_at >= since, row.owner == owner)
    return [
        EndedExport(number, finished_at, JobState(state), (finished_at - began).total_seconds())
        for number, finished_at, state, began in session.execute(query)
        if finished_at is not None and began is not None
    ]


def counts(session: Session) -> dict[JobState, int]:
    """Count all exports by state."""
    query = select(ExportRow.state, func.count()).group_by(ExportRow.state)
    found = {row[0]: row[1] for row in session.execute(query)}
    return {state: found.get(state, 0) for state in JobState}


def _aged(session: Session, days: int) -> tuple[ColumnElement[bool], ...]:
    # Asked first, because an index finds no moving value.
    before = session.scalars(select(database_time(-float(days * DAY_S)))).one()
    return ExportRow.finished_at < before, ExportRow.sha256.is_not(None), ExportRow.removed_at.is_(None)


def _title(session: Session, request: ExportRequest) -> str:
    """Say in words what is selected."""
    wanted, ids = request.selection.wanted, request.selection.analysis_ids
    if ids is not None:
        name = shown_names(session, ids).get(ids[0], f"analysis {ids[0]}") if len(set(ids)) == 1 else None
        return name or f"{len(set(ids)):,} chosen analyses"
    if wanted == EVERY_ANALYSIS:
        return "All analyses"
    asked = kept(wanted).keys()
    if asked == {"submission_id"}:
        row = session.get(SubmissionRow, wanted.submission_id)
        parts = [] if row is None else [row.project, *([row.sample] if row.sample else [])]
        return ", ".join([f"Submission {wanted.submission_id}", *parts])
    if asked == {"files"} and wanted.files.sample is not None:
        return ", ".join([f"Sample {wanted.files.sample}", *wanted.files.metadata])
    return f"Analyses with {request.query.replace('&', ', ')}"
