"""The tables. Rows carry data and no behaviour; queries live in `jobs` and `results`.

`job` is the truth about what is to be done, `analysis` and `particle` about what was found. Nothing is overwritten: another
model or other parameters make another analysis.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, MetaData, Text, UniqueConstraint, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from shared.database import UtcTime

# SQLite gives automatic numbers to INTEGER keys only.
BigKey = BigInteger().with_variant(Integer, "sqlite")


class Base(DeclarativeBase):
    """Declares the tables; named constraints let migrations change them on every database."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {str: Text, datetime: UtcTime, int: BigInteger, dict[str, Any]: JSON, list[str]: JSON}  # noqa: RUF012


class ImageRow(Base):
    """An uploaded file, once for each content."""

    __tablename__ = "image"

    sha256: Mapped[str] = mapped_column(primary_key=True)
    n_bytes: Mapped[int]
    created_at: Mapped[datetime]


class SubmissionRow(Base):
    """What a person handed in together, with the parameters chosen for all of it."""

    __tablename__ = "submission"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    project: Mapped[str]
    sample: Mapped[str | None]
    parameters: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]

    jobs: Mapped[list["JobRow"]] = relationship(back_populates="submission")


class JobRow(Base):
    """One file of one submission on its way: state, claim and outcome."""

    __tablename__ = "job"
    __table_args__ = (
        UniqueConstraint("submission_id", "source_name", "image_sha256"),
        Index(None, "state", "id"),
        Index(None, "submission_id", "state"),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    submission_id: Mapped[int] = mapped_column(ForeignKey("submission.id"))
    image_sha256: Mapped[str] = mapped_column(ForeignKey("image.sha256"))
    source_name: Mapped[str]

    state: Mapped[str]
    attempts: Mapped[int] = mapped_column(Integer)
    token: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    not_before: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]

    error_code: Mapped[str | None]
    error_message: Mapped[str | None]
    error_reference: Mapped[str | None]
    analysis_id: Mapped[int | None] = mapped_column(ForeignKey("analysis.id"), index=True)

    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]

    submission: Mapped[SubmissionRow] = relationship(back_populates="jobs")
    analysis: Mapped["AnalysisRow | None"] = relationship()


class AnalysisRow(Base):
    """What one model with one set of parameters found in one image; named by the three together."""

    __tablename__ = "analysis"
    __table_args__ = (
        UniqueConstraint("image_sha256", "model_name", "model_version", "parameters_sha256", name="uq_analysis_identity"),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    image_sha256: Mapped[str] = mapped_column(ForeignKey("image.sha256"))
    model_name: Mapped[str]
    model_version: Mapped[str]
    model_sha256: Mapped[str | None]
    parameters: Mapped[dict[str, Any]]
    parameters_sha256: Mapped[str]
    software_version: Mapped[str]
    created_at: Mapped[datetime]
    duration_s: Mapped[float]

    format: Mapped[str]
    bit_depth: Mapped[int] = mapped_column(Integer)
    width_px: Mapped[int] = mapped_column(Integer)
    height_px: Mapped[int] = mapped_column(Integer)
    banner_top: Mapped[int | None] = mapped_column(Integer)
    banner_bottom: Mapped[int | None] = mapped_column(Integer)
    field_top: Mapped[int] = mapped_column(Integer)
    field_bottom: Mapped[int] = mapped_column(Integer)
    field_left: Mapped[int] = mapped_column(Integer)
    field_right: Mapped[int] = mapped_column(Integer)

    nm_per_px: Mapped[float | None]
    calibration_source: Mapped[str | None]
    calibration_status: Mapped[str]
    counting_rule: Mapped[str]
    warnings: Mapped[list[str]]

    n_particles: Mapped[int] = mapped_column(Integer)
    n_touching_border: Mapped[int] = mapped_column(Integer)
    n_low_confidence: Mapped[int | None] = mapped_column(Integer)
    ecd_mean_px: Mapped[float | None]
    ecd_mean_nm: Mapped[float | None]
    ecd_sd_px: Mapped[float | None]
    ecd_sd_nm: Mapped[float | None]
    ecd_d10_px: Mapped[float | None]
    ecd_d10_nm: Mapped[float | None]
    ecd_d50_px: Mapped[float | None]
    ecd_d50_nm: Mapped[float | None]
    ecd_d90_px: Mapped[float | None]
    ecd_d90_nm: Mapped[float | None]

    labels_sha256: Mapped[str]
    outlines_sha256: Mapped[str]
    overlay_sha256: Mapped[str]
    preview_sha256: Mapped[str]
    thumbnail_sha256: Mapped[str]


class ParticleRow(Base):
    """One particle of one analysis; the columns are the quantities of `ParticleTable`."""

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
    aspect_ratio: Mapped[float]
    circularity: Mapped[float]
    solidity: Mapped[float]
    touches_border: Mapped[bool]
    confidence: Mapped[float | None]
    low_confidence: Mapped[bool | None]


class ModelRow(Base):
    """A segmenter that analyses can name, for ever: its weights lie in the blob store under their SHA-256.

    ``chosen_at`` says when a person last made it the default; nobody did where it is NULL.
    """

    __tablename__ = "model"
    __table_args__ = (
        UniqueConstraint("name", "version"),
        # At most one default, whatever goes wrong.
        Index(None, "is_default", unique=True, sqlite_where=text("is_default"), postgresql_where=text("is_default")),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    name: Mapped[str]
    version: Mapped[str]
    sha256: Mapped[str | None]
    card: Mapped[dict[str, Any]]
    is_default: Mapped[bool]
    chosen_at: Mapped[datetime | None]
    added_at: Mapped[datetime]
