"""What the portal does with files that arrive in pieces: each piece into the spool, then the row that counts it, then the next.

Whatever ends in between, the row tells how much of the file is here. A piece whose row was not written does not count, and goes
with the upload at the latest.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from shared import resumable, submissions, uploads
from shared.errors import InputError
from shared.image_names import clean_name
from shared.spool import Chunk
from shared.storage import file_too_large
from web.described import described_file
from web.receiving import CutBody
from web.schemas import AddedFile
from web.services import Services
from web.upload_schemas import Upload

# A connection that breaks loses no more than this, nor does a process that dies.
CHUNK_BYTES = 16 * 2**20
# A checksum is of a whole body, none of which may count before it was compared.
MAX_CHECKED_BYTES = 32 * 2**20


@dataclass(frozen=True, slots=True)
class Checksum:
    """The digest that a body must have, and the name of its algorithm."""

    algorithm: str
    digest: bytes


def begin(parts: Services, submission_id: int, name: str, n_bytes: int, stated_digest: str | None) -> Upload:
    """Open an upload; a file without bytes is complete at once."""
    if n_bytes > parts.settings.max_upload_bytes:
        raise file_too_large(parts.settings.max_upload_bytes)
    with parts.database.writing() as session:
        submissions.submission(session, submission_id)
        begun = Upload.of(resumable.begin(session, submission_id, clean_name(name), n_bytes, stated_digest))
    return begun if n_bytes else _complete(parts, begun, parts.spool.write(begun.id, []))


def receive(parts: Services, upload: Upload, body: CutBody, checksum: Checksum | None) -> Upload:
    """Take in what a request brings of a file, from the byte on that is missing next.

    Raises
    ------
    InputError
        ``upload_offset_differs`` where another request was faster, ``upload_too_long``, ``checksum_differs``.
    """
    size = MAX_CHECKED_BYTES if checksum else CHUNK_BYTES
    while (n_missing := upload.n_bytes - upload.n_received) and not body.is_over:
        # At the end of the file one byte more is asked for, which nobody may have.
        pieces: Iterable[bytes] = _refused_past(body.part(size if n_missing > size else n_missing + 1), n_missing)
        chunk = parts.spool.write(upload.id, _checked(pieces, checksum) if checksum else pieces)
        try:
            upload = _counted(parts, upload, chunk)
        except InputError:
            # Only what surely does not count is removed: of a database that went away nobody knows whether it wrote the row.
            parts.spool.discard_chunk(upload.id, chunk.key)
            raise
    return upload


def added_file(parts: Services, upload_id: str) -> AddedFile:
    """Describe the job or side-car that came of a complete upload; raises InputError ``upload_incomplete``."""
    with parts.database.reading() as session:
        row = resumable.upload(session, upload_id)
        if row.sha256 is None:
            message = f"Of {row.name} {row.n_received:,} of {row.n_bytes:,} bytes are here."
            raise InputError(message, code="upload_incomplete")
        return described_file(session, uploads.added_file(session, row.submission_id, row.sha256, row.name))


def end(parts: Services, upload_id: str) -> None:
    """Forget an upload and what came of it; a file that is complete stays where it belongs."""
    with parts.database.writing() as session:
        resumable.remove(session, upload_id)
    parts.spool.discard(upload_id)


def _counted(parts: Services, upload: Upload, chunk: Chunk) -> Upload:
    if upload.n_received + chunk.n_bytes == upload.n_bytes:
        return _complete(parts, upload, chunk)
    if chunk.n_bytes == 0:
        parts.spool.discard_chunk(upload.id, chunk.key)
        return upload
    with parts.database.writing() as session:
        return Upload.of(resumable.add_chunk(session, upload.id, upload.n_received, chunk))


def _complete(parts: Services, upload: Upload, last: Chunk) -> Upload:
    """Make a blob and a job of an upload and its last chunk, which counts only when all of this is done."""
    with parts.database.reading() as session:
        row = resumable.upload(session, upload.id)
        resumable.require_offset(row, upload.n_received)
        keys, stated_digest = resumable.chunk_keys(session, upload.id), row.stated_digest
    blob = parts.store.put(parts.spool.read(upload.id, [*keys, last.key]), parts.settings.max_upload_bytes)
    try:
        _require_digest(upload, blob.sha256, stated_digest)
        with parts.database.writing() as session:
            row = resumable.add_chunk(session, upload.id, upload.n_received, last)
            uploads.add_file(session, upload.submission_id, blob, upload.name)
            resumable.complete(session, row, blob.sha256)
            session.flush()
            completed = Upload.of(row)
    except InputError as error:
        if error.code in ("upload_altered", "side_car_differs"):
            end(parts, upload.id)  # however often its end is sent, it fails
        raise
    parts.spool.discard(upload.id)
    return completed


def _require_digest(upload: Upload, sha256: str, stated_digest: str | None) -> None:
    if stated_digest not in (None, sha256):
        raise InputError(f"{upload.name} arrived altered: hand it in once more.", code="upload_altered", sha256=sha256)


def _refused_past(pieces: Iterable[bytes], n_missing: int) -> Iterator[bytes]:
    """Pass on what belongs to the file; raises InputError ``upload_too_long`` for what comes behind its end."""
    for piece in pieces:
        n_missing -= len(piece)
        if n_missing < 0:
            raise InputError("More bytes came than the file was to have.", code="upload_too_long")
        yield piece


def _checked(pieces: Iterable[bytes], checksum: Checksum) -> Iterator[bytes]:
    """Pass on a body; raises InputError ``checksum_differs`` at its end where it is not the one that was sent."""
    digest = hashlib.new(checksum.algorithm, usedforsecurity=False)
    for piece in pieces:
        digest.update(piece)
        yield piece
    if digest.digest() != checksum.digest:
        raise InputError("The piece arrived altered: send it again.", code="checksum_differs")
