"""Files that browsers send to the file store themselves: the portal signs an address, and afterwards takes in what arrived.

The row of such an upload is that of one in pieces; what differs is the way of its bytes. Whoever is cut off tells the end once
more: until the row says that the file is complete, its bytes are where the browser stored them.
"""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from shared import resumable, submissions, uploads
from shared.errors import InputError, NotFoundError, OperatorError
from shared.image_names import clean_name
from shared.storage import BlobInfo, file_too_large
from web import resumable_uploads
from web.described import described_file
from web.schemas import AddedFile
from web.services import Services
from web.upload_schemas import DirectUpload, Upload

if TYPE_CHECKING:
    from shared.s3_uploads import S3Uploads

# However often the end is told, these stay.
FINAL = ("upload_altered", "file_too_large", "side_car_differs")


def begin(parts: Services, submission_id: int, name: str, n_bytes: int, stated_digest: str | None) -> DirectUpload:
    """Open an upload past the portal.

    Raises
    ------
    OperatorError
        ``no_public_store`` where browsers do not reach the file store.
    InputError
        ``file_too_large``, and ``too_large_for_store`` where the file has to go in pieces.
    """
    store = _store(parts)
    if n_bytes > parts.settings.max_upload_bytes:
        raise file_too_large(parts.settings.max_upload_bytes)
    if n_bytes > store.MAX_BYTES:
        message = f"The file store takes {store.MAX_BYTES / 1e9:g} GB by one request: send the file in pieces."
        raise InputError(message, code="too_large_for_store")
    with parts.database.writing() as session:
        submissions.submission(session, submission_id)
        row = resumable.begin(session, submission_id, clean_name(name), n_bytes, stated_digest)
        upload_id = row.id
    expires_at = datetime.now(UTC) + timedelta(seconds=store.ADDRESS_LIFE_S)
    return DirectUpload(id=upload_id, url=store.address(upload_id, n_bytes), url_expires_at=expires_at)


def finish(parts: Services, upload_id: str) -> tuple[AddedFile, bool]:
    """Take in what was stored, and make a job or side-car of it; a second time finds what was made. Tells whether it is new.

    Raises
    ------
    InputError
        ``upload_incomplete`` where nothing has arrived yet; ``upload_altered``, ``file_too_large`` where something else than
        was announced has.
    """
    store = _store(parts)
    with parts.database.reading() as session:
        row = resumable.upload(session, upload_id)
        upload, stated_digest = Upload.of(row), row.stated_digest
    if upload.sha256 is not None:
        return resumable_uploads.added_file(parts, upload_id), False
    try:
        blob = store.take_in(upload_id, upload.n_bytes)
        _require_announced(upload, blob, stated_digest)
        with parts.database.writing() as session:
            resumable.complete_whole(session, upload_id, blob.sha256)
            added = uploads.add_file(session, upload.submission_id, blob, upload.name)
            shown = described_file(session, added.row), added.is_new
    except NotFoundError:
        # Another request has taken it in meanwhile, or nothing ever arrived.
        return resumable_uploads.added_file(parts, upload_id), False
    except InputError as error:
        if error.code in FINAL:
            resumable_uploads.end(parts, upload_id)
            store.discard(upload_id)
        raise
    store.discard(upload_id)
    return shown


def _store(parts: Services) -> "S3Uploads":
    if parts.signed_uploads is None:
        raise OperatorError("Browsers do not reach the file store: send the file to the portal.", code="no_public_store")
    return parts.signed_uploads


def _require_announced(upload: Upload, blob: BlobInfo, stated_digest: str | None) -> None:
    if blob.n_bytes != upload.n_bytes or stated_digest not in (None, blob.sha256):
        message = f"{upload.name} arrived altered: hand it in once more."
        raise InputError(message, code="upload_altered", sha256=blob.sha256)
