"""The content of an output, read from rows and blobs: of one moment, ordered by name, particles and pictures only when asked.

A selection's records are read in one transaction. Particles are read later, image by image, and brought to nanometres by the
pixel size of the record, so that a decision that is applied meanwhile does not mix with what was read before.
"""

import re
from collections.abc import Sequence
from dataclasses import Field, dataclass, fields
from functools import partial
from typing import Any

import imagecodecs
import numpy as np
import tifffile
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shared import export_choices, exports, manifests
from shared.analysis_filter import EVERY_ANALYSIS, AnalysisFilter, about_job
from shared.arrays import GreyImage, Labels
from shared.database import Database
from shared.errors import InputError, TransientError
from shared.export_choices import ExportChoices
from shared.export_rows import ExportRow
from shared.finding_rows import ParticleRow
from shared.image_names import result_stem, shown_name
from shared.job_contents import JobContent
from shared.kept_filters import kept
from shared.leases import JobState
from shared.manifest_filter import matching
from shared.models import AnalysisRow, JobRow
from shared.nanometres import PARTICLE_CONVERSIONS, calibrate
from shared.quantities import ParticleTable
from shared.selection import Selection
from shared.storage import BlobStore
from shared.tables import summary_record
from worker.outputs.content import AnalysedImage, Choices, Content, LeftOut

AT_ONCE = 500
# The release of the pipeline from which on all columns of a `ParticleTable` are measured.
ALL_MEASURED_SINCE = 5
IN_NM = frozenset(conversion.name for conversion in PARTICLE_CONVERSIONS)
# What a filter may ask of images that have no analysis.
ASKED_OF_JOBS = frozenset({"submission_id", "project", "person", "group", "file_name", "files"})
# In names of files that Windows cannot have.
FORBIDDEN = re.compile(r'[<>:"/\\|?*]')
UNFINISHED = {
    JobState.QUEUED: "Not analysed yet.",
    JobState.RUNNING: "Not analysed yet.",
    JobState.CANCELLED: "Its analysis was cancelled.",
}


@dataclass(frozen=True, slots=True)
class _Found:
    """An analysis of the selection: its record, and where its files lie."""

    id: int
    name: str
    stem: str
    record: dict[str, Any]
    parameters: dict[str, Any]
    labels_sha256: str
    preview_sha256: str


def stored_content(database: Database, store: BlobStore, row: ExportRow) -> Content:
    """Read what an export shows.

    Raises
    ------
    InputError
        As `exports.ask` does: what is selected may have changed since; also ``nothing_selected`` where all of it is left out,
        and ``unknown_choice``.
    """
    export_choices.require_known(row.choices)
    chosen = exports.selection(row)
    with database.reading() as session:
        if database.dialect != "sqlite":  # where every transaction sees one moment
            session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        exports.require_fitting_size(session, chosen)
        found, left_out = _read(session, chosen)
    if not found:
        reasons = " ".join(sorted({one.reason for one in left_out})[:3])
        raise InputError(f"There is nothing to make a file of. {reasons}".strip(), code="nothing_selected")
    found.sort(key=lambda one: (one.name.casefold(), one.name, one.id))
    stems = _distinct([one.stem for one in found])
    choices = ExportChoices.stored(row.choices)
    return Content(
        title=row.title,
        images=[_image(database, store, one, stem) for one, stem in zip(found, stems, strict=True)],
        left_out=sorted(left_out, key=lambda one: (one.name.casefold(), one.name)),
        choices=Choices(
            quantity=choices.quantity,
            weighting=choices.weighting,
            rule=choices.counting_rule,
            n_bins=choices.bins,
            is_log_axis=choices.log_axis,
        ),
        command=export_choices.command(row.format, row.selection, row.analysis_ids, choices),
    )


def _read(session: Session, chosen: Selection) -> tuple[list[_Found], list[LeftOut]]:
    numbers = session.scalars(chosen.narrow(session, select(AnalysisRow.id)).order_by(AnalysisRow.id)).all()
    found: list[_Found] = []
    left_out = [] if chosen.analysis_ids is not None else _without_analysis(session, chosen.wanted)
    for some in (numbers[first : first + AT_ONCE] for first in range(0, len(numbers), AT_ONCE)):
        names = _jobs_of(session, chosen.wanted, some)
        sample_data = manifests.sample_data_of(session, list(names.values()))
        for analysis in session.scalars(select(AnalysisRow).where(AnalysisRow.id.in_(some))):
            job = names.get(analysis.id)
            if job is None:
                left_out.append(LeftOut(f"Analysis {analysis.id}", "No submission has it any more."))
                continue
            name = shown_name(job.source_name, analysis.image_index, analysis.n_images)
            if not _is_fully_measured(analysis):
                reason = "A release of SAEMI analysed it that measured less: hand the image in again."
                left_out.append(LeftOut(name, reason))
                continue
            record = summary_record(job, analysis, analysis.image.removed_at, sample_data[job.id])
            stem = FORBIDDEN.sub("_", result_stem(job.source_name, analysis.image_index, analysis.n_images))
            found.append(
                _Found(
                    id=analysis.id,
                    name=name,
                    stem=stem,
                    record=record,
                    parameters=analysis.parameters,
                    labels_sha256=analysis.labels_sha256,
                    preview_sha256=analysis.preview_sha256,
                )
            )
        session.expunge_all()
    return found, left_out


def _jobs_of(session: Session, wanted: AnalysisFilter, analysis_ids: Sequence[int]) -> dict[int, JobRow]:
    """Return for each analysis the first job of the selection that ended with it: an image may be handed in again and again."""
    conditions = [JobRow.analysis_id.in_(analysis_ids), *about_job(wanted)]
    if not wanted.files.asks_for_nothing:
        conditions.append(JobRow.id.in_(matching(JobRow.id, wanted.files, *conditions)))
    first = select(func.min(JobRow.id)).where(*conditions).group_by(JobRow.analysis_id)
    rows = session.scalars(select(JobRow).where(JobRow.id.in_(first)))
    return {row.analysis_id: row for row in rows if row.analysis_id is not None}


def _without_analysis(session: Session, wanted: AnalysisFilter) -> list[LeftOut]:
    """Return the images of the selection that have no analysis; none where it asks for what only an analysis can answer."""
    if wanted == EVERY_ANALYSIS or not kept(wanted).keys() <= ASKED_OF_JOBS:
        return []
    conditions = [JobRow.analysis_id.is_(None), *about_job(wanted)]
    query = select(JobRow).where(*conditions)
    if not wanted.files.asks_for_nothing:
        query = query.where(JobRow.id.in_(matching(JobRow.id, wanted.files, *conditions)))
    left_out = []
    for job in session.scalars(query):
        if job.content == JobContent.ARCHIVE and job.state != JobState.FAILED:
            continue  # its files are jobs of their own
        reason = UNFINISHED.get(JobState(job.state)) or job.error_message or "It failed."
        left_out.append(LeftOut(shown_name(job.source_name, job.image_index, job.n_images), reason))
    return left_out


def _is_fully_measured(analysis: AnalysisRow) -> bool:
    return analysis.recording is not None and analysis.recording.pipeline_version >= ALL_MEASURED_SINCE


def _distinct(stems: Sequence[str]) -> list[str]:
    """Number stems that would name one file, also where upper and lower case are the same.

    >>> _distinct(["a", "A", "b", "a_2"])
    ['a', 'A_3', 'b', 'a_2']
    """
    taken = {stem.casefold() for stem in stems}
    seen: set[str] = set()
    distinct = []
    for stem in stems:
        name, number = stem, 1
        while name.casefold() in seen or (number > 1 and name.casefold() in taken):
            number += 1
            name = f"{stem}_{number}"
        seen.add(name.casefold())
        distinct.append(name)
    return distinct


def _image(database: Database, store: BlobStore, found: _Found, stem: str) -> AnalysedImage:
    return AnalysedImage(
        name=found.name,
        stem=stem,
        record=found.record,
        parameters=found.parameters,
        particles=partial(_particles, database, found),
        labels=partial(_labels, store, found.labels_sha256),
        preview=partial(_preview, store, found.preview_sha256),
    )


def _particles(database: Database, found: _Found) -> ParticleTable:
    """Read the measurements in pixels, and bring them to nanometres by the pixel size of the record."""
    columns = [one for one in fields(ParticleTable) if one.name not in IN_NM]
    query = select(*(getattr(ParticleRow, one.name) for one in columns)).where(ParticleRow.analysis_id == found.id)
    with database.reading() as session:
        rows = session.execute(query.order_by(ParticleRow.label)).all()
    if len(rows) != found.record["n_particles"]:
        message = f"Analysis {found.id} was removed while the file was made."
        raise TransientError(message, code="analysis_removed")
    table = ParticleTable(**{one.name: _column(one, [row[place] for row in rows]) for place, one in enumerate(columns)})
    nm_per_px = found.record["nm_per_px"]
    return table if nm_per_px is None else calibrate(table, nm_per_px)


def _column(column: Field[Any], values: list[Any]) -> Any:
    """Return the values of a column as an array of its own type; None where the analysis does not have it.

    It has them for all of its particles or for none.
    """
    if (values[0] if values else column.default) is None:
        return None
    kind = getattr(ParticleRow, column.name).type.python_type
    return np.array(values, dtype={int: np.int64, float: np.float64, bool: np.bool_}[kind])


def _labels(store: BlobStore, sha256: str) -> Labels:
    with store.local_path(sha256) as path:
        return np.asarray(tifffile.imread(path), dtype=np.int32)


def _preview(store: BlobStore, sha256: str) -> GreyImage:
    with store.open(sha256) as file:
        return np.asarray(imagecodecs.png_decode(file.read()), dtype=np.uint8)
