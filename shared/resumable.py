"""Uploads that arrive in pieces: how much of each is here, in the database, whatever becomes of processes and connections.

A piece counts from the moment its row is committed. Of two that bring the same bytes one wins, whoever of them is slower.
Functions take the session first and never commit.
"""

import uuid

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from shared.database import database_time
from shared.errors import InputError, NotFoundError
from shared.spool import Chunk, ChunkSpool
from shared.upload_rows import UploadChunkRow, UploadRow

# Without a sign of the sender for so long an upload is over.
LIFE_S = 86_400.0
# Removed by one transaction.
REMOVED_AT_ONCE = 500


def begin(session: Session, submission_id: int, name: str, n_bytes: int, stated_digest: str | None = None) -> UploadRow:
    """Open an upload. Its identity cannot be guessed: who knows it may send."""
    row = UploadRow(
        id=uuid.uuid4().hex,
        submission_id=submission_id,
        name=name,
        n_bytes=n_bytes,
        n_received=0,
        stated_digest=stated_digest,
        created_at=database_time(),
        expires_at=database_time(LIFE_S),
    )
    session.add(row)
    session.flush()
    session.refresh(row)
    return row


def upload(session: Session, upload_id: str) -> UploadRow:
    """Return an upload.

    Raises
    ------
    NotFoundError
        ``upload_not_found``.
    InputError
        ``upload_expired`` where it waits to be removed.
    """
    row = session.get(UploadRow, upload_id, populate_existing=True)
    if row is None:
        raise NotFoundError("There is no such upload; it may have ended. Begin anew.", code="upload_not_found")
    if session.scalar(select(database_time())) >= row.expires_at:
        raise InputError("Nothing came for a day, so the upload has expired. Begin anew.", code="upload_expired")
    return row


def require_offset(row: UploadRow, first_byte: int) -> None:
    """Raise InputError ``upload_offset_differs`` unless the next byte that is missing is this one."""
    if row.n_received != first_byte:
        raise _offset_differs(row)


def add_chunk(session: Session, upload_id: str, first_byte: int, chunk: Chunk) -> UploadRow:
    """Count a stored chunk as part of the file.

    Raises
    ------
    NotFoundError, InputError
        As `upload` does, and ``upload_offset_differs`` where somebody else brought these bytes first.
    """
    here = (UploadRow.id == upload_id, UploadRow.n_received == first_byte, UploadRow.expires_at > database_time())
    values = {"n_received": first_byte + chunk.n_bytes, "expires_at": database_time(LIFE_S)}
    if session.scalar(update(UploadRow).where(*here).values(**values).returning(UploadRow.id)) is None:
        raise _offset_differs(upload(session, upload_id))
    session.add(UploadChunkRow(upload_id=upload_id, first_byte=first_byte, n_bytes=chunk.n_bytes, key=chunk.key))
    session.flush()
    return upload(session, upload_id)


def chunk_keys(session: Session, upload_id: str) -> list[str]:
    """Return the keys of the chunks that count, in the order of the file."""
    query = select(UploadChunkRow.key).filter_by(upload_id=upload_id).order_by(UploadChunkRow.first_byte)
    return list(session.scalars(query))


def complete(session: Session, row: UploadRow, sha256: str) -> None:
    """Note that all of an upload is in the blob store; its chunks are of no more use."""
    session.execute(delete(UploadChunkRow).filter_by(upload_id=row.id))
    row.sha256 = sha256
    row.completed_at = session.scalar(select(database_time()))


def complete_whole(session: Session, upload_id: str, sha256: str) -> None:
    """Note that a file came whole, past the portal, and is in the blob store; raises as `upload` does."""
    row = upload(session, upload_id)
    row.n_received = row.n_bytes
    complete(session, row, sha256)


def remove(session: Session, upload_id: str) -> None:
    """Forget an upload; raises NotFoundError where there is none."""
    if session.scalar(delete(UploadRow).filter_by(id=upload_id).returning(UploadRow.id)) is None:
        raise NotFoundError("There is no such upload; it may have ended already.", code="upload_not_found")


def remove_expired(session: Session, spool: ChunkSpool) -> int:
    """Remove uploads that have expired and whatever the spool holds of none; returns the number of uploads removed.

    The bytes go first: cut off in between, the rows are there for the next time, and nobody goes on with what has expired.
    """
    expired = select(UploadRow.id).where(UploadRow.expires_at <= database_time()).limit(REMOVED_AT_ONCE)
    ids = session.scalars(expired.with_for_update(skip_locked=True)).all()
    for upload_id in ids:
        spool.discard(upload_id)
    session.execute(delete(UploadRow).where(UploadRow.id.in_(ids)))
    for upload_id in spool.upload_ids():
        # Of a process that was killed, or that wrote while the upload ended. A row is there before its first byte.
        if session.get(UploadRow, upload_id) is None:
            spool.discard(upload_id)
    return len(ids)


def _offset_differs(row: UploadRow) -> InputError:
    message = f"Of {row.name} {row.n_received:,} bytes are here: what is sent has to begin there."
    return InputError(message, code="upload_offset_differs", offset=row.n_received)
