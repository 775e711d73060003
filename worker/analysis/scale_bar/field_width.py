"""The width of the field as banners state it: an independent word on the scale, which a bar must not contradict.

FEI and Thermo Fisher write HFW, TESCAN View field, ZEISS Width, Phenom FW or FOV; on one line with its number or above it.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from shared.geometry import Box
from worker.analysis.lettering import TextLine
from worker.micrograph.pixel_size import nm_per_unit, parse_number

NAME = re.compile(
    r"(?<![A-Za-z])(?:HFW|HFOV|FW|FOV|view ?field|field ?of ?view|field ?width|width(?= ?[=:]))(?![A-Za-z])", re.IGNORECASE
)
VALUE = re.compile(r"(?P<number>\d{1,4}(?:[.,]\d{1,3})?) ?(?P<unit>[nuµμpm]m)(?![A-Za-z])")
UNIT = re.compile(r"[nuµμpm]m")
# Both the name and the number must be read as surely as this.
MIN_SCORE = 0.9
# The number stands below its name within so many heights of it.
MAX_ROWS_BELOW = 1.5


def field_widths_nm(lines: Sequence[TextLine]) -> list[float]:
    """All widths of the field, nm, that are stated among the lines of an image and were read with certainty."""
    found = [line for line in lines if line.score >= MIN_SCORE]
    sure = [*found, *_with_units(found)]
    widths = []
    for line in sure:
        name = NAME.search(line.text)
        if name is None:
            continue
        value = VALUE.match(line.text[name.end() :].lstrip(" =:.-"))
        if value is None and name.end() == len(line.text.rstrip(" :=")):
            below = (other for other in sure if _is_below(other.box, line.box))
            value = next((match for other in below if (match := VALUE.fullmatch(other.text.strip()))), None)
        if value is not None and (width := _nm(value)) is not None:
            widths.append(width)
    return widths


def _with_units(lines: Sequence[TextLine]) -> list[TextLine]:
    """Lines that end in a number whose unit was found as another line beside it, both as one."""
    joined = []
    for number in lines:
        for unit in lines:
            height, gap = number.box.bottom - number.box.top, unit.box.left - number.box.right
            shared = min(number.box.bottom, unit.box.bottom) - max(number.box.top, unit.box.top)
            is_beside = abs(gap) <= height and shared >= 0.6 * height
            if is_beside and number.text[-1:].isdigit() and UNIT.fullmatch(unit.text.strip()):
                box = replace(number.box, right=unit.box.right)
                joined.append(TextLine(box, f"{number.text} {unit.text.strip()}", min(number.score, unit.score)))
    return joined


def _nm(value: re.Match[str]) -> float | None:
    number, factor = parse_number(value["number"]), nm_per_unit(value["unit"])
    return None if not number or factor is None else number * factor


def _is_below(value: Box, name: Box) -> bool:
    height = name.bottom - name.top
    gap = value.top - name.bottom
    overlap = min(value.right, name.right) - max(value.left, name.left)
    return -0.5 * height <= gap <= MAX_ROWS_BELOW * height and overlap > 0.5 * min(
        value.right - value.left, name.right - name.left
    )
