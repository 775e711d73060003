"""What a reader hands over: the image's own statement about itself, as read; and how it becomes metadata that can be used."""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from shared.domain import Metadata, Stage
from worker.micrograph.pixel_size import PixelSize, Stated, nm_per_unit, parse_number, pixel_size, unit_after_number
from worker.micrograph.texts import bounded, clean

# How instruments write date and time. Where day and month could be exchanged, the text stays as it is written.
DATE_FORMATS = (
    "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %I:%M:%S %p", "%Y/%m/%d %H:%M:%S", "%Y:%m:%d %H:%M:%S", "%Y/%m/%d %H:%M",
    "%d %b %Y %H:%M:%S", "%d.%m.%Y %H:%M:%S", "%a %b %d %H:%M:%S %Y",
)  # fmt: skip
SLASHED_DATE = re.compile(r"(?P<first>\d{1,2})/(?P<second>\d{1,2})/(?P<year>\d{4}) (?P<time>\d.*)")
MAX_TEXT = 200


@dataclass(frozen=True, slots=True)
class Statement:
    """The statement of a file about its image, before it is judged.

    Attributes
    ----------
    metadata : Metadata
        Everything but the pixel size and the banner.
    pixel_width, pixel_height : Stated or None
        Sides of a pixel along a row and along a column.
    columns : int or None
        Columns the image was recorded with.
    databar_top : int or None
        First row of the banner.
    warnings : tuple of str
        What could not be read, and what contradicts itself.
    """

    metadata: Metadata = field(default_factory=Metadata)
    pixel_width: Stated | None = None
    pixel_height: Stated | None = None
    columns: int | None = None
    databar_top: int | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Conclusion:
    """Metadata that can be used, the warnings, and the height of a pixel by its width."""

    metadata: Metadata
    warnings: tuple[str, ...]
    aspect: float


def conclude(statement: Statement, width_px: int, height_px: int) -> Conclusion:
    """Judge a statement for an image of this size: the rules of pixel sizes, and a banner that lies in the image."""
    size: PixelSize = pixel_size(statement.pixel_width, statement.pixel_height, statement.columns, width_px)
    warnings = [*statement.warnings, *size.warnings]
    top = statement.databar_top
    # A banner of the whole height, or of more than half of it, is no banner.
    if top is not None and not height_px // 2 <= top < height_px:
        if top != height_px:
            warnings.append(f"The file states that its banner begins at row {top:,} of {height_px:,}; this was not used.")
        top = None
    metadata = replace(
        statement.metadata,
        nm_per_px=size.nm_per_px,
        nm_per_px_text=None if size.text is None else clean(size.text, MAX_TEXT),
        nm_per_px_tag=size.tag,
        databar_top=top,
    )
    return Conclusion(metadata, tuple(clean(warning) for warning in warnings), size.aspect)


def unless_damaged(name: str, read: Callable[[], Statement]) -> Statement:
    """What a reader says; where the fields are not what they should be, that, instead of an image that cannot be read."""
    try:
        return read()
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, ArithmeticError):
        return Statement(warnings=(f"The {name} fields of the file are damaged and were not read.",))


def stated(text: Any, unit: str | None, tag: str, factor: float = 1.0) -> Stated | None:
    """A length with the unit its format fixes; None where the field is missing or empty."""
    cleaned = "" if text is None else clean(text, MAX_TEXT)
    return Stated(cleaned, unit, tag, factor) if cleaned else None


def stated_with_unit(text: Any, tag: str, factor: float = 1.0) -> Stated | None:
    """A length with its unit written behind it; None where the field is missing or empty."""
    cleaned = "" if text is None else clean(text, MAX_TEXT)
    return Stated(cleaned, unit_after_number(cleaned), tag, factor) if cleaned else None


def number(value: Any, factor: float = 1.0) -> float | None:
    """A finite number times a factor; None where there is none."""
    if value is None or isinstance(value, bool):
        return None
    found = parse_number(clean(value, MAX_TEXT))
    # Adding zero turns -0.0 into 0.0.
    return None if found is None or not math.isfinite(found * factor) else found * factor + 0.0


def positive(value: float | None) -> float | None:
    """A number above zero; None for any other, which instruments write where they know none."""
    return value if value is not None and value > 0 else None


def kilovolts(value: Any, kilovolts_per_unit: float) -> float | None:
    """An accelerating voltage, kV, by the unit behind it, else by the one that the format fixes.

    Examples
    --------
    >>> kilovolts("15000 Volt", 1e-3), kilovolts("2.00 kV", 1e-3), kilovolts("5000.0", 1e-3)
    (15.0, 2.0, 5.0)
    """
    unit = unit_after_number("" if value is None else clean(value, MAX_TEXT))
    known = {"kv": 1.0, "v": 1e-3, "volt": 1e-3, "volts": 1e-3}.get(
        (unit or "").casefold(), None if unit else kilovolts_per_unit
    )
    return None if known is None else positive(number(value, known))


def whole_number(value: Any) -> int | None:
    """A number without fraction; None where there is none."""
    found = number(value)
    return None if found is None or found != int(found) else int(found)


def length_mm(value: Any) -> float | None:
    """A length with its unit behind it, mm; None without one."""
    text = "" if value is None else clean(value, MAX_TEXT)
    unit = unit_after_number(text)
    factor = None if unit is None else nm_per_unit(unit)
    return None if factor is None else number(text, factor / 1e6)


def text_or_none(*values: Any) -> str | None:
    """The first of several values that says something."""
    for value in values:
        found = "" if value is None or isinstance(value, (list, tuple, dict)) else clean(value, MAX_TEXT)
        if found:
            return found
    return None


def moment(*values: Any) -> str | None:
    """Date and time as ISO 8601 where they can be understood, else as written."""
    written = " ".join(clean(value, MAX_TEXT) for value in values if value).strip()
    if not written:
        return None
    try:
        return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", written)).isoformat()
    except ValueError:
        pass
    sorted_out = _year_first(written)
    for pattern in DATE_FORMATS:
        try:
            # Instruments write local time and rarely its zone; none is invented.
            return datetime.strptime(sorted_out, pattern).isoformat()  # noqa: DTZ007
        except ValueError:
            continue
    return written


def _year_first(written: str) -> str:
    """A date with slashes as year-month-day where one of its first two numbers cannot be a month, or both are the same."""
    match = SLASHED_DATE.fullmatch(written)
    if match is None:
        return written
    first, second, year, time = int(match["first"]), int(match["second"]), match["year"], match["time"]
    if min(first, second) > 12 or (max(first, second) <= 12 and first != second):
        return written
    return f"{year}-{min(first, second):02d}-{max(first, second):02d} {time}"


def stage_or_none(stage: Stage) -> Stage | None:
    """A stage position, None where no axis is known."""
    return None if stage == Stage() else stage


def raw_fields(fields: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> Mapping[str, str]:
    """The file's own fields, cleaned and cut."""
    return bounded(fields.items() if isinstance(fields, Mapping) else fields)
