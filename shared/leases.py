"""Work that one worker at a time holds, whatever it is: taken with a token and a lease, ended, given back, announced.

Functions take the session first and never commit. Every change of running work is conditional on its token, so that a worker
whose lease was given away can change nothing any more. All times are the database's own.

Whoever changes several rows locks them in the order of their numbers first: two that change the same rows never wait for each
other.
"""

import uuid
from collections.abc import Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.orm import Session

from shared.database import database_time
from shared.export_rows import ExportRow
from shared.models import DecisionRow, JobRow

Table = type[JobRow] | type[DecisionRow] | type[ExportRow]
NOT_HELD = MappingProxyType[str, object]({"token": None, "lease_until": None})


class JobState(StrEnum):
    """Where work stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


def take(
    session: Session,
    table: Table,
    ids: Sequence[int],
    *conditions: ColumnElement[bool],
    owner: str | None = None,
    lease_s: float,
    max_attempts: int,
    **values: object,
) -> tuple[str, list[int]]:
    """Take those of the rows that are free, or whose lease has run out, and set further values; returns token and ids."""
    token = uuid.uuid4().hex
    taken = _locked(session, table, table.id.in_(ids), claimable(table), table.attempts < max_attempts, *conditions)
    session.execute(
        update(table)
        .where(table.id.in_(taken))
        .values(
            state=JobState.RUNNING,
            token=token,
            owner=owner,
            lease_until=database_time(lease_s),
            attempts=table.attempts + 1,
            started_at=database_time(),
            **values,
        )
    )
    return token, taken


def change_held(session: Session, table: Table, row_id: int, token: str, **values: object) -> bool:
    """Change a row that is held under a token; false where it was given away."""
    if values.get("state", JobState.RUNNING) != JobState.RUNNING:
        values |= NOT_HELD
    held = (table.id == row_id, table.token == token, table.state == JobState.RUNNING)
    return bool(session.execute(update(table).where(*held).values(**values).returning(table.id)).all())


def ended(
    state: JobState, code: str | None = None, message: str | None = None, reference: str | None = None
) -> dict[str, object]:
    """Return the values of a row whose work has come to an end."""
    error = {"error_code": code, "error_message": message, "error_reference": reference}
    return {"state": state, "finished_at": database_time(), **error}


def given_back(table: Table, delay_s: float) -> dict[str, object]:
    """Return the values of a row that goes back into the queue, not to be taken before so many seconds.

    The attempt does not count: only those that end without a word speak against the work.
    """
    attempts = table.attempts - 1
    return {"state": JobState.QUEUED, "not_before": database_time(delay_s), "sent_at": None, "attempts": attempts}


def begun_anew() -> dict[str, object]:
    """Return the values of a row whose work, done or not, begins as if it never had."""
    times = dict.fromkeys(("not_before", "sent_at", "started_at", "finished_at"))
    errors = dict.fromkeys(("error_code", "error_message", "error_reference"))
    return {"state": JobState.QUEUED, "attempts": 0, **times, **errors}


def extend(session: Session, table: Table, token: str, lease_s: float) -> set[int]:
    """Show a sign of life for all that is held under a token; returns what still is."""
    held = _locked(session, table, table.token == token, table.state == JobState.RUNNING)
    session.execute(update(table).where(table.id.in_(held)).values(lease_until=database_time(lease_s)))
    return set(held)


def set_aside_exhausted(
    session: Session, table: Table, max_attempts: int, message: str, *conditions: ColumnElement[bool]
) -> int:
    """Fail the rows whose last allowed attempt ended without a word; returns their number."""
    values = ended(JobState.FAILED, "attempts_exhausted", message) | NOT_HELD
    worn_out = _locked(session, table, *conditions, exhausted(table, max_attempts))
    session.execute(update(table).where(table.id.in_(worn_out)).values(**values))
    return len(worn_out)


def mark_waiting_as_sent(session: Session, table: Table, limit: int, resend_after_s: float) -> list[int]:
    """Choose the oldest free rows that no recent message announces, and note that one goes out now."""
    chosen = session.scalars(select(table.id).where(waiting(table, resend_after_s)).order_by(table.id).limit(limit)).all()
    mark_as_sent(session, table, chosen)
    return list(chosen)


def mark_as_sent(session: Session, table: Table, ids: Sequence[int]) -> None:
    """Note that a message announces these rows now."""
    _set_sent_at(session, table, ids, database_time())


def mark_as_not_sent(session: Session, table: Table, ids: Sequence[int]) -> None:
    """Take back the note that a message announces these rows."""
    _set_sent_at(session, table, ids, None)


def claimable(table: Table) -> ColumnElement[bool]:
    """Tell rows that somebody may take: queued, or running under a lease that has run out."""
    queued = and_(table.state == JobState.QUEUED, or_(table.not_before.is_(None), table.not_before <= database_time()))
    return or_(queued, and_(table.state == JobState.RUNNING, table.lease_until < database_time()))


def waiting(table: Table, resend_after_s: float) -> ColumnElement[bool]:
    """Tell rows that somebody may take and that no recent message announces."""
    return and_(claimable(table), or_(table.sent_at.is_(None), table.sent_at < database_time(-resend_after_s)))


def exhausted(table: Table, max_attempts: int) -> ColumnElement[bool]:
    """Tell rows whose last allowed attempt ended without a word."""
    return and_(claimable(table), table.attempts >= max_attempts)


def _set_sent_at(session: Session, table: Table, ids: Sequence[int], value: ColumnElement[Any] | None) -> None:
    locked = _locked(session, table, table.id.in_(ids))
    session.execute(update(table).where(table.id.in_(locked)).values(sent_at=value))


def _locked(session: Session, table: Table, *conditions: ColumnElement[bool]) -> list[int]:
    """Lock the rows that fulfil conditions until the transaction ends, in the order of their numbers; returns these."""
    return list(session.scalars(select(table.id).where(*conditions).order_by(table.id).with_for_update()))
