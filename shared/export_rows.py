"""The table of exports: outputs that people asked for, and the files that were made."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, Integer
from sqlalchemy.orm import Mapped, mapped_column

from shared.declarative import Base, BigKey, Claimable


class ExportRow(Claimable, Base):
    """An output of a selection of analyses: what was asked for, how far it is, and the file that was made of it.

    ``selection`` is the query that people know from addresses, ``wanted`` the filter that it means; ``analysis_ids``, where it
    is not NULL, names those that are taken of it. ``title`` says the selection in words. ``n_images`` is NULL until a worker
    has counted. The file is named by ``sha256``; while ``removed_at`` is set it is not there: files were kept for
    ``removed_after_days``.
    """

    __tablename__ = "export"
    __table_args__ = (Index(None, "state", "id"), Index(None, "finished_at"))

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    person: Mapped[str | None]
    selection: Mapped[str]
    analysis_ids: Mapped[list[int] | None]
    wanted: Mapped[dict[str, Any]]
    title: Mapped[str]
    format: Mapped[str]
    choices: Mapped[dict[str, Any]]
    n_images: Mapped[int | None] = mapped_column(Integer)
    n_done: Mapped[int] = mapped_column(Integer)
    file_name: Mapped[str | None]
    sha256: Mapped[str | None]
    n_bytes: Mapped[int | None]
    removed_at: Mapped[datetime | None]
    removed_after_days: Mapped[int | None] = mapped_column(Integer)
