"""Outputs of analyses as files: asked for, followed while a worker makes them, downloaded."""

from typing import cast

from flask import Response, redirect, request, send_file

from shared import exports
from shared.log import get_logger
from shared.output_formats import OUTPUT_FORMATS
from shared.storage import Download
from web.api.blueprint import answer, api_blueprint, content_disposition
from web.export_schemas import Export, ExportBody, media_type
from web.paging import Page, PageQuery, decode_cursor, encode_cursor, paged
from web.schemas import ErrorAnswer, IdPath
from web.services import services

logger = get_logger(__name__)
api = api_blueprint("exports", "Outputs of analyses as files.")


@api.post("/exports", responses={202: Export, 413: ErrorAnswer})
def ask_for_export(body: ExportBody) -> Response:
    """Ask for an output of a selection of analyses; a worker makes its file.

    The same request again is made again, unless it still waits: then that one is the answer.
    """
    asked = body.request
    with services().database.writing() as session:
        made = Export.of(exports.ask(session, asked))
    logger.info("export_asked_for", export_id=made.id, format=made.format, selection=made.selection, person=made.person)
    return answer(made, 202)


@api.get("/exports", responses={200: Page[Export]})
def list_exports(query: PageQuery) -> Response:
    """List the exports, the newest first."""
    before = decode_cursor(query.cursor, 1)
    with services().database.reading() as session:
        rows = exports.exports_page(session, before=int(before[0]) if before else None, limit=query.limit + 1)
        shown, cursor = paged(rows, query.limit, lambda row: encode_cursor(row.id))
        page = Page[Export](items=[Export.of(row) for row in shown], next_cursor=cursor)
    return answer(page)


@api.get("/exports/<int:id>", responses={200: Export})
def show_export(path: IdPath) -> Response:
    """Show an export and how far it is."""
    with services().database.reading() as session:
        found = Export.of(exports.export(session, path.id))
    return answer(found)


@api.post("/exports/<int:id>/cancel", responses={200: Export, 409: ErrorAnswer})
def cancel_export(path: IdPath) -> Response:
    """Cancel an export that waits or is being made; 409 where it has ended otherwise."""
    with services().database.writing() as session:
        cancelled = Export.of(exports.cancel(session, path.id))
    logger.info("export_cancelled", export_id=cancelled.id)
    return answer(cancelled)


@api.get(
    "/exports/<int:id>/file",
    responses={
        200: {"content": {one.media_type: {} for one in OUTPUT_FORMATS.values()}},
        302: {"description": "The file store has it, at this address."},
        409: ErrorAnswer,
        410: ErrorAnswer,
    },
)
def download_export(path: IdPath) -> Response:
    """Download the file of an export, also in parts (`Range`); 409 until it is made, 410 once it was removed by age.

    Where browsers reach the file store, the answer leads to an address there that holds for an hour.
    """
    with services().database.reading() as session:
        row = exports.made_file(session, path.id)
        sha256, n_bytes, name = str(row.sha256), row.n_bytes or 0, str(row.file_name)
        mimetype = media_type(row)
    disposition = content_disposition("attachment", name)
    url = services().store.download_url(sha256, Download(mimetype, disposition))
    if url is not None:
        return cast("Response", redirect(url))
    if request.if_none_match.contains(sha256):  # answered before the file is opened, which nobody would close
        response = Response(status=304)
        response.set_etag(sha256)
        return response
    response = send_file(services().store.open(sha256), mimetype=mimetype, conditional=False, etag=sha256)
    response.content_length = n_bytes
    response.headers["Content-Disposition"] = disposition
    # The library sends a part only of what it knows the length of, and a file of the store does not tell.
    response.make_conditional(request, accept_ranges=True, complete_length=n_bytes)
    return response
