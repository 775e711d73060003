"""What the API takes and gives, one pydantic model each; the OpenAPI document is made from them.

Analyses and what people decide of them have modules of their own beside this one.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel

from shared import registry
from shared.distributions.fitness import Verdict
from shared.domain import DEFAULT_MIN_CONFIDENCE, MAX_NM_PER_PX, MIN_NM_PER_PX, Parameters
from shared.image_names import WhichImages
from shared.job_contents import JobContent
from shared.leases import JobState
from shared.manifests import SampleData
from shared.model_rows import ModelRow
from shared.models import JobRow, SideCarRow, SubmissionRow
from shared.retention import Planned
from shared.side_cars import SideCarCounts as CountedSideCars
from shared.submissions import AnalysisCounts, JobCounts
from shared.turns import Priority
from web.manifest_schemas import FilesQuery
from web.paging import LARGEST_ID, PageQuery
from web.retention_schemas import Retention
from web.validation import Line


class ErrorBody(BaseModel):
    """An error for people and programs."""

    code: str = Field(description="Stable name of the kind of error.")
    message: str = Field(description="What happened and what to do, for people.")
    details: dict[str, Any] = {}
    reference: str | None = Field(None, description="Under which the log of the installation says more.")


class ErrorAnswer(BaseModel):
    """The one shape of every error."""

    error: ErrorBody


class JobQuery(FilesQuery, PageQuery):
    """Which jobs to list."""

    state: JobState | None = None
    submission_id: int | None = Field(None, ge=1, le=LARGEST_ID)
    error_code: str | None = Field(None, pattern="^[a-z0-9_]{1,64}$", description="Those that failed for this reason.")


class IdPath(BaseModel):
    """The number of a thing in its address."""

    id: int = Field(ge=1, le=LARGEST_ID)


class FileQuery(BaseModel):
    """Name of an uploaded file."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, description="Name of the file, with its folders where they matter.")


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
    person: Line | None = Field(None, max_length=200, description="Who hands in; people of a group share its turns evenly.")
    group: Line | None = Field(
        None, max_length=200, description="Whose turns in the queue these are; without, the project's own."
    )
    priority: Priority = Field(
        Priority.NORMAL, description="`interactive`: somebody waits for it; `bulk`: it has time, others of the person go first."
    )
    images: WhichImages = Field(
        "first", description="Of files with several images (pages, frames, detectors): the first only, or all, a job each."
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
    cancelled: int
    total: int
    unfinished: int


class CalibrationCounts(BaseModel):
    """Number of analyses by the state of their pixel size."""

    model_config = ConfigDict(from_attributes=True)

    ok: int
    missing: int = Field(description="Neither stated nor shown: sizes in pixels until somebody decides.")
    conflict: int = Field(description="Metadata and scale bar contradict each other: sizes in pixels until somebody decides.")


class SideCarCounts(BaseModel):
    """Number of the files that instruments write beside images."""

    model_config = ConfigDict(from_attributes=True)

    total: int
    without_image: int = Field(description="Those that belong to no image of the submission.")


class Submission(BaseModel):
    """A submission, how far its jobs are, and how many of its analyses have a pixel size."""

    id: int
    project: str
    sample: str | None
    parameters: dict[str, Any]
    images: WhichImages
    person: str | None
    group: str = Field(description="Whose turns in the queue these are.")
    priority: Priority
    paused_at: datetime | None = Field(description="Since when nothing more of it begins; null where it goes on.")
    paused_by: str | None
    kept_at: datetime | None = Field(description="Since when a person keeps it for ever; null where it is kept as others are.")
    kept_by: str | None
    retention: Retention | None = Field(description="Null in lists.")
    created_at: datetime
    counts: Counts
    calibration_counts: CalibrationCounts | None = Field(
        description="Null in lists, where counting all analyses of all submissions would take long."
    )
    fitness_counts: dict[Verdict, int] | None = Field(
        description="Number of analyses by verdict, older ones without any left out; null in lists."
    )
    side_car_counts: SideCarCounts

    @classmethod
    def of(
        cls,
        row: SubmissionRow,
        counts: JobCounts,
        side_cars: CountedSideCars,
        analyses: AnalysisCounts | None = None,
        planned: Planned | None = None,
    ) -> "Submission":
        """Describe a row."""
        return cls(
            id=row.id,
            project=row.project,
            sample=row.sample,
            parameters=row.parameters,
            images=row.images,
            person=row.person,
            group=row.group_name,
            priority=row.priority,
            paused_at=row.paused_at,
            paused_by=row.paused_by,
            kept_at=row.kept_at,
            kept_by=row.kept_by,
            retention=planned and Retention.of(planned),
            created_at=row.created_at,
            counts=Counts.model_validate(counts),
            calibration_counts=analyses and CalibrationCounts.model_validate(analyses.calibrations),
            fitness_counts=analyses and analyses.fitness,
            side_car_counts=SideCarCounts.model_validate(side_cars),
        )


class Job(BaseModel):
    """One image of one file of a submission on its way."""

    model_config = ConfigDict(from_attributes=True)

    kind: Literal["job"] = "job"
    id: int
    submission_id: int
    source_name: str
    sample: str | None = Field(description="Of the file by the manifest, else of the submission.")
    metadata: dict[str, str] = Field(description="Of the file by the manifest, in the order of its columns.")
    image_sha256: str
    image_index: int = Field(description="Which image of the file, from 0.")
    n_images: int | None = Field(description="Images of the file; null until it was read.")
    state: JobState
    attempts: int
    error_code: str | None
    error_message: str | None
    error_reference: str | None
    content: JobContent = Field(
        description="What the file is: an `image`, an `archive` that becomes further jobs, or one that was `refused` out of it."
    )
    note: str | None = Field(description="Of a job that went well, what there is to say: what an archive held.")
    analysis_id: int | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    timings: dict[str, float] | None = Field(description="How long each stage took, s; null until it is done, or not known.")

    @classmethod
    def of(cls, row: JobRow, sample_data: SampleData) -> "Job":
        """Describe a row."""
        about_file = {"sample": sample_data.sample, "metadata": sample_data.metadata}
        own = {name: getattr(row, name) for name in cls.model_fields if name not in ("kind", *about_file)}
        return cls(**own, **about_file)


class SideCarQuery(PageQuery):
    """Which side-cars to list."""

    has_image: bool | None = None


class SideCar(BaseModel):
    """A file that an instrument writes beside an image: read with the image, and no image of its own."""

    model_config = ConfigDict(from_attributes=True)

    kind: Literal["side_car"] = "side_car"
    id: int
    submission_id: int
    name: str
    sha256: str
    n_bytes: int
    has_image: bool = Field(description="Whether an image of the submission has come that it belongs to.")
    removed_at: datetime | None = Field(description="Since when its bytes are not here any more.")
    removed_after_days: int | None
    created_at: datetime

    @classmethod
    def of(cls, row: SideCarRow) -> "SideCar":
        """Describe a row."""
        return cls.model_validate(row)


class AddedFile(RootModel[Annotated[Job | SideCar, Field(discriminator="kind")]]):
    """What became of an uploaded file: the job that analyses it, or a side-car."""
