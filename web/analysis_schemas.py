"""What the API gives of analyses: what was read and found in an image, and its particles."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.distributions.fitness import Verdict
from shared.finding_rows import ParticleRow
from shared.models import AnalysisRow
from shared.quantities import PARTICLE_QUANTITIES, STATISTIC_QUANTITIES, Quantity
from web.calibration_schemas import Calibration
from web.manifest_schemas import Origin
from web.paging import PageQuery

if TYPE_CHECKING:
    QuantityName = str
else:
    QuantityName = Literal[tuple(q.name for q in PARTICLE_QUANTITIES)]


class ParticleQuery(PageQuery):
    """Order of the particles."""

    sort: QuantityName = "label"
    order: Literal["asc", "desc"] = "asc"


class Rows(BaseModel):
    """Rows of an image: `top` inclusive, `bottom` exclusive."""

    top: int
    bottom: int


class Rectangle(BaseModel):
    """Rows and columns of an image, ends exclusive."""

    top: int
    bottom: int
    left: int
    right: int


class Statistics(BaseModel):
    """Statistics of the equivalent circular diameter under the counting rule of the analysis; null where not defined."""

    model_config = ConfigDict(from_attributes=True)

    n_particles: int
    n_touching_border: int
    n_low_confidence: int | None
    n_counted: int | None
    n_small: int | None
    capped_share: float | None
    coverage: float | None
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
    ecd_span: float | None
    ecd_geometric_mean_px: float | None
    ecd_geometric_mean_nm: float | None
    ecd_gsd: float | None
    ecd_d32_px: float | None
    ecd_d32_nm: float | None
    ecd_d43_px: float | None
    ecd_d43_nm: float | None


class Recording(BaseModel):
    """What the file and its side-cars state about the image; null where they do not say."""

    model_config = ConfigDict(from_attributes=True)

    vendor: str | None
    model: str | None
    instrument: str | None = Field(description="Vendor and model in one text.")
    voltage_kv: float | None
    magnification: float | None
    detector: str | None
    acquired_at: str | None = Field(description="ISO 8601 where it could be understood, else as the file writes it.")
    operator: str | None
    working_distance_mm: float | None
    stage_x_mm: float | None
    stage_y_mm: float | None
    stage_z_mm: float | None
    stage_tilt_deg: float | None
    stage_rotation_deg: float | None


class Original(BaseModel):
    """Whether the uploaded file is still here; all that was found in it is."""

    model_config = ConfigDict(from_attributes=True)

    removed_at: datetime | None = Field(description="Since when it is not here any more; null where it is.")
    removed_after_days: int | None = Field(description="For so long originals were kept then, after the end of submissions.")


class RawMetadata(BaseModel):
    """The file's own fields, cut and cleaned of what is no text."""

    fields: dict[str, str]


class Analysis(BaseModel):
    """What one model with one set of parameters found in one image."""

    id: int
    image_sha256: str
    image_index: int = Field(description="Which image of the file, from 0.")
    n_images: int | None = Field(description="Images of the file; null in analyses of releases that did not keep it.")
    side_cars_sha256: str = Field(description="Of the files that belong to the image; empty without any.")
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
    fitness: Verdict | None = Field(description="Whether sizes can be read; null in analyses of releases that gave no verdict.")
    fitness_reasons: list[str] | None = Field(description="What the verdict rests on.")
    warnings: list[str]
    original: Original
    statistics: Statistics
    recording: Recording | None = Field(description="Null for an analysis of a release that kept none.")
    calibration: Calibration
    annotations: list[Rectangle] = Field(description="Text, labels and bars that are drawn on the specimen.")
    origins: list[Origin] = Field(description="As what the image was handed in, the first 20 times.")

    @classmethod
    def of(cls, row: AnalysisRow, origins: Sequence[Origin]) -> "Analysis":
        """Describe a row."""
        own = {"recording", "original", "calibration", "annotations", "origins"}
        same = {name: getattr(row, name) for name in cls.model_fields if hasattr(row, name) and name not in own}
        top, bottom = row.banner_top, row.banner_bottom
        return cls(
            **same,
            original=Original.model_validate(row.image),
            banner=None if top is None or bottom is None else Rows(top=top, bottom=bottom),
            field=Rectangle(top=row.field_top, bottom=row.field_bottom, left=row.field_left, right=row.field_right),
            statistics=Statistics.model_validate(row),
            recording=None if row.recording is None else Recording.model_validate(row.recording),
            calibration=Calibration.of(row),
            annotations=[] if row.recording is None else row.recording.annotations,
            origins=origins,
        )


class Particle(BaseModel):
    """The measurements of one particle.

    `_nm` values are null without a calibration, and what an earlier release did not measure is null in its analyses.
    """

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
    feret_mean_px: float | None
    feret_mean_nm: float | None
    major_axis_px: float | None
    major_axis_nm: float | None
    minor_axis_px: float | None
    minor_axis_nm: float | None
    orientation_deg: float | None
    aspect_ratio: float
    elongation: float | None
    circularity: float
    roundness: float | None
    solidity: float
    convexity: float | None
    extent: float | None
    eccentricity: float | None
    mean_intensity: float | None
    sd_intensity: float | None
    nnd_px: float | None
    nnd_nm: float | None
    nn_gap_px: float | None
    nn_gap_nm: float | None
    touches_border: bool
    edge_weight: float | None
    confidence: float | None
    low_confidence: bool | None

    @classmethod
    def of(cls, row: ParticleRow) -> "Particle":
        """Describe a row."""
        return cls.model_validate(row)


class FoundParticle(Particle):
    """A particle of any analysis."""

    analysis_id: int
    file: str | None = Field(description="Name that the image was first handed in under; null where no job is left.")

    @classmethod
    def of_analysis(cls, row: ParticleRow, file: str | None) -> "FoundParticle":
        """Describe a row of an image of this name."""
        return cls(**Particle.of(row).model_dump(), analysis_id=row.analysis_id, file=file)


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
