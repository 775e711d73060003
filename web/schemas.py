"""What the API takes and gives, one pydantic model each; the OpenAPI document is made from them."""

import unicodedata
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from shared import registry
from shared.domain import DEFAULT_MIN_CONFIDENCE, PARTICLE_QUANTITIES, STATISTIC_QUANTITIES, Parameters, Quantity
from shared.jobs import JobState
from shared.models import AnalysisRow, JobRow, ModelRow, ParticleRow, SubmissionRow
from shared.submissions import JobCounts
from web.paging import LARGEST_ID, PageQuery

QuantityName = Literal[tuple(q.name for q in PARTICLE_QUANTITIES)]  # type: ignore[valid-type]  # made from the vocabulary


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


class ParticleQuery(PageQuery):
    """Order of the particles."""

    sort: QuantityName = "label"  # type: ignore[valid-type]
    order: Literal["asc", "desc"] = "asc"


class HistogramQuery(BaseModel):
    """Quantity and number of bins of a histogram."""

    model_config = ConfigDict(extra="forbid")

    quantity: QuantityName = "ecd_px"  # type: ignore[valid-type]
    bins: int | None = Field(None, ge=1, le=500, description="Equal bins; without, as many as suit the data.")


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
    nm_per_px: float | None = Field(None, ge=1e-4, le=1e6, description="Pixel size, nm; without, the result is in pixels.")
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


class Submission(BaseModel):
    """A submission and how far its jobs are."""

    id: int
    project: str
    sample: str | None
    parameters: dict[str, Any]
    created_at: datetime
    counts: Counts

    @classmethod
    def of(cls, row: SubmissionRow, counts: JobCounts) -> "Submission":
        """Describe a row."""
        return cls(
            id=row.id,
            project=row.project,
            sample=row.sample,
            parameters=row.parameters,
            created_at=row.created_at,
            counts=Counts.model_validate(counts),
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


class Rows(BaseModel):
    """Rows of an image: `top` inclusive, `bottom` exclusive."""

    top: int
    bottom: int


class Rectangle(BaseModel):
    """The analysed field: rows and columns, ends exclusive."""

    top: int
    bottom: int
    left: int
    right: int


class Statistics(BaseModel):
    """Number-weighted statistics of the equivalent circular diameter; null where not defined."""

    model_config = ConfigDict(from_attributes=True)

    n_particles: int
    n_touching_border: int
    n_low_confidence: int | None
    ecd_mean_px: float | None
    ecd_mean_nm: float | None
    ecd_sd_px: float | None
    ecd_sd_nm: float | None
    ecd_d10_px: float | None
    ecd_d10_nm: float | None
    ecd_d50_px: float | None
    ecd_d50_nm: float | None
    ecd_d90_px: float | None
    ecd_d90_nm: float | None


class Analysis(BaseModel):
    """What one model with one set of parameters found in one image."""

    id: int
    image_sha256: str
    model_name: str
    model_version: str
    model_sha256: str | None
    parameters: dict[str, Any]
    parameters_sha256: str
    software_version: str
    created_at: datetime
    duration_s: float
    format: str
    bit_depth: int
    width_px: int
    height_px: int
    banner: Rows | None
    field: Rectangle
    nm_per_px: float | None
    calibration_source: str | None
    calibration_status: str
    counting_rule: str
    warnings: list[str]
    statistics: Statistics

    @classmethod
    def of(cls, row: AnalysisRow) -> "Analysis":
        """Describe a row."""
        same = {name: getattr(row, name) for name in cls.model_fields if hasattr(row, name)}
        top, bottom = row.banner_top, row.banner_bottom
        return cls(
            **same,
            banner=None if top is None or bottom is None else Rows(top=top, bottom=bottom),
            field=Rectangle(top=row.field_top, bottom=row.field_bottom, left=row.field_left, right=row.field_right),
            statistics=Statistics.model_validate(row),
        )


class Particle(BaseModel):
    """The measurements of one particle; `_nm` values are null without a calibration."""

    model_config = ConfigDict(from_attributes=True)

    label: int
    centroid_y_px: float
    centroid_x_px: float
    area_px: int
    area_nm2: float | None
    ecd_px: float
    ecd_nm: float | None
    perimeter_px: float
    perimeter_nm: float | None
    feret_max_px: float
    feret_max_nm: float | None
    feret_min_px: float
    feret_min_nm: float | None
    aspect_ratio: float
    circularity: float
    solidity: float
    touches_border: bool
    confidence: float | None
    low_confidence: bool | None

    @classmethod
    def of(cls, row: ParticleRow) -> "Particle":
        """Describe a row."""
        return cls.model_validate(row)


class HistogramAnswer(BaseModel):
    """Counts between edges: `counts[i]` values lie in [`edges[i]`, `edges[i+1]`), the last edge included."""

    quantity: str
    unit: str
    edges: list[float]
    counts: list[int]


class QuantityAnswer(BaseModel):
    """Unit and definition of a quantity."""

    name: str
    unit: str
    definition: str

    @classmethod
    def of(cls, quantity: Quantity) -> "QuantityAnswer":
        """Describe a quantity."""
        return cls(name=quantity.name, unit=quantity.unit, definition=quantity.definition)


class Quantities(BaseModel):
    """All numbers that SAEMI reports."""

    particle: list[QuantityAnswer] = [QuantityAnswer.of(q) for q in PARTICLE_QUANTITIES]
    statistics: list[QuantityAnswer] = [QuantityAnswer.of(q) for q in STATISTIC_QUANTITIES]
