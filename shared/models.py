"""The tables. Rows carry data and no behaviour; queries live in the modules beside this one.

`job` is the truth about what is to be done, `analysis` and `particle` about what was found. Nothing measured is overwritten:
another model or other parameters make another analysis, and a decision about the pixel size leaves a row of what it changed.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, Integer, TextClause, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shared.declarative import Base, BigKey, Claimable
from shared.finding_rows import RecordingRow
from shared.quantities import STATISTIC_QUANTITIES

# What makes two requests for an analysis the same one.
IDENTITY = ("image_sha256", "image_index", "side_cars_sha256", "model_name", "model_version", "parameters_sha256")

# Jobs that still have to come to an end, and those of them that a message announces or a worker holds: few beside years of
# finished ones, so the queue looks at these indexes alone.
OPEN = text("state IN ('queued', 'running')")
# In brackets, because a condition written as text stands among others as it is.
IN_FLIGHT = text("(state = 'running' OR (state = 'queued' AND sent_at IS NOT NULL))")
# Their indexes; a query goes through one of them by `database.through_index`.
OPEN_INDEX = "ix_job_open"
IN_FLIGHT_INDEX = "ix_job_in_flight"
# What came to an end, by when: the latest of it is asked for again and again, and answered from the index alone.
ENDED = text("finished_at IS NOT NULL")
ENDED_INDEX = "ix_job_ended"
# Files whose bytes are there.
STORED = text("removed_at IS NULL")


def _partial_index(name: str, *columns: str, where: TextClause) -> Index:
    return Index(name, *columns, sqlite_where=where, postgresql_where=where)


class ImageRow(Base):
    """An uploaded file, once for each content.

    ``created_at`` is when its bytes came, at last. While ``removed_at`` is set they are not there: originals were kept for
    ``removed_after_days``.
    """

    __tablename__ = "image"
    __table_args__ = (_partial_index("ix_image_stored", "created_at", "sha256", where=STORED),)

    sha256: Mapped[str] = mapped_column(primary_key=True)
    n_bytes: Mapped[int]
    created_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]
    removed_after_days: Mapped[int | None] = mapped_column(Integer)


class SubmissionRow(Base):
    """What a person handed in together, with what was chosen for all of it: parameters, ``first`` or ``all`` images of each.

    ``person``, ``group_name`` and ``priority`` say whose turn it is in the queue. While ``paused_at`` is set nothing of it
    begins; ``paused_by`` is who wanted that, where a name was given. While ``kept_at`` is set nothing of it is removed by age.
    ``removed_at`` is set while it is being removed: it does not exist any more for anybody else. ``pipeline_version`` is that
    of the release that took it in; NULL in rows of releases that did not note it.
    """

    __tablename__ = "submission"

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    project: Mapped[str]
    sample: Mapped[str | None]
    parameters: Mapped[dict[str, Any]]
    images: Mapped[str] = mapped_column(server_default=text("'first'"))
    person: Mapped[str | None]
    group_name: Mapped[str] = mapped_column(server_default=text("''"))
    priority: Mapped[str] = mapped_column(server_default=text("'normal'"))
    paused_at: Mapped[datetime | None]
    paused_by: Mapped[str | None]
    kept_at: Mapped[datetime | None]
    kept_by: Mapped[str | None]
    removed_at: Mapped[datetime | None]
    pipeline_version: Mapped[int | None] = mapped_column(Integer)
    created_at: Mapped[datetime]

    jobs: Mapped[list["JobRow"]] = relationship(back_populates="submission")


class JobRow(Claimable, Base):
    """One image of one file of one submission on its way: state, claim and outcome.

    ``n_images`` of the file is NULL until it was read. ``is_outdated``: side-cars came since it was claimed, it will run again.
    ``timings`` says how long each stage took, s; ``network_load`` which share of the network's passes was its own. ``content``
    says what the bytes are: an ``image``, an ``archive`` that is unpacked, or the archive out of which this file was
    ``refused``. ``note`` is for people, of a job that went well. ``traceparent`` names the request that handed it in, where
    that was traced.
    """

    __tablename__ = "job"
    __table_args__ = (
        UniqueConstraint("submission_id", "source_name", "image_sha256", "image_index"),
        Index(None, "state", "id"),
        Index(None, "submission_id", "state"),
        Index(None, "submission_id", "id"),
        Index(None, "image_sha256"),
        _partial_index(OPEN_INDEX, "submission_id", "id", where=OPEN),
        _partial_index(IN_FLIGHT_INDEX, "submission_id", "sent_at", where=IN_FLIGHT),
        _partial_index(ENDED_INDEX, "finished_at", "submission_id", "state", "started_at", where=ENDED),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    submission_id: Mapped[int] = mapped_column(ForeignKey("submission.id"))
    image_sha256: Mapped[str] = mapped_column(ForeignKey("image.sha256"))
    source_name: Mapped[str]
    image_index: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    n_images: Mapped[int | None] = mapped_column(Integer)
    is_outdated: Mapped[bool] = mapped_column(server_default=false())
    timings: Mapped[dict[str, Any] | None]
    network_load: Mapped[dict[str, Any] | None]
    content: Mapped[str] = mapped_column(server_default=text("'image'"))
    note: Mapped[str | None]
    traceparent: Mapped[str | None]
    analysis_id: Mapped[int | None] = mapped_column(ForeignKey("analysis.id"), index=True)

    submission: Mapped[SubmissionRow] = relationship(back_populates="jobs")
    analysis: Mapped["AnalysisRow | None"] = relationship()


class SideCarRow(Base):
    """A file that instruments write beside an image, under the name it was handed in with; no job of its own.

    Its bytes may be removed as those of an image.
    """

    __tablename__ = "side_car"
    __table_args__ = (
        UniqueConstraint("submission_id", "name"),
        Index(None, "sha256"),
        _partial_index("ix_side_car_stored", "created_at", "id", where=STORED),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    submission_id: Mapped[int] = mapped_column(ForeignKey("submission.id"))
    name: Mapped[str]
    sha256: Mapped[str]
    n_bytes: Mapped[int]
    has_image: Mapped[bool]
    created_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]
    removed_after_days: Mapped[int | None] = mapped_column(Integer)


class DecisionRow(Claimable, Base):
    """Who decided which pixel size holds, for what and when; and the work of applying it. Rows are added and never removed.

    An image is named by ``image_sha256`` and ``image_index``, an instrument by ``instrument``, ``magnification`` and
    ``width_px``. ``n_analyses`` came under the decision when it was made, ``n_changed`` were changed by applying it.
    """

    __tablename__ = "calibration_decision"
    __table_args__ = (
        Index(None, "state", "id"),
        Index(None, "image_sha256", "image_index"),
        Index(None, "instrument", "magnification", "width_px"),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    person: Mapped[str]
    scope: Mapped[str]
    image_sha256: Mapped[str | None] = mapped_column(ForeignKey("image.sha256"))
    image_index: Mapped[int | None] = mapped_column(Integer)
    submission_id: Mapped[int | None] = mapped_column(ForeignKey("submission.id"), index=True)
    instrument: Mapped[str | None]
    magnification: Mapped[float | None]
    width_px: Mapped[int | None] = mapped_column(Integer)
    choice: Mapped[str]
    nm_per_px: Mapped[float | None]
    evidence: Mapped[str | None]
    comment: Mapped[str | None]
    n_analyses: Mapped[int]
    n_changed: Mapped[int]


class ChangeRow(Base):
    """What became of the calibration of one analysis, and by which decision; NULL where a later submission stated the value."""

    __tablename__ = "calibration_change"
    __table_args__ = (UniqueConstraint("decision_id", "analysis_id"), Index(None, "analysis_id", "id"))

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    decision_id: Mapped[int | None] = mapped_column(ForeignKey("calibration_decision.id"))
    analysis_id: Mapped[int] = mapped_column(ForeignKey("analysis.id"))
    changed_at: Mapped[datetime]
    nm_per_px_before: Mapped[float | None]
    source_before: Mapped[str | None]
    status_before: Mapped[str]
    nm_per_px_after: Mapped[float | None]
    source_after: Mapped[str | None]
    status_after: Mapped[str]

    decision: Mapped[DecisionRow | None] = relationship(lazy="joined")


class AnalysisRow(Base):
    """What one model with one set of parameters found in one image; named by the three together.

    ``recording_id`` and ``n_images`` of the file are NULL in rows of releases that did not keep them, and so are the statistics
    from ``n_counted`` on that these did not make. ``ecd_bins`` is NULL without a pixel size.
    """

    __tablename__ = "analysis"
    __table_args__ = (
        UniqueConstraint(*IDENTITY, name="uq_analysis_identity"),
        Index(None, "calibration_status", "id"),
        # The orders and conditions that are asked for most begin at an index of their own; the others go through one that is a
        # tenth of the table.
        *(Index(None, name, "id") for name in ("created_at", "n_particles", "ecd_mean_nm", "ecd_d50_nm", "ecd_span")),
        Index("ix_analysis_statistics", "id", *(quantity.name for quantity in STATISTIC_QUANTITIES)),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    image_sha256: Mapped[str] = mapped_column(ForeignKey("image.sha256"))
    image_index: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    side_cars_sha256: Mapped[str] = mapped_column(server_default=text("''"))
    n_images: Mapped[int | None] = mapped_column(Integer)
    recording_id: Mapped[int | None] = mapped_column(ForeignKey("recording.id"), index=True)
    decision_id: Mapped[int | None] = mapped_column(ForeignKey("calibration_decision.id"))
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
    n_counted: Mapped[int | None] = mapped_column(Integer)
    n_small: Mapped[int | None] = mapped_column(Integer)
    capped_share: Mapped[float | None]
    coverage: Mapped[float | None]
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
    ecd_span: Mapped[float | None]
    ecd_geometric_mean_px: Mapped[float | None]
    ecd_geometric_mean_nm: Mapped[float | None]
    ecd_gsd: Mapped[float | None]
    ecd_d32_px: Mapped[float | None]
    ecd_d32_nm: Mapped[float | None]
    ecd_d43_px: Mapped[float | None]
    ecd_d43_nm: Mapped[float | None]
    fitness: Mapped[str | None]
    fitness_reasons: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    # See `shared.distributions.stored`: for pooling, and too large for lists.
    ecd_bins: Mapped[bytes | None] = mapped_column(deferred=True)
    ecd_sums: Mapped[bytes | None] = mapped_column(deferred=True)

    labels_sha256: Mapped[str]
    outlines_sha256: Mapped[str]
    overlay_sha256: Mapped[str]
    preview_sha256: Mapped[str]
    thumbnail_sha256: Mapped[str]

    image: Mapped[ImageRow] = relationship(lazy="joined")
    recording: Mapped[RecordingRow | None] = relationship(lazy="joined")
    decision: Mapped[DecisionRow | None] = relationship(lazy="joined")
