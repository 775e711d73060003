"""What all tables have in common: names of constraints, types of columns, and the columns of work that workers claim."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Integer, MetaData, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from shared.database import UtcTime

# SQLite gives automatic numbers to INTEGER keys only.
BigKey = BigInteger().with_variant(Integer, "sqlite")


class Base(DeclarativeBase):
    """Declares the tables; named constraints let migrations change them on every database."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012
        str: Text,
        datetime: UtcTime,
        int: BigInteger,
        dict[str, Any]: JSON,
        list[str]: JSON,
        # A search looks into it.
        dict[str, str]: JSON().with_variant(JSONB(), "postgresql"),
        list[dict[str, int]]: JSON,
        list[int]: JSON(none_as_null=True),
    }


class Claimable:
    """Work that one worker at a time, the ``owner``, takes by a token and a lease, and how it ended."""

    state: Mapped[str]
    attempts: Mapped[int] = mapped_column(Integer)
    token: Mapped[str | None]
    owner: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    not_before: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    error_code: Mapped[str | None]
    error_message: Mapped[str | None]
    error_reference: Mapped[str | None]
