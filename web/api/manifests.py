"""Manifests: tables that give sample and metadata of the files of a submission, before or after the files come."""

from collections.abc import Iterator

from flask import Response, stream_with_context
from flask_openapi3 import RawModel
from sqlalchemy.orm import Session

from shared import manifests, submissions
from shared.log import get_logger
from shared.manifest import FILE_HEADERS, SAMPLE_HEADER, Manifest, read_manifest
from shared.manifest_rows import ManifestRow
from shared.spreadsheets import MAX_BYTES
from shared.tables import csv_lines
from web.api.blueprint import answer, api_blueprint, as_download
from web.manifest_schemas import CheckedManifest, ManifestEntry, ManifestNameQuery, ManifestPage, ManifestQuery
from web.manifest_schemas import Manifest as ShownManifest
from web.paging import decode_cursor, encode_cursor, paged
from web.receiving import RequestBody, upload_slot
from web.schemas import ErrorAnswer, IdPath
from web.services import services

# Entries that are read at a time for a download.
ENTRIES_AT_A_TIME = 1_000

logger = get_logger(__name__)
api = api_blueprint("manifests", "Sample and metadata of each file of a submission.")


class ManifestBody(RawModel):
    """A body that is a table; what it is, its content says."""

    mimetypes = [  # noqa: RUF012 - the library declares it so
        "text/csv",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "application/octet-stream",
    ]


@api.put("/submissions/<int:id>/manifest", responses={200: ShownManifest, 413: ErrorAnswer})
def put_manifest(path: IdPath, query: ManifestNameQuery, raw: ManifestBody) -> Response:  # noqa: ARG001 - described by it
    """Give a submission its manifest, in the place of the one that it had; the body is a CSV or XLSX file.

    The first row holds the headers. The column `file` names files as the submission does, or by the end of their names;
    `sample` counts before the submission's own; every other column is metadata. Where a line is wrong nothing is taken, and
    `manifest_refused` names each such line.
    """
    with services().database.reading() as session:
        submissions.submission(session, path.id)
    manifest = _received()
    with services().database.writing() as session:
        manifests.put(session, path.id, query.name, manifest)
        shown = _shown(session, manifests.manifest(session, path.id))
    logger.info("manifest_put", submission_id=path.id, n_entries=shown.counts.total)
    return answer(shown)


@api.post("/manifest-checks", responses={200: CheckedManifest, 413: ErrorAnswer})
def check_manifest(raw: ManifestBody) -> Response:  # noqa: ARG001 - described by it
    """Read a manifest without keeping it: what it holds, or `manifest_refused` with all lines that are wrong."""
    return answer(CheckedManifest.of(_received()))


@api.get("/submissions/<int:id>/manifest", responses={200: ManifestPage})
def show_manifest(path: IdPath, query: ManifestQuery) -> Response:
    """Show the manifest of a submission, its entries page by page, and which of their files are here."""
    after = decode_cursor(query.cursor, 1)
    with services().database.reading() as session:
        row = manifests.manifest(session, path.id)
        found = manifests.entries_page(
            session, row, state=query.state, after=int(after[0]) if after else 0, limit=query.limit + 1
        )
        shown, cursor = paged(found, query.limit, lambda entry: encode_cursor(entry.row.line))
        page = ManifestPage.of(row, manifests.counts(session, path.id))
        page.items, page.next_cursor = [ManifestEntry.of(entry) for entry in shown], cursor
    return answer(page)


@api.get("/submissions/<int:id>/manifest.csv", responses={200: {"content": {"text/csv": {}}}})
def download_manifest(path: IdPath) -> Response:
    """Download the manifest of a submission as CSV; it can be handed in again as it is."""
    with services().database.reading() as session:
        manifests.manifest(session, path.id)

    def lines() -> Iterator[str]:
        with services().database.reading() as session:
            row = manifests.manifest(session, path.id)
            yield from csv_lines((FILE_HEADERS[0], SAMPLE_HEADER, *row.keys), _records(session, row))

    return as_download(Response(stream_with_context(lines()), mimetype="text/csv"), f"submission-{path.id}-manifest.csv")


@api.delete("/submissions/<int:id>/manifest", responses={204: None})
def remove_manifest(path: IdPath) -> Response:
    """Take the manifest of a submission away; the submission's own sample counts again. Without one nothing changes."""
    with services().database.writing() as session:
        submissions.submission(session, path.id)
        manifests.remove(session, path.id)
    logger.info("manifest_removed", submission_id=path.id)
    return Response(status=204)


def _received() -> Manifest:
    with upload_slot():
        # One byte more than a table may have, so that a longer one is told from the longest.
        return read_manifest(b"".join(RequestBody(MAX_BYTES + 1).pieces()))


def _shown(session: Session, row: ManifestRow) -> ShownManifest:
    return ShownManifest.of(row, manifests.counts(session, row.submission_id))


def _records(session: Session, row: ManifestRow) -> Iterator[dict[str, str | None]]:
    line = 0
    while True:
        found = manifests.entries_page(session, row, after=line, limit=ENTRIES_AT_A_TIME)
        for entry in found:
            yield {FILE_HEADERS[0]: entry.row.file_name, SAMPLE_HEADER: entry.row.sample, **entry.metadata}
        if len(found) < ENTRIES_AT_A_TIME:
            return
        line = found[-1].row.line
