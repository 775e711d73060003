"""The tables of manifests: what a person says of each file of a submission, whether the file has come or not."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Integer, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from shared.declarative import Base


class ManifestRow(Base):
    """The manifest of a submission; ``name`` is that of its file, ``keys`` the headers of its metadata in their order."""

    __tablename__ = "manifest"

    submission_id: Mapped[int] = mapped_column(ForeignKey("submission.id"), primary_key=True, autoincrement=False)
    name: Mapped[str]
    keys: Mapped[list[str]]
    created_at: Mapped[datetime]


class ManifestEntryRow(Base):
    """What a manifest says of one file; named by the line of the manifest, from 1.

    ``file_name`` is what the manifest calls the file, ``source_name`` the file of the submission that it means: NULL while
    none of that name has come, and where several have, which ``is_ambiguous`` says.
    """

    __tablename__ = "manifest_entry"
    __table_args__ = (
        UniqueConstraint("submission_id", "file_name"),
        Index(None, "submission_id", "source_name"),
        Index(None, "sample", "submission_id"),
    )

    submission_id: Mapped[int] = mapped_column(
        ForeignKey("manifest.submission_id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    line: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    file_name: Mapped[str]
    sample: Mapped[str | None]
    source_name: Mapped[str | None]
    is_ambiguous: Mapped[bool]


class ManifestValueRow(Base):
    """One cell of a manifest's metadata: ``position`` is that of its key in the manifest, ``key`` the same for searching."""

    __tablename__ = "manifest_value"
    __table_args__ = (Index(None, "key", "value", "submission_id", "line"),)

    submission_id: Mapped[int] = mapped_column(
        ForeignKey("manifest.submission_id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    line: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    key: Mapped[str]
    value: Mapped[str]
