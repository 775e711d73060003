"""Files that belong to an image: a JEOL or Hitachi ``.txt``, a TESCAN ``.hdr``, the ``.emi`` of a ``.ser`` and the reverse.

They are told by their name beside the image and by their content; a text that is none of them says nothing.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from shared.errors import SaemiError
from shared.side_car_names import TEXT_ENDINGS, side_cars_of, split_name
from worker.micrograph.container import open_source
from worker.micrograph.instruments.hitachi import is_hitachi_text, read_hitachi_text
from worker.micrograph.instruments.jeol import is_jeol_text, read_jeol_text
from worker.micrograph.instruments.tescan import read_tescan_text
from worker.micrograph.statement import Conclusion, Statement, conclude, unless_damaged
from worker.micrograph.texts import MAX_TEXT_BYTES, decode_text

MAX_SER_NUMBER = 20


def side_cars_beside(path: Path) -> dict[str, Path]:
    """The files beside an image whose names make them its side-cars, by name.

    Names are tried one by one: a folder of a hundred thousand images is not listed for each of them.
    """
    return {name: beside for name in _candidates(path) if _is_file(beside := path.with_name(name)) and beside != path}


def read_side_car(side_cars: Mapping[str, Path], width_px: int | None, height_px: int | None) -> Statement | None:
    """The statement of the first side-car of text that is an instrument's; None where there is none.

    Parameters
    ----------
    side_cars : mapping of str to Path
        Original name and place of each file.
    width_px, height_px : int or None
        Size of the image; None where only the side-car is at hand.
    """
    for name, path in side_cars.items():
        if not name.lower().endswith(TEXT_ENDINGS):
            continue
        try:
            with open_source(path) as source:
                text = decode_text(source.read_up_to(0, MAX_TEXT_BYTES))
        except SaemiError as error:
            return Statement(warnings=(f"The side-car {name} could not be read: {error.message}",))
        statement = read_side_car_text(text, width_px, height_px)
        if statement is not None:
            return statement
    return None


def conclude_alone(path: Path) -> Conclusion | None:
    """What a side-car states where its image is missing; None where the file is none."""
    statement = read_side_car({path.name: path}, None, None)
    if statement is None:
        return None
    # There is no image to compare with: neither its columns nor its rows.
    unchecked = () if statement.columns is None or statement.pixel_width is None else (_holds_for(statement.columns),)
    warnings = (*statement.warnings, *unchecked)
    return conclude(replace(statement, columns=None, databar_top=None, warnings=warnings), width_px=1, height_px=1)


def read_side_car_text(text: str, width_px: int | None, height_px: int | None) -> Statement | None:
    """The statement of the text of a side-car; None where it is of no instrument known here."""
    if is_jeol_text(text):
        return unless_damaged("JEOL", lambda: read_jeol_text(text, width_px, height_px))
    if is_hitachi_text(text):
        return unless_damaged("Hitachi", lambda: read_hitachi_text(text, width_px, height_px))
    if "[MAIN]" in text and "PixelSizeX" in text:
        return unless_damaged("TESCAN", lambda: read_tescan_text(text, height_px))
    return None


def _holds_for(columns: int) -> str:
    return f"The pixel size holds for an image of {columns:,} columns, as it was recorded."


def _is_file(path: Path) -> bool:
    """Whether there is such a file; a name too long for the file system, or a folder that is closed, holds none."""
    try:
        return path.is_file()
    except OSError:
        return False


def _candidates(path: Path) -> Iterator[str]:
    if path.suffix.lower() == ".emi":
        yield from (f"{path.stem}_{number}.ser" for number in range(1, MAX_SER_NUMBER + 1))
        return
    for name in side_cars_of(path.name):
        stem, ending = split_name(name)
        yield from (name, f"{stem}{ending.upper()}")
