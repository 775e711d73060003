"""Decisions about pixel sizes as the audit trail shows them."""

from dataclasses import dataclass
from datetime import datetime

from shared.audit import UNDER_WAY, ListedDecision
from shared.calibration import Choice, Scope
from shared.leases import JobState
from shared.models import DecisionRow
from web.pages.writing import count, pixel_size, short

CHOICE_TEXT = {
    Choice.METADATA: "What the file states",
    Choice.SCALE_BAR: "What the scale bar shows",
    Choice.AUTOMATIC: "Decisions taken back",
}
REMOVED_SUBMISSION = "a submission that was removed"
STATE_TEXT = {
    JobState.QUEUED: "Waiting",
    JobState.RUNNING: "Under way",
    JobState.DONE: "Applied",
    JobState.FAILED: "Failed",
}


@dataclass(frozen=True, slots=True)
class DecisionLine:
    """A decision as one row of a table."""

    id: int
    created_at: datetime
    person: str
    comment: str
    choice: str
    evidence: str
    scope: str
    about: str
    analysis_id: int | None
    submission_id: int | None
    instrument: str | None
    state: str
    state_text: str
    n_analyses: int
    n_changed: int
    changed: str
    error_message: str | None
    error_reference: str | None

    @property
    def is_under_way(self) -> bool:
        """Whether it is still to be applied."""
        return self.state in UNDER_WAY

    @property
    def changed_percent(self) -> float:
        """Share of its analyses that were changed, %."""
        return min(100.0, 100 * self.n_changed / max(1, self.n_analyses))


def decision_line(listed: ListedDecision) -> DecisionLine:
    """Describe a decision."""
    row = listed.decision
    return DecisionLine(
        id=row.id,
        created_at=row.created_at,
        person=row.person,
        comment=row.comment or "",
        choice=chosen(row),
        evidence=row.evidence or "",
        scope=row.scope,
        about=_about(listed),
        analysis_id=listed.analysis_id,
        submission_id=row.submission_id,
        instrument=row.instrument,
        state=row.state,
        state_text=STATE_TEXT[JobState(row.state)],
        n_analyses=row.n_analyses,
        n_changed=row.n_changed,
        changed=f"{count(row.n_changed)} of {count(row.n_analyses)}",
        error_message=row.error_message,
        error_reference=row.error_reference,
    )


def held_for(row: DecisionRow) -> str:
    """Say for what a decision holds, at one of its images."""
    if row.scope == Scope.SUBMISSION:
        return f"all images of submission #{row.submission_id}" if row.submission_id else f"all images of {REMOVED_SUBMISSION}"
    if row.scope == Scope.INSTRUMENT:
        return f"{row.instrument} at {short(row.magnification)}×"
    return "this image"


def chosen(row: DecisionRow) -> str:
    """Write what was decided."""
    return pixel_size(row.nm_per_px) if row.nm_per_px is not None else CHOICE_TEXT[Choice(row.choice)]


def _about(listed: ListedDecision) -> str:
    row = listed.decision
    if row.scope == Scope.SUBMISSION:
        return f"#{row.submission_id} {listed.project or ''}".rstrip() if row.submission_id else REMOVED_SUBMISSION
    if row.scope == Scope.INSTRUMENT:
        return f"{row.instrument} at {short(row.magnification)}×, {row.width_px} px wide"
    return listed.image_name or "an image that is not analysed"
