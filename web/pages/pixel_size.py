"""The pixel size of an analysis for people: what holds and since when, what was read, and what became of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.calibration import MAX_DIFFERENCE, Choice
from shared.finding_rows import RecordingRow
from shared.models import AnalysisRow, ChangeRow, DecisionRow
from web.pages.decisions import held_for
from web.pages.writing import Fact, local_time, number, percent, pixel_size

SOURCE_TEXT = {
    "metadata": "from the file's metadata",
    "scale_bar": "from the scale bar",
    "manual": "stated by hand",
    "instrument_default": "set for its instrument",
}
# Words for the states of a pixel size, everywhere in the portal; they begin with a small letter to stand within a sentence.
STATUS_TEXT: dict[str, str] = {"ok": "known", "missing": "missing", "conflict": "in conflict"}


@dataclass(frozen=True, slots=True)
class Reading:
    """One of the two readings: the pixel size by it, and what that rests on."""

    value: str
    facts: list[Fact]


@dataclass(frozen=True, slots=True)
class Readings:
    """Both readings side by side; None where the image lacks one. ``apart`` is empty unless there are both."""

    metadata: Reading | None
    scale_bar: Reading | None
    apart: str
    agree: bool
    has_crop: bool


@dataclass(frozen=True, slots=True)
class Change:
    """One line of the history of a pixel size."""

    changed_at: datetime
    person: str
    before: str
    after: str
    comment: str
    decision_id: int | None


def holds(analysis: AnalysisRow) -> Fact:
    """Say which pixel size the sizes rest on."""
    if analysis.calibration_status == "conflict":
        note = "Metadata and scale bar contradict each other. Sizes are in nm once somebody decides which of them holds."
        return Fact("Pixel size", "Calibration conflict: sizes in px", note)
    if analysis.nm_per_px is None:
        return Fact("Pixel size", "Calibration missing: sizes in px", "Sizes are in nm once somebody sets the pixel size.")
    return Fact("Pixel size", state_text(analysis.nm_per_px, analysis.calibration_source, "ok"), decided(analysis))


def state_text(nm_per_px: float | None, source: str | None, status: str) -> str:
    """Write a pixel size with its source; its status where there is none."""
    if nm_per_px is None:
        return STATUS_TEXT[status]
    # A bar of pixels is good to four digits at best.
    written = f"{number(nm_per_px)} nm/px" if source == "scale_bar" else pixel_size(nm_per_px)
    return f"{written}, {SOURCE_TEXT.get(source or '', source or '')}"


def decided(analysis: AnalysisRow) -> str:
    """Say who decided, when and for what; empty where nobody did."""
    row = analysis.decision
    if row is None:
        return ""
    taken_back = "Decisions taken back" if row.choice == Choice.AUTOMATIC else "Decided"
    return f"{taken_back} by {row.person}, {local_time(row.created_at)}, for {held_for(row)}"


def readings(row: RecordingRow | None) -> Readings:
    """Describe what the file states and what the scale bar shows."""
    if row is None:
        return Readings(None, None, "", agree=False, has_crop=False)
    stated, shown = row.metadata_nm_per_px, row.scale_bar_nm_per_px
    difference = None if stated is None or shown is None else abs(stated - shown) / min(stated, shown)
    return Readings(
        metadata=None if stated is None else _metadata(row, stated),
        scale_bar=None if shown is None else _scale_bar(row, shown),
        apart="" if difference is None else percent(difference),
        agree=difference is not None and difference <= MAX_DIFFERENCE,
        has_crop=row.scale_bar_crop_sha256 is not None,
    )


def history(rows: Sequence[ChangeRow]) -> list[Change]:
    """Describe what became of a pixel size, in the order of the rows."""
    return [
        Change(
            changed_at=row.changed_at,
            person=row.decision.person if row.decision else "a submission",
            before=state_text(row.nm_per_px_before, row.source_before, row.status_before),
            after=state_text(row.nm_per_px_after, row.source_after, row.status_after),
            comment=_said(row.decision),
            decision_id=row.decision_id,
        )
        for row in rows
    ]


def _metadata(row: RecordingRow, nm_per_px: float) -> Reading:
    return Reading(
        pixel_size(nm_per_px), [Fact("Written as", row.metadata_text or "–"), Fact("Field", row.metadata_tag or "–")]
    )


def _scale_bar(row: RecordingRow, nm_per_px: float) -> Reading:
    confidence = row.scale_bar_confidence
    return Reading(
        f"{number(nm_per_px)} nm/px",
        [
            Fact("Text", row.scale_bar_text or "–"),
            Fact("Bar", f"{number(row.scale_bar_length_px)} px long"),
            Fact("Read with confidence", "–" if confidence is None else f"{confidence:.2f}"),
        ],
    )


def _said(decision: DecisionRow | None) -> str:
    """Return what a person wrote about a decision, behind what its value was taken from."""
    if decision is None:
        return "stated with the files"
    return " · ".join(part for part in (decision.evidence, decision.comment) if part)
