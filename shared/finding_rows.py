"""The tables of what was found in images: what a recording states and shows, and the particles of analyses."""

from sqlalchemy import ForeignKey, Index, Integer, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from shared.declarative import Base, BigKey


class RecordingRow(Base):
    """What a file with its side-cars states about one image, and what its scale bar shows; once for each pipeline.

    ``image_index`` counts the images of a file from 0; ``side_cars_sha256`` is empty without side-cars.
    """

    __tablename__ = "recording"
    __table_args__ = (
        UniqueConstraint("image_sha256", "image_index", "side_cars_sha256", "pipeline_version", name="uq_recording_identity"),
        Index(None, "instrument", "magnification"),
        # Parts of these are looked for in the index alone: the rows carry kilobytes.
        Index("ix_recording_stated", "instrument", "operator", "detector", "acquired_at", "id"),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    image_sha256: Mapped[str] = mapped_column(ForeignKey("image.sha256"))
    image_index: Mapped[int] = mapped_column(Integer)
    side_cars_sha256: Mapped[str]
    pipeline_version: Mapped[int] = mapped_column(Integer)

    vendor: Mapped[str | None]
    model: Mapped[str | None]
    instrument: Mapped[str | None]
    voltage_kv: Mapped[float | None]
    magnification: Mapped[float | None]
    detector: Mapped[str | None]
    acquired_at: Mapped[str | None]
    operator: Mapped[str | None]
    working_distance_mm: Mapped[float | None]
    stage_x_mm: Mapped[float | None]
    stage_y_mm: Mapped[float | None]
    stage_z_mm: Mapped[float | None]
    stage_tilt_deg: Mapped[float | None]
    stage_rotation_deg: Mapped[float | None]

    metadata_nm_per_px: Mapped[float | None]
    metadata_text: Mapped[str | None]
    metadata_tag: Mapped[str | None]
    scale_bar_text: Mapped[str | None]
    scale_bar_value_nm: Mapped[float | None]
    scale_bar_length_px: Mapped[float | None]
    scale_bar_nm_per_px: Mapped[float | None]
    scale_bar_x0: Mapped[float | None]
    scale_bar_x1: Mapped[float | None]
    scale_bar_y: Mapped[float | None]
    scale_bar_confidence: Mapped[float | None]
    scale_bar_crop_sha256: Mapped[str | None]
    # Kilobytes that a list of analyses does not show.
    fields: Mapped[dict[str, str]] = mapped_column(deferred=True)
    annotations: Mapped[list[dict[str, int]]]


class ParticleRow(Base):
    """One particle of one analysis; the columns are the quantities of `ParticleTable`.

    Those that releases before did not measure are NULL in their rows.
    """

    __tablename__ = "particle"

    analysis_id: Mapped[int] = mapped_column(ForeignKey("analysis.id", ondelete="CASCADE"), primary_key=True)
    label: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    centroid_y_px: Mapped[float]
    centroid_x_px: Mapped[float]
    area_px: Mapped[int]
    area_nm2: Mapped[float | None]
    ecd_px: Mapped[float]
    ecd_nm: Mapped[float | None]
    perimeter_px: Mapped[float]
    perimeter_nm: Mapped[float | None]
    feret_max_px: Mapped[float]
    feret_max_nm: Mapped[float | None]
    feret_min_px: Mapped[float]
    feret_min_nm: Mapped[float | None]
    feret_mean_px: Mapped[float | None]
    feret_mean_nm: Mapped[float | None]
    major_axis_px: Mapped[float | None]
    major_axis_nm: Mapped[float | None]
    minor_axis_px: Mapped[float | None]
    minor_axis_nm: Mapped[float | None]
    orientation_deg: Mapped[float | None]
    aspect_ratio: Mapped[float]
    elongation: Mapped[float | None]
    circularity: Mapped[float]
    roundness: Mapped[float | None]
    solidity: Mapped[float]
    convexity: Mapped[float | None]
    extent: Mapped[float | None]
    eccentricity: Mapped[float | None]
    mean_intensity: Mapped[float | None]
    sd_intensity: Mapped[float | None]
    nnd_px: Mapped[float | None]
    nnd_nm: Mapped[float | None]
    nn_gap_px: Mapped[float | None]
    nn_gap_nm: Mapped[float | None]
    touches_border: Mapped[bool]
    edge_weight: Mapped[float | None]
    confidence: Mapped[float | None]
    low_confidence: Mapped[bool | None]
