"""The table of the models that analyses can name."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.declarative import Base, BigKey


class ModelRow(Base):
    """A segmenter that analyses can name, for ever: its weights lie in the blob store under their SHA-256.

    ``chosen_at`` says when a person last made it the default; nobody did where it is NULL.
    """

    __tablename__ = "model"
    __table_args__ = (
        UniqueConstraint("name", "version"),
        # At most one default, whatever goes wrong.
        Index(None, "is_default", unique=True, sqlite_where=text("is_default"), postgresql_where=text("is_default")),
    )

    id: Mapped[int] = mapped_column(BigKey, primary_key=True)
    name: Mapped[str]
    version: Mapped[str]
    sha256: Mapped[str | None]
    card: Mapped[dict[str, Any]]
    is_default: Mapped[bool]
    chosen_at: Mapped[datetime | None]
    added_at: Mapped[datetime]
