"""Analyses, their particles and their files."""

from collections.abc import Iterator, Sequence
from typing import Any, Literal, cast

from flask import Response, redirect, request, send_file
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from shared import decisions, job_lists, recordings, results
from shared.analysis_lists import all_analyses
from shared.errors import NotFoundError
from shared.image_names import result_stem
from shared.models import AnalysisRow
from shared.storage import Download
from shared.tables import FOUND_ANALYSIS_COLUMNS, PARTICLE_COLUMNS, found_analysis_record, particle_record
from web.analysis_schemas import (
    Analysis,
    Particle,
    ParticleQuery,
    Quantities,
    RawMetadata,
)
from web.api.blueprint import answer, api_blueprint, as_csv, content_disposition
from web.calibration_schemas import CalibrationChange
from web.manifest_schemas import Origin
from web.paging import LARGEST_ID, Page, PageQuery, decode_cursor, encode_cursor, paged
from web.schemas import IdPath
from web.selection_schemas import AnalysisQuery, AnalysisSelection
from web.selections import analyses_of, order_of
from web.services import services

FileName = Literal["labels.tif", "outlines.json", "overlay.png", "preview.png", "thumbnail.png", "scale_bar.png"]
MEDIA_TYPES = {"tif": "image/tiff", "png": "image/png", "json": "application/json"}

api = api_blueprint("analyses", "What was found.")


class DownloadQuery(BaseModel):
    """For whom a file is downloaded."""

    model_config = ConfigDict(extra="forbid")

    job: int | None = Field(None, ge=1, le=LARGEST_ID, description="Name the file after this job's, not after the first one's.")


class FilePath(IdPath):
    """A file of an analysis."""

    file: FileName = Field(description="Which of its files.")


class ParticlePath(IdPath):
    """A particle of an analysis."""

    label: int = Field(ge=1, le=2**31 - 1, description="Number of the particle in the label map.")


@api.get("/analyses", responses={200: Page[Analysis]})
def list_analyses(query: AnalysisQuery) -> Response:
    """List the analyses that fit all that is asked for, in the order of when they were made or of a statistic."""
    with services().database.reading() as session:
        rows, cursor = analyses_of(session, query, query.limit)
        page = Page[Analysis](items=_described(session, rows), next_cursor=cursor)
    return answer(page)


@api.get("/analyses.csv", responses={200: {"content": {"text/csv": {}}}})
def download_analyses(query: AnalysisSelection) -> Response:
    """Download all analyses that fit all that is asked for, in its order, as CSV."""
    with services().database.reading() as session:  # a question that the database gives up is no file that breaks off
        analyses_of(session, AnalysisQuery(**query.model_dump()), 1)
    return as_csv(FOUND_ANALYSIS_COLUMNS, lambda session: _found_records(session, query), "analyses.csv")


@api.get("/analyses/<int:id>", responses={200: Analysis})
def show_analysis(path: IdPath) -> Response:
    """Show an analysis: model, parameters, recording, calibration, field, statistics, warnings."""
    with services().database.reading() as session:
        (found,) = _described(session, [results.analysis(session, path.id)])
    return answer(found)


@api.get("/analyses/<int:id>/metadata", responses={200: RawMetadata})
def show_metadata(path: IdPath) -> Response:
    """Show all fields that the file has about the image, under the file's own names."""
    with services().database.reading() as session:
        found = RawMetadata(fields=recordings.fields_of(session, path.id))
    return answer(found)


@api.get("/analyses/<int:id>/calibration-changes", responses={200: Page[CalibrationChange]})
def list_calibration_changes(path: IdPath, query: PageQuery) -> Response:
    """List what became of the pixel size of an analysis, when and by whom, the newest first."""
    before = decode_cursor(query.cursor, 1)
    with services().database.reading() as session:
        rows = decisions.changes_page(session, path.id, before=int(before[0]) if before else None, limit=query.limit + 1)
        shown, cursor = paged(rows, query.limit, lambda row: encode_cursor(row.id))
        page = Page[CalibrationChange](items=[CalibrationChange.of(row) for row in shown], next_cursor=cursor)
    return answer(page)


@api.get("/analyses/<int:id>/particles", responses={200: Page[Particle]})
def list_particles(path: IdPath, query: ParticleQuery) -> Response:
    """List the particles of an analysis in the order of one of their quantities."""
    after = decode_cursor(query.cursor, 2)
    with services().database.reading() as session:
        results.analysis(session, path.id)
        rows = results.particles_page(
            session,
            path.id,
            sort=query.sort,
            descending=query.order == "desc",
            after=(after[0], int(after[1])) if after else None,
            limit=query.limit + 1,
        )
        shown, cursor = paged(rows, query.limit, lambda row: encode_cursor(getattr(row, query.sort), row.label))
        page = Page[Particle](items=[Particle.of(row) for row in shown], next_cursor=cursor)
    return answer(page)


@api.get("/analyses/<int:id>/particles/<int:label>", responses={200: Particle})
def show_particle(path: ParticlePath) -> Response:
    """Show one particle."""
    with services().database.reading() as session:
        found = Particle.of(results.particle(session, path.id, path.label))
    return answer(found)


@api.get("/analyses/<int:id>/particles.csv", responses={200: {"content": {"text/csv": {}}}})
def download_particles(path: IdPath, query: DownloadQuery) -> Response:
    """Download all particles as CSV."""
    with services().database.reading() as session:
        stem = _stem(results.analysis(session, path.id), results.source_name(session, path.id, query.job))
    return as_csv(
        PARTICLE_COLUMNS,
        lambda session: map(particle_record, results.all_particles(session, path.id)),
        f"{stem}.particles.csv",
    )


@api.get(
    "/analyses/<int:id>/files/<file>",
    responses={
        200: {"content": {name: {} for name in MEDIA_TYPES.values()}},
        302: {"description": "The file store has it, at this address."},
    },
)
def download_file(path: FilePath, query: DownloadQuery) -> Response:
    """Download the label map (TIFF), the outlines (JSON), or as PNG: overlay, preview, thumbnail, the scale bar.

    Where browsers reach the file store, pictures are fetched there: the answer leads to an address that holds for an hour.
    """
    with services().database.reading() as session:
        analysis = results.analysis(session, path.id)
        sha256 = _file_sha256(analysis, path.file)
        stem = _stem(analysis, results.source_name(session, path.id, query.job))
    if request.if_none_match.contains(sha256):  # answered before the file is opened, which nobody would close
        response = Response(status=304)
        response.set_etag(sha256)
    else:
        response = _file_answer(sha256, path.file, f"{stem}.{path.file}")
    # Numbers begin at 1 again in a new data folder: a browser asks each time, and is told 304 where nothing changed.
    response.cache_control.private = True
    response.cache_control.no_cache = True
    return response


@api.get("/quantities", responses={200: Quantities})
def list_quantities() -> Response:
    """List all numbers that SAEMI reports, with unit and definition."""
    return answer(Quantities())


def _found_records(session: Session, query: AnalysisSelection) -> Iterator[dict[str, Any]]:
    for rows in all_analyses(session, order=order_of(query), wanted=query.filter):
        origins = job_lists.origins_of(session, [row.id for row in rows])
        for row in rows:
            yield found_analysis_record(row, next(iter(origins[row.id]), None))


def _described(session: Session, rows: Sequence[AnalysisRow]) -> list[Analysis]:
    origins = job_lists.origins_of(session, [row.id for row in rows])
    return [Analysis.of(row, [Origin.of(*origin) for origin in origins[row.id]]) for row in rows]


def _file_answer(sha256: str, file: FileName, download_name: str) -> Response:
    """Answer with the file, or lead to it where a browser can fetch it from the store itself."""
    mimetype = MEDIA_TYPES[file.rpartition(".")[2]]
    kind: Literal["inline", "attachment"] = "attachment" if file == "labels.tif" else "inline"
    # Scripts of the portal read the outlines: another origin would have to permit that first.
    if file != "outlines.json":
        url = services().store.download_url(sha256, Download(mimetype, content_disposition(kind, download_name)))
        if url is not None:
            return cast("Response", redirect(url))
    content = services().store.open(sha256)
    return send_file(content, mimetype=mimetype, download_name=download_name, as_attachment=kind == "attachment", etag=sha256)


def _file_sha256(analysis: AnalysisRow, file: FileName) -> str:
    if file != "scale_bar.png":
        return str(getattr(analysis, f"{file.partition('.')[0]}_sha256"))
    sha256 = None if analysis.recording is None else analysis.recording.scale_bar_crop_sha256
    if sha256 is None:
        raise NotFoundError(f"No scale bar was read in the image of analysis {analysis.id}.", code="scale_bar_not_found")
    return sha256


def _stem(analysis: AnalysisRow, source_name: str) -> str:
    return result_stem(source_name, analysis.image_index, analysis.n_images)
