"""Opening submissions, adding files to them, and watching their jobs."""

from flask import Response

from shared import job_lists, manifests, registry, side_cars, submissions, uploads, watching
from shared.image_names import clean_name
from shared.log import get_logger
from shared.storage import file_too_large
from shared.tables import FAILURE_COLUMNS, SUBMISSION_COLUMNS, csv_lines, failure_record, metadata_column, summary_record
from web.api.blueprint import FileBody, answer, api_blueprint, as_download
from web.described import described_file, described_jobs, described_submission
from web.paging import Page, PageQuery, decode_cursor, encode_cursor, paged
from web.receiving import RequestBody, upload_slot
from web.schemas import (
    AddedFile,
    ErrorAnswer,
    FileQuery,
    IdPath,
    Job,
    JobQuery,
    SideCar,
    SideCarQuery,
    Submission,
    SubmissionRequest,
)
from web.services import services

logger = get_logger(__name__)
api = api_blueprint("submissions", "What people hand in, and how far it is.")


@api.post("/submissions", responses={201: Submission})
def open_submission(body: SubmissionRequest) -> Response:
    """Open a submission; its files follow one by one.

    The model is settled now, with its version: a newer one or another default changes nothing that was handed in before.
    """
    with services().database.writing() as session:
        model = registry.default(session) if body.model is None else registry.resolve(session, body.model)
        parameters = body.parameters(registry.identity(model).reference)
        row = submissions.create_submission(
            session,
            body.project,
            body.sample,
            parameters,
            body.images,
            person=body.person or None,
            group=body.group or None,
            priority=body.priority,
        )
        opened = described_submission(session, row, services().settings)
    # The request's own id is bound: from here on the submission's number leads to all that becomes of it.
    logger.info("submission_opened", submission_id=opened.id, priority=opened.priority)
    return answer(opened, 201)


@api.get("/submissions", responses={200: Page[Submission]})
def list_submissions(query: PageQuery) -> Response:
    """List the submissions, the newest first."""
    before = decode_cursor(query.cursor, 1)
    with services().database.reading() as session:
        rows = submissions.submissions_page(session, before=int(before[0]) if before else None, limit=query.limit + 1)
        shown, cursor = paged(rows, query.limit, lambda row: encode_cursor(row.id))
        ids = [row.id for row in shown]
        counts, beside = submissions.counts_of(session, ids), side_cars.counts_of(session, ids)
        items = [Submission.of(row, counts[row.id], beside[row.id]) for row in shown]
        page = Page[Submission](items=items, next_cursor=cursor)
    return answer(page)


@api.get("/submissions/<int:id>", responses={200: Submission})
def show_submission(path: IdPath) -> Response:
    """Show a submission with the number of its jobs in each state."""
    with services().database.reading() as session:
        found = described_submission(session, submissions.submission(session, path.id), services().settings)
    return answer(found)


@api.put(
    "/submissions/<int:id>/files",
    responses={200: AddedFile, 201: AddedFile, 409: ErrorAnswer, 413: ErrorAnswer, 507: ErrorAnswer},
)
def add_file(path: IdPath, query: FileQuery, raw: FileBody) -> Response:
    """Add one file to a submission; the body is the bytes of the file.

    An image gets a job. A side-car, told by its name (`.txt`, `.hdr`, `.emi`), is kept and read with the image of its name;
    where the image came first, it is analysed once more. Adding the same file under the same name again changes nothing and
    answers 200 with what is there.
    """
    name = clean_name(query.name)
    max_bytes = services().settings.max_upload_bytes
    if (raw.content_length or 0) > max_bytes:
        raise file_too_large(max_bytes)
    with services().database.reading() as session:
        submissions.submission(session, path.id)
    with upload_slot():
        # One byte more than the store takes, so that it is the store that refuses, also a body that does not state its length.
        blob = services().store.put(RequestBody(max_bytes + 1).pieces(), max_bytes)
    with services().database.writing() as session:
        added = uploads.add_file(session, path.id, blob, name)
        shown = described_file(session, added.row)
    return answer(shown, 201 if added.is_new else 200)


@api.get("/submissions/<int:id>/side-cars", responses={200: Page[SideCar]})
def list_side_cars(path: IdPath, query: SideCarQuery) -> Response:
    """List the side-cars of a submission, the newest first; `has_image=false`: those that belong to no image of it."""
    before = decode_cursor(query.cursor, 1)
    with services().database.reading() as session:
        submissions.submission(session, path.id)
        rows = side_cars.side_cars_page(
            session,
            path.id,
            before=int(before[0]) if before else None,
            limit=query.limit + 1,
            has_image=query.has_image,
        )
        shown, cursor = paged(rows, query.limit, lambda row: encode_cursor(row.id))
        page = Page[SideCar](items=[SideCar.of(row) for row in shown], next_cursor=cursor)
    return answer(page)


@api.get("/submissions/<int:id>/summary.csv", responses={200: {"content": {"text/csv": {}}}})
def download_summary(path: IdPath) -> Response:
    """Download one row for each file: its outcome, the reason where it failed, the statistics where it did not.

    `original_removed_at` says since when the uploaded file is not here any more. What the manifest says stands in `sample` and
    in columns of its own at the end.
    """
    with services().database.reading() as session:
        submissions.submission(session, path.id)
        files = submissions.analysed_files(session, path.id)
        sample_data = manifests.sample_data_of(session, [job for job, *_ in files])
        records = [summary_record(*file, sample_data[file[0].id]) for file in files]
        manifest = manifests.find(session, path.id)
        columns = (*SUBMISSION_COLUMNS, *(metadata_column(key) for key in (manifest.keys if manifest else ())))
    response = Response(csv_lines(columns, records), mimetype="text/csv")
    return as_download(response, f"submission-{path.id}-summary.csv")


@api.get("/submissions/<int:id>/failures.csv", responses={200: {"content": {"text/csv": {}}}})
def download_failures(path: IdPath) -> Response:
    """Download the files that failed, each with its reason, whatever became of the others."""
    with services().database.reading() as session:
        submissions.submission(session, path.id)
        records = [failure_record(job) for job in watching.failed_jobs(session, path.id)]
    response = Response(csv_lines(FAILURE_COLUMNS, records), mimetype="text/csv")
    return as_download(response, f"submission-{path.id}-failures.csv")


@api.get("/jobs", responses={200: Page[Job]})
def list_jobs(query: JobQuery) -> Response:
    """List jobs, the newest first."""
    before = decode_cursor(query.cursor, 1)
    with services().database.reading() as session:
        rows = job_lists.jobs_page(
            session,
            submission_id=query.submission_id,
            state=query.state,
            error_code=query.error_code,
            wanted=query.files,
            before=int(before[0]) if before else None,
            limit=query.limit + 1,
        )
        shown, cursor = paged(rows, query.limit, lambda row: encode_cursor(row.id))
        page = Page[Job](items=described_jobs(session, shown), next_cursor=cursor)
    return answer(page)


@api.get("/jobs/<int:id>", responses={200: Job})
def show_job(path: IdPath) -> Response:
    """Show a job."""
    with services().database.reading() as session:
        (found,) = described_jobs(session, [submissions.job(session, path.id)])
    return answer(found)
