"""Lists in pages: the query, the page, and the cursor that says where the next one begins."""

import base64
import json
import math
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from shared.errors import InputError

Item = TypeVar("Item")
PAGE_LIMIT = 500
LARGEST_ID = 2**63 - 1


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
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def decode_cursor(cursor: str | None, length: int) -> tuple[float, ...] | None:
    """Read a cursor back; raises InputError ``invalid_cursor`` for anything that is not one of ours."""
    if cursor is None:
        return None
    try:
        key = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, RecursionError) as error:
        raise _invalid_cursor() from error
    # The last part of every key is a row's number; what stands before it is a value of the list's order.
    if not isinstance(key, list) or len(key) != length or not all(map(_is_number, key)) or not _is_id(key[-1]):
        raise _invalid_cursor()
    return tuple(key)


def _is_number(part: object) -> bool:
    return math.isfinite(part) if isinstance(part, float) else isinstance(part, int) and abs(part) <= LARGEST_ID


def _is_id(part: object) -> bool:
    return isinstance(part, int) and not isinstance(part, bool) and part >= 0


def _invalid_cursor() -> InputError:
    return InputError("The cursor is not one of this list.", code="invalid_cursor")


def paged(rows: Sequence[Any], limit: int, cursor_of: Callable[[Any], str]) -> tuple[Sequence[Any], str | None]:
    """Split the one row that was read beyond the page off; it says that there is a next page."""
    if len(rows) <= limit:
        return rows, None
    return rows[:limit], cursor_of(rows[limit - 1])
