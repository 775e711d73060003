"""What the API takes and gives of pixel sizes: what was read, what people decided, and what that changed."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from shared.calibration import Choice, Scope
from shared.domain import MAX_NM_PER_PX, MIN_NM_PER_PX
from shared.finding_rows import RecordingRow
from shared.leases import JobState
from shared.models import AnalysisRow, ChangeRow, DecisionRow
from web.paging import LARGEST_ID
from web.validation import Line

# `true` and "1" are no numbers: a pixel size of 1 nm that nobody meant would look like any other.
Coordinate = Annotated[float, Field(strict=True, allow_inf_nan=False)]


class MetadataReading(BaseModel):
    """The pixel size that the file states: as it is used, as it is written, and where."""

    nm_per_px: float
    text: str | None
    tag: str | None


class ScaleBarReading(BaseModel):
    """The scale bar that was read: its text, the length that it means, and its own length in the image."""

    text: str
    value_nm: float
    length_px: float
    nm_per_px: float
    x0: float
    x1: float
    y: float
    confidence: float


class DecisionShown(BaseModel):
    """Who decided which pixel size holds."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    person: str
    created_at: datetime
    scope: Scope
    choice: Choice
    nm_per_px: float | None = Field(description="With the choice `manual` only.")
    evidence: str | None = Field(description="What the value was taken from, such as two points on the bar.")
    comment: str | None


class Calibration(BaseModel):
    """The pixel size that holds, where it comes from, and all that is known about it."""

    nm_per_px: float | None
    source: str | None
    status: str
    metadata: MetadataReading | None
    scale_bar: ScaleBarReading | None
    decision: DecisionShown | None

    @classmethod
    def of(cls, row: AnalysisRow) -> "Calibration":
        """Describe the calibration of an analysis."""
        return cls(
            nm_per_px=row.nm_per_px,
            source=row.calibration_source,
            status=row.calibration_status,
            metadata=_metadata_reading(row.recording),
            scale_bar=_scale_bar_reading(row.recording),
            decision=None if row.decision is None else DecisionShown.model_validate(row.decision),
        )


class CalibrationState(BaseModel):
    """A pixel size, its source and its status at one time."""

    nm_per_px: float | None
    source: str | None
    status: str


class CalibrationChange(BaseModel):
    """What became of the calibration of an analysis, when and by whom."""

    id: int
    changed_at: datetime
    person: str | None = Field(description="Null where a later submission stated the pixel size.")
    comment: str | None
    decision_id: int | None
    before: CalibrationState
    after: CalibrationState

    @classmethod
    def of(cls, row: ChangeRow) -> "CalibrationChange":
        """Describe a row."""
        return cls(
            id=row.id,
            changed_at=row.changed_at,
            person=None if row.decision is None else row.decision.person,
            comment=None if row.decision is None else row.decision.comment,
            decision_id=row.decision_id,
            before=CalibrationState(nm_per_px=row.nm_per_px_before, source=row.source_before, status=row.status_before),
            after=CalibrationState(nm_per_px=row.nm_per_px_after, source=row.source_after, status=row.status_after),
        )


class CalibrationDecision(DecisionShown):
    """A decision, what it is about, and how far it is applied."""

    image_sha256: str | None
    image_index: int | None
    submission_id: int | None
    instrument: str | None
    magnification: float | None
    width_px: int | None
    state: JobState
    n_analyses: int = Field(description="Analyses that the decision was about when it was made; later ones obey as they come.")
    n_changed: int = Field(description="Analyses of another calibration since the decision is applied.")
    started_at: datetime | None
    finished_at: datetime | None
    error_code: str | None
    error_message: str | None
    error_reference: str | None

    @classmethod
    def of(cls, row: DecisionRow) -> "CalibrationDecision":
        """Describe a row."""
        return cls.model_validate(row)


class DecisionRequest(BaseModel):
    """What a person decides of the pixel size of an image, a submission, or an instrument at one magnification.

    `analysis_id` names the image, or an image of the instrument; for a submission, the image on which the points lie.
    """

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    person: Line = Field(min_length=1, max_length=200, description="Who decides.")
    scope: Scope
    analysis_id: int | None = Field(None, ge=1, le=LARGEST_ID)
    submission_id: int | None = Field(None, ge=1, le=LARGEST_ID)
    choice: Choice
    nm_per_px: float | None = Field(
        None, strict=True, ge=MIN_NM_PER_PX, le=MAX_NM_PER_PX, description="Pixel size, nm, for `manual`."
    )
    points: tuple[tuple[Coordinate, Coordinate], tuple[Coordinate, Coordinate]] | None = Field(
        None, description="Two ends of a known length, [y, x] in px; whole numbers are pixel centres."
    )
    length_nm: float | None = Field(
        None, strict=True, gt=0, allow_inf_nan=False, description="The length between the points, nm."
    )
    comment: Line | None = Field(None, max_length=2000)


def _metadata_reading(row: RecordingRow | None) -> MetadataReading | None:
    if row is None or row.metadata_nm_per_px is None:
        return None
    return MetadataReading(nm_per_px=row.metadata_nm_per_px, text=row.metadata_text, tag=row.metadata_tag)


def _scale_bar_reading(row: RecordingRow | None) -> ScaleBarReading | None:
    if row is None or row.scale_bar_text is None:
        return None
    return ScaleBarReading(**{name: getattr(row, f"scale_bar_{name}") for name in ScaleBarReading.model_fields})
