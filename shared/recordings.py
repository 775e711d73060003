"""What files state of their images and what scale bars show, in the database: once for each image and pipeline.

Functions take the session first and never commit.
"""

from dataclasses import asdict
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute, Session, joinedload

from shared.domain import PIPELINE_VERSION, Analysis, Metadata, Micrograph, ScaleBar, Stage
from shared.errors import NotFoundError
from shared.finding_rows import RecordingRow
from shared.models import AnalysisRow

# What a field can be filtered by is read from so many recordings, and so many values are named: people look for recent ones.
NEWEST_RECORDINGS = 1000
SUGGESTIONS = 100
IDENTITY = ("image_sha256", "image_index", "side_cars_sha256", "pipeline_version")


def describe_identified(
    image_sha256: str,
    micrograph: Micrograph,
    analysis: Analysis,
    *,
    side_cars_sha256: str,
    scale_bar_crop_sha256: str | None,
) -> dict[str, Any]:
    """Return the whole recording of an image by this pipeline, under the names of the columns; `IDENTITY` tells it apart."""
    return describe_recording(micrograph.metadata, analysis.scale_bar) | {
        "image_sha256": image_sha256,
        "image_index": micrograph.index,
        "side_cars_sha256": side_cars_sha256,
        "pipeline_version": PIPELINE_VERSION,
        "scale_bar_crop_sha256": scale_bar_crop_sha256,
        "fields": {} if micrograph.metadata is None else dict(micrograph.metadata.raw),
        "annotations": [asdict(box) for box in analysis.annotations],
    }


def describe_recording(metadata: Metadata | None, scale_bar: ScaleBar | None) -> dict[str, Any]:
    """Return what was read of an image, under the names of the `recording` columns; None where nothing is stated."""
    stated = metadata or Metadata()
    stage = {f"stage_{name}": value for name, value in asdict(stated.stage or Stage()).items()}
    return {
        "vendor": stated.vendor,
        "model": stated.model,
        "instrument": stated.instrument,
        "voltage_kv": stated.voltage_kv,
        "magnification": stated.magnification,
        "detector": stated.detector,
        "acquired_at": stated.acquired_at,
        "operator": stated.user,
        "working_distance_mm": stated.working_distance_mm,
        **stage,
        "metadata_nm_per_px": stated.nm_per_px,
        "metadata_text": stated.nm_per_px_text,
        "metadata_tag": stated.nm_per_px_tag,
        **_describe_scale_bar(scale_bar),
    }


def fields_of(session: Session, analysis_id: int) -> dict[str, str]:
    """Return the file's own fields about the image of an analysis.

    Raises
    ------
    NotFoundError
        ``analysis_not_found``, or ``recording_not_found`` for an analysis of a release that kept none.
    """
    with_fields = joinedload(AnalysisRow.recording).undefer(RecordingRow.fields)
    analysis = session.get(AnalysisRow, analysis_id, options=[with_fields])
    if analysis is None:
        raise NotFoundError(f"There is no analysis {analysis_id}.", code="analysis_not_found")
    return recording_of(analysis).fields


def recording_of(analysis: AnalysisRow) -> RecordingRow:
    """Return the recording of an analysis; raises NotFoundError ``recording_not_found`` for a release that kept none."""
    if analysis.recording is None:
        message = f"Analysis {analysis.id} is of an earlier release, which kept no metadata: hand the image in again."
        raise NotFoundError(message, code="recording_not_found")
    return analysis.recording


def newest_values(session: Session, name: str) -> list[str]:
    """Return the values of one typed field among the newest recordings, in the order of the alphabet."""
    column: InstrumentedAttribute[str | None] = getattr(RecordingRow, name)
    newest = select(column.label("value")).order_by(RecordingRow.id.desc()).limit(NEWEST_RECORDINGS).subquery()
    values = select(newest.c.value).where(newest.c.value.is_not(None)).distinct().order_by(newest.c.value)
    return list(session.scalars(values.limit(SUGGESTIONS)))


def _describe_scale_bar(bar: ScaleBar | None) -> dict[str, Any]:
    names = ("text", "value_nm", "length_px", "nm_per_px", "x0", "x1", "y", "confidence")
    return {f"scale_bar_{name}": None if bar is None else getattr(bar, name) for name in names}
