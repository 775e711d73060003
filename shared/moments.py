"""Dates of any precision, as people write them: a year, a month, a day or a time (ISO 8601)."""

import re
from datetime import MAXYEAR, datetime, timedelta
from typing import NamedTuple


class MomentText(NamedTuple):
    """How a date of any precision is written, for programs and in words."""

    pattern: str
    words: str
    example: str


# The texts of recordings begin with such a date and compare like it.
MOMENT = MomentText(
    pattern=r"\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01])(T([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?)?)?)?",
    words="A year, month, day or time such as 2025, 2025-03, 2025-03-04 or 2025-03-04T10:20",
    example="2025-03-04",
)
_MONTHLESS, _DAYLESS, _TIMELESS, _SECONDLESS = (len(text) for text in ("2025", "2025-03", "2025-03-04", "2025-03-04T10:20"))


def is_moment(text: str) -> bool:
    """Whether a text is written as a moment is."""
    return re.fullmatch(MOMENT.pattern, text, re.ASCII) is not None


def begin_of(moment: str) -> datetime:
    """Return when a year, month, day, minute or second begins, in the zone of the installation.

    Raises ValueError for what no calendar has.
    """
    return _begin(moment).astimezone()


def end_of(moment: str) -> datetime:
    """Return when the next one begins; raises ValueError as `begin_of` does."""
    begin = _begin(moment)
    if len(moment) == _MONTHLESS:
        end = begin.replace(year=begin.year + 1)
    elif len(moment) == _DAYLESS:
        end = (begin + timedelta(days=31)).replace(day=1)
    elif len(moment) == _TIMELESS:
        end = begin + timedelta(days=1)
    else:
        end = begin + (timedelta(minutes=1) if len(moment) == _SECONDLESS else timedelta(seconds=1))
    return end.astimezone()


def _begin(moment: str) -> datetime:
    missing = {_MONTHLESS: "-01-01", _DAYLESS: "-01"}.get(len(moment), "")
    begin = datetime.fromisoformat(moment + missing)
    if not 1 < begin.year < MAXYEAR:  # room for the zone, and for what comes next
        raise ValueError(f"the year {begin.year} is out of range")
    return begin
