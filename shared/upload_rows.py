"""The tables of files that arrive in pieces."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from shared.declarative import Base


class UploadRow(Base):
    """A file that arrives in pieces, for one submission, and how much of it is here.

    ``stated_digest`` is the SHA-256 that the sender announced, ``sha256`` the one that was found when all had come. The row
    stays until it expires, so that a sender who lost the last answer learns that the file is complete.
    """

    __tablename__ = "upload"
    __table_args__ = (Index(None, "expires_at"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    submission_id: Mapped[int] = mapped_column(ForeignKey("submission.id"))
    name: Mapped[str]
    n_bytes: Mapped[int]
    n_received: Mapped[int]
    stated_digest: Mapped[str | None]
    sha256: Mapped[str | None]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    completed_at: Mapped[datetime | None]


class UploadChunkRow(Base):
    """A piece of an upload that is here for good, and the key under which the spool has it."""

    __tablename__ = "upload_chunk"

    upload_id: Mapped[str] = mapped_column(ForeignKey("upload.id", ondelete="CASCADE"), primary_key=True)
    first_byte: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    n_bytes: Mapped[int]
    key: Mapped[str]
