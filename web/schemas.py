"""What the API takes and gives, one pydantic model each; the OpenAPI document is made from them.

Analyses and what people decide of them have modules of their own beside this one.
"""

import unicodedata
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from shared import registry
from shared.domain import DEFAULT_MIN_CONFIDENCE, MAX_NM_PER_PX, MIN_NM_PER_PX, Parameters
from shared.leases import JobState
from shared.models import JobRow, ModelRow, SubmissionRow
from shared.submissions import CalibrationCounts as CountedCalibrations
from shared.submissions import JobCounts
from web.paging import LARGEST_ID, PageQuery


class ErrorBody(BaseModel):
    """An error for people and programs."""

    code: str = Field(description="Stable name of the kind of error.")
    message: str = Field(description="What happened and what to do, for people.")
    details: dict[str, Any] = {}
    reference: str | None = Field(None, description="Under which the log of the installation says more.")


class ErrorAnswer(BaseModel):
    """The one shape of every error."""

    error: ErrorBody


class JobQuery(PageQuery):
    """Which jobs to list."""

    state: JobState | None = None
    submission_id: int | None = Field(None, ge=1, le=LARGEST_ID)


class IdPath(BaseModel):
    """The number of a thing in its address."""

    id: int = Field(ge=1, le=LARGEST_ID)


class FileQuery(BaseModel):
    """Name of an uploaded file."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, description="Name of the file, with its folders where they matter.")


def _one_line(text: str) -> str:
    # A database holds neither NUL nor half a surrogate pair, and a list shows one line.
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        raise ValueError("control characters are not allowed")
    return text


Line = Annotated[str, AfterValidator(_one_line)]


class SubmissionRequest(BaseModel):
    """A submission to open: what its files belong to and how they are analysed."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    project: Line = Field(min_length=1, max_length=200)
    sample: Line | None = Field(None, max_length=200)
    model: Line | None = Field(
        None,
        min_length=1,
        max_length=200,
        description="Name and version, such as `particlenet-1`, or a name for its newest version; without, the default model.",
    )
    nm_per_px: float | None = Field(
        None,
        strict=True,
        ge=MIN_NM_PER_PX,
        le=MAX_NM_PER_PX,
        description="Pixel size, nm; without, what the file states and its scale bar shows.",
    )
    min_confidence: float = Field(
        DEFAULT_MIN_CONFIDENCE, ge=0, le=1, description="Particles of less confidence are marked; they count all the same."
    )

    def parameters(self, model: str) -> Parameters:
        """What was chosen for the analysis, with the reference of the model that was meant."""
        return Parameters(model=model, nm_per_px=self.nm_per_px, min_confidence=self.min_confidence)


class RegisteredModel(BaseModel):
    """A model that analyses can name."""

    reference: str = Field(description="Name and version in one word, such as `particlenet-1`.")
    name: str
    version: str
    sha256: str | None = Field(description="Of the weights; null for a method that has none.")
    is_default: bool = Field(description="Whether submissions that name no model get this one.")
    added_at: datetime
    card: dict[str, Any] = Field(description="What is known about the model: data, split, figures, licence.")

    @classmethod
    def of(cls, row: ModelRow) -> "RegisteredModel":
        """Describe a row."""
        same = {name: getattr(row, name) for name in cls.model_fields if hasattr(row, name)}
        return cls(reference=registry.identity(row).reference, **same)


class Counts(BaseModel):
    """Number of jobs in each state."""

    model_config = ConfigDict(from_attributes=True)

    queued: int
    running: int
    done: int
    failed: int
    total: int
    unfinished: int


class CalibrationCounts(BaseModel):
    """Number of analyses by the state of their pixel size."""

    model_config = ConfigDict(from_attributes=True)

    ok: int
    missing: int = Field(description="Neither stated nor shown: sizes in pixels until somebody decides.")
    conflict: int = Field(description="Metadata and scale bar contradict each other: sizes in pixels until somebody decides.")


class Submission(BaseModel):
    """A submission, how far its jobs are, and how many of its analyses have a pixel size."""

    id: int
    project: str
    sample: str | None
    parameters: dict[str, Any]
    created_at: datetime
    counts: Counts
    calibration_counts: CalibrationCounts

    @classmethod
    def of(cls, row: SubmissionRow, counts: JobCounts, calibrations: CountedCalibrations) -> "Submission":
        """Describe a row."""
        return cls(
            id=row.id,
            project=row.project,
            sample=row.sample,
            parameters=row.parameters,
            created_at=row.created_at,
            counts=Counts.model_validate(counts),
            calibration_counts=CalibrationCounts.model_validate(calibrations),
        )


class Job(BaseModel):
    """One file of a submission on its way."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    submission_id: int
    source_name: str
    image_sha256: str
    state: JobState
    attempts: int
    error_code: str | None
    error_message: str | None
    error_reference: str | None
    analysis_id: int | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @classmethod
    def of(cls, row: JobRow) -> "Job":
        """Describe a row."""
        return cls.model_validate(row)
