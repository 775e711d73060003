"""Lists in pages: the query, the page, and the cursor that says where the next one begins."""

import base64
import json
import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from shared.errors import InputError
from shared.searching import Place

Item = TypeVar("Item")
PAGE_LIMIT = 500
LARGEST_ID = 2**63 - 1
LARGEST_COUNT = 2**31 - 1
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Page(BaseModel, Generic[Item]):
    """One page of a list; `next_cursor` asks for the next one and is null on the last."""

    items: list[Item]
    next_cursor: str | None


class PageQuery(BaseModel):
    """Where a list goes on and how much of it is wanted."""

    model_config = ConfigDict(extra="forbid")

    cursor: str | None = Field(None, description="The `next_cursor` of the page before.")
    limit: int = Field(50, ge=1, le=PAGE_LIMIT)


def encode_cursor(*key: float) -> str:
    """Make an opaque cursor of a sort key."""
    return _packed(key)


def decode_cursor(cursor: str | None, length: int) -> tuple[float, ...] | None:
    """Read a cursor back; raises InputError ``invalid_cursor`` for anything that is not one of ours."""
    if cursor is None:
        return None
    key = _unpacked(cursor)
    # The last part of every key is a row's number; what stands before it is a value of the list's order.
    if len(key) != length or not all(map(_is_number, key)) or not _is_id(key[-1]):
        raise _invalid_cursor()
    return tuple(key)


def encode_place(sort: str, order: str, place: Place) -> str:
    """Make an opaque cursor of a place in a list that has many orders."""
    value = _microseconds(place.value) if isinstance(place.value, datetime) else place.value
    return _packed((sort, order, value, place.number))


def decode_place(cursor: str | None, sort: str, order: str, kind: type) -> Place | None:
    """Read a place back, with a value of a column of a kind: datetime, int or float.

    Raises InputError ``invalid_cursor`` for anything else, and for a place in another order.
    """
    if cursor is None:
        return None
    key = _unpacked(cursor)
    if len(key) != 4 or not _is_id(key[3]):
        raise _invalid_cursor()
    if key[:2] != [sort, order]:
        raise InputError(f"The cursor is not one of the list by {sort}, {order}: begin anew without it.", code="invalid_cursor")
    return Place(None if key[2] is None else _value(key[2], kind), key[3])


def _packed(key: Sequence[object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def _unpacked(cursor: str) -> list[Any]:
    try:
        key = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, RecursionError) as error:
        raise _invalid_cursor() from error
    if not isinstance(key, list):
        raise _invalid_cursor()
    return key


def _microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


def _value(part: object, kind: type) -> datetime | float:
    if isinstance(part, bool) or not isinstance(part, int | float) or not _is_number(part):
        raise _invalid_cursor()
    if kind is float:
        return part
    if not isinstance(part, int) or (kind is int and abs(part) > LARGEST_COUNT):
        raise _invalid_cursor()
    try:
        return part if kind is int else EPOCH + timedelta(microseconds=part)
    except OverflowError as error:
        raise _invalid_cursor() from error


def _is_number(part: object) -> bool:
    return math.isfinite(part) if isinstance(part, float) else isinstance(part, int) and abs(part) <= LARGEST_ID


def _is_id(part: object) -> bool:
    return isinstance(part, int) and not isinstance(part, bool) and 0 <= part <= LARGEST_ID


def _invalid_cursor() -> InputError:
    return InputError("The cursor is not one of this list.", code="invalid_cursor")


def paged(rows: Sequence[Any], limit: int, cursor_of: Callable[[Any], str]) -> tuple[Sequence[Any], str | None]:
    """Split the one row that was read beyond the page off; it says that there is a next page."""
    if len(rows) <= limit:
        return rows, None
    return rows[:limit], cursor_of(rows[limit - 1])
