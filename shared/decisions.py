"""What people decide of pixel sizes: who, what, when and for which images. Applying one is an errand.

Functions take the session first and never commit.
"""

from dataclasses import asdict, dataclass

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from shared import recordings, results, submissions
from shared.calibration import Choice, Scope
from shared.database import database_time
from shared.errands import Claim, Errands
from shared.errors import InputError, NotFoundError
from shared.finding_rows import RecordingRow
from shared.leases import JobState
from shared.models import AnalysisRow, ChangeRow, DecisionRow, JobRow

# The key of PostgreSQL's lock between those who decide and those who ask what was decided; any number that nothing else uses.
DECISION_LOCK = 0x5AE3_1DEC


@dataclass(frozen=True, slots=True)
class Target:
    """What a decision is about; the keys of another scope are None."""

    scope: Scope
    image_sha256: str | None = None
    image_index: int | None = None
    submission_id: int | None = None
    instrument: str | None = None
    magnification: float | None = None
    width_px: int | None = None


ERRANDS = Errands(
    "decision",
    DecisionRow,
    "The decision was not applied to the end in {n} attempts: each time the worker died. Decide again.",
)


def target_image(analysis: AnalysisRow) -> Target:
    """Name the image of an analysis."""
    return Target(Scope.IMAGE, image_sha256=analysis.image_sha256, image_index=analysis.image_index)


def target_submission(session: Session, submission_id: int) -> Target:
    """Name a submission; raises NotFoundError where there is none."""
    return Target(Scope.SUBMISSION, submission_id=submissions.submission(session, submission_id).id)


def target_instrument(analysis: AnalysisRow) -> Target:
    """Name images like that of an analysis: of the same instrument, magnification and width.

    Raises
    ------
    InputError
        ``instrument_unknown`` or ``magnification_unknown`` where the image does not state them.
    """
    recording = recordings.recording_of(analysis)
    advice = "decide for this image or for its submission."
    if recording.instrument is None:
        raise InputError(f"The image does not state its instrument: {advice}", code="instrument_unknown")
    if recording.magnification is None:
        message = f"The image does not state its magnification, on which the pixel size depends: {advice}"
        raise InputError(message, code="magnification_unknown")
    return Target(
        Scope.INSTRUMENT,
        instrument=recording.instrument,
        magnification=recording.magnification,
        width_px=analysis.width_px,
    )


def decide(
    session: Session,
    target: Target,
    person: str,
    choice: Choice,
    nm_per_px: float | None = None,
    *,
    evidence: str | None = None,
    comment: str | None = None,
) -> DecisionRow:
    """Note what a person decided, and queue the work of applying it.

    Raises
    ------
    InputError
        ``choice_contradicts_scope`` for a reading chosen for an instrument: each image has its own.
    """
    _require_fitting_choice(target.scope, choice, nm_per_px)
    _decide_alone(session)
    row = DecisionRow(
        **asdict(target),
        person=person,
        choice=choice,
        nm_per_px=nm_per_px,
        evidence=evidence,
        comment=comment,
        n_analyses=session.scalar(select(func.count()).select_from(AnalysisRow).where(covered(target))) or 0,
        n_changed=0,
        state=JobState.QUEUED,
        attempts=0,
        created_at=database_time(),
    )
    session.add(row)
    session.flush()
    session.refresh(row)
    return row


def covered(target: Target | DecisionRow) -> ColumnElement[bool]:
    """Tell the analyses that a decision is about."""
    match target.scope:
        case Scope.IMAGE:
            return and_(AnalysisRow.image_sha256 == target.image_sha256, AnalysisRow.image_index == target.image_index)
        case Scope.SUBMISSION:
            return AnalysisRow.id.in_(select(JobRow.analysis_id).where(JobRow.submission_id == target.submission_id))
        case _:
            alike = (RecordingRow.instrument == target.instrument, RecordingRow.magnification == target.magnification)
            recorded = AnalysisRow.recording_id.in_(select(RecordingRow.id).where(*alike))
            return and_(recorded, AnalysisRow.width_px == target.width_px)


def keep_decisions(session: Session) -> None:
    """Let nobody decide until this transaction ends.

    Whoever stores an analysis asks what was decided and commits. A decision made in between would find no analysis to change
    and the analysis would not know the decision. SQLite has one writer at a time anyway.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock_shared(DECISION_LOCK)))


def decision(session: Session, decision_id: int) -> DecisionRow:
    """Return a decision or raise NotFoundError."""
    row = session.get(DecisionRow, decision_id)
    if row is None:
        raise NotFoundError(f"There is no decision {decision_id}.", code="decision_not_found")
    return row


def decisions_page(session: Session, *, before: int | None, limit: int) -> list[DecisionRow]:
    """Return up to ``limit`` decisions, the newest first, those with a smaller number than ``before`` only."""
    query = select(DecisionRow).order_by(DecisionRow.id.desc()).limit(limit)
    return list(session.scalars(query if before is None else query.where(DecisionRow.id < before)))


def changes_page(session: Session, analysis_id: int, *, before: int | None, limit: int) -> list[ChangeRow]:
    """Return up to ``limit`` changes of the calibration of an analysis, the newest first."""
    results.analysis(session, analysis_id)
    query = select(ChangeRow).where(ChangeRow.analysis_id == analysis_id).order_by(ChangeRow.id.desc()).limit(limit)
    return list(session.scalars(query if before is None else query.where(ChangeRow.id < before)))


def note_progress(session: Session, held: Claim, n_changed: int, lease_s: float) -> None:
    """Count what was changed and show a sign of life; raises LostClaimError when the work was given away."""
    ERRANDS.note(session, held, lease_s, n_changed=DecisionRow.n_changed + n_changed)


def _require_fitting_choice(scope: Scope, choice: Choice, nm_per_px: float | None) -> None:
    if scope is Scope.INSTRUMENT and choice not in (Choice.MANUAL, Choice.AUTOMATIC):
        message = "For an instrument a value can be set or taken back; readings are chosen for an image or a submission."
        raise InputError(message, code="choice_contradicts_scope")
    if (nm_per_px is None) == (choice is Choice.MANUAL):
        raise ValueError("a pixel size belongs to the choice `manual` and to no other")


def _decide_alone(session: Session) -> None:
    """Wait for those that store analyses, and let no others begin until this transaction ends."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(DECISION_LOCK)))
