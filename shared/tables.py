"""The tables people download: particles of an analysis and summary of a submission, as CSV.

Headers are the names of the quantities, so that a file, a column of the database and a key of the API are called the same.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from shared.finding_rows import ParticleRow
from shared.image_names import IMAGE_COLUMNS
from shared.manifests import SampleData
from shared.models import AnalysisRow, JobRow
from shared.quantities import PARTICLE_QUANTITIES, STATISTIC_QUANTITIES

PARTICLE_COLUMNS = tuple(quantity.name for quantity in PARTICLE_QUANTITIES)
RECORDING_COLUMNS = (
    "instrument",
    "magnification",
    "voltage_kv",
    "acquired_at",
    "metadata_nm_per_px",
    "scale_bar_text",
    "scale_bar_length_px",
    "scale_bar_nm_per_px",
)
ANALYSIS_COLUMNS = (
    "width_px",
    "height_px",
    "bit_depth",
    "format",
    "nm_per_px",
    "calibration_source",
    "calibration_status",
    *RECORDING_COLUMNS,
    "banner_top",
    "banner_bottom",
    "field_top",
    "field_bottom",
    "field_left",
    "field_right",
    *(quantity.name for quantity in STATISTIC_QUANTITIES),
    "counting_rule",
    "fitness",
    "fitness_reasons",
    "model_name",
    "model_version",
    "model_sha256",
    "parameters_sha256",
    "software_version",
    "warnings",
)
FAILURE_COLUMNS = ("file", "image", "error_code", "error_message", "error_reference", "attempts", "job", "image_sha256")
SUMMARY_COLUMNS = ("file", "state", "error_code", "error_message", *ANALYSIS_COLUMNS, *IMAGE_COLUMNS)
SUBMISSION_COLUMNS = (*SUMMARY_COLUMNS, "original_removed_at", "sample")
# Of analyses and of particles that were searched for, wherever they were handed in.
FOUND_ANALYSIS_COLUMNS = ("analysis", "file", "sample", "submission", "created_at", *ANALYSIS_COLUMNS, *IMAGE_COLUMNS)
FOUND_PARTICLE_COLUMNS = ("analysis", "file", *PARTICLE_COLUMNS)


def csv_lines(columns: Sequence[str], records: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield a CSV table line by line; a missing value is an empty cell, truth is written true or false."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    yield buffer.getvalue()
    for record in records:
        buffer.seek(0)
        buffer.truncate()
        writer.writerow([_cell(record.get(column)) for column in columns])
        yield buffer.getvalue()


def particle_types() -> dict[str, type]:
    """Return for each column of particles whether its values are `int`, `float` or `bool`."""
    return {name: ParticleRow.__table__.columns[name].type.python_type for name in PARTICLE_COLUMNS}


def particle_record(row: ParticleRow) -> dict[str, Any]:
    """Return a stored particle under the names of its quantities."""
    return {name: getattr(row, name) for name in PARTICLE_COLUMNS}


def failure_record(job: JobRow) -> dict[str, Any]:
    """Return a job that failed: which file and image, and why."""
    return {
        "file": job.source_name,
        "image": job.image_index + 1,
        "job": job.id,
        **{name: getattr(job, name) for name in ("error_code", "error_message", "error_reference", "attempts", "image_sha256")},
    }


def metadata_column(key: str) -> str:
    """Name the column that holds what a manifest says under a key; no quantity is called so."""
    return f"metadata: {key}"


def summary_record(
    job: JobRow, analysis: AnalysisRow | None, original_removed_at: datetime | None, sample_data: SampleData
) -> dict[str, Any]:
    """Return one image of a submission: its outcome, the reason where it failed, the statistics where it did not."""
    record = {
        "file": job.source_name,
        "state": job.state,
        "error_code": job.error_code,
        "error_message": job.error_message,
        "image": job.image_index + 1,
        "n_images": job.n_images,
        "original_removed_at": None if original_removed_at is None else original_removed_at.isoformat(timespec="seconds"),
        "sample": sample_data.sample,
        **{metadata_column(key): value for key, value in sample_data.metadata.items()},
    }
    return record if analysis is None else record | _analysis_record(analysis)


def found_analysis_record(analysis: AnalysisRow, origin: tuple[JobRow, SampleData] | None) -> dict[str, Any]:
    """Return an analysis with the job through which its image was first handed in, where that is still here."""
    record = {
        "analysis": analysis.id,
        "created_at": analysis.created_at.isoformat(timespec="seconds"),
        "image": analysis.image_index + 1,
        "n_images": analysis.n_images,
        **_analysis_record(analysis),
    }
    if origin is not None:
        job, sample_data = origin
        record |= {"file": job.source_name, "submission": job.submission_id, "sample": sample_data.sample}
    return record


def found_particle_record(row: ParticleRow, file: str | None) -> dict[str, Any]:
    """Return a particle with its analysis and the name that its image was first handed in under."""
    return {"analysis": row.analysis_id, "file": file, **particle_record(row)}


def _analysis_record(analysis: AnalysisRow) -> dict[str, Any]:
    rows = {name: analysis.recording if name in RECORDING_COLUMNS else analysis for name in ANALYSIS_COLUMNS}
    return {name: None if row is None else getattr(row, name) for name, row in rows.items()}


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "; ".join(value)
    return value
