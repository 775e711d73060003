"""Tables that people hand in, CSV or XLSX, as rows of text: what a cell shows, and in which line of the file it stands.

The kind of a file is told by its content. Nothing of a file is believed: what it unpacks to is counted as it comes out, and a
sheet is held against the limits before the library that reads it takes memory for it.
"""

import csv
import io
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from xml.parsers import expat

from python_calamine import CalamineError, CalamineWorkbook

from shared.errors import InputError

MAX_BYTES = 10 * 2**20
# Rows times columns. A million cells of a sheet take about 50 MB of XML.
MAX_CELLS = 1_000_000
MAX_UNPACKED_BYTES = 64 * 2**20
MAX_PARTS = 1_000
# In the order in which they count where a header does not tell.
DELIMITERS = ",;\t"

ZIP_MAGIC = b"PK\x03\x04"
# Excel before 2007, and workbooks of today behind a password.
OLE_MAGIC = bytes.fromhex("d0cf11e0a1b11ae1")
READ_BYTES = 2**20
# What Excel itself shows of a number.
DIGITS = ".15g"
CELL_NAME = re.compile("([A-Z]{1,3})([1-9][0-9]{0,6})", re.ASCII)
# A cell is shown in one line.
LINE_BREAK = re.compile(r"\s*[\r\n\t\v\f]+\s*")
# Excel's own way to say how a CSV is separated.
SEPARATOR_LINE = re.compile('"?sep=(.)"?', re.ASCII)


@dataclass(frozen=True, slots=True)
class Row:
    """Cells of one row, without white space around them, and its line in the file, from 1."""

    line: int
    cells: tuple[str, ...]


def read_table(content: bytes) -> list[Row]:
    """Return the rows of a table that are not empty.

    Raises
    ------
    InputError
        ``table_too_large`` beyond the limits, ``table_unreadable`` for what is neither CSV nor XLSX, with the reason.
    """
    if len(content) > MAX_BYTES:
        raise _too_large(f"It takes {len(content):,} bytes; {MAX_BYTES:,} are allowed.")
    if content.startswith(OLE_MAGIC):
        raise _unreadable("This is a workbook of Excel before 2007, or one with a password. Save it as .xlsx or .csv without.")
    rows = _sheet_rows(content) if content.startswith(ZIP_MAGIC) else _csv_rows(_decoded(content))
    return [row for row in rows if any(row.cells)]


def shown(value: Any) -> str:
    """Return the value of a cell as a person would write it: numbers without needless digits, dates by ISO 8601.

    >>> shown(12.0), shown(datetime(2024, 5, 6, 7, 8)), shown(0.1 + 0.2)
    ('12', '2024-05-06 07:08', '0.3')
    """
    match value:
        case bool():
            return str(value).upper()
        case int() | float():
            return format(value, DIGITS)
        case datetime():
            return f"{value.date().isoformat()} {shown(value.time())}" if value.time() != time() else value.date().isoformat()
        case date():
            return value.isoformat()
        case time() | timedelta():
            return _clock(value)
        case _:
            return LINE_BREAK.sub(" ", str(value)).strip()


def _clock(value: time | timedelta) -> str:
    """Write a time of day, or a duration in hours, with seconds where there are any."""
    if isinstance(value, time):
        return value.isoformat("seconds" if value.second else "minutes")
    minutes, seconds = divmod(round(value.total_seconds()), 60)
    return f"{minutes // 60}:{minutes % 60:02d}" + (f":{seconds:02d}" if seconds else "")


def _decoded(content: bytes) -> str:
    """Return the text of a CSV: UTF-8, or UTF-16 as Excel writes "Unicode text"."""
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _unreadable(f"Line {line} is no Unicode. Save it as “CSV UTF-8” or as .xlsx.") from error
    if "\0" in text:
        raise _unreadable("It is neither CSV nor XLSX.")
    return text


def _csv_rows(text: str) -> Iterator[Row]:
    first, _, rest = text.partition("\n")
    stated = SEPARATOR_LINE.fullmatch(first.strip("\r"))
    delimiter = stated[1] if stated else _delimiter(text)
    n_cells = 0
    for row in _separated(rest if stated else text, delimiter, 2 if stated else 1):
        n_cells += len(row.cells)
        if n_cells > MAX_CELLS:
            raise _too_large(f"It has more than {MAX_CELLS:,} cells.")
        yield row


def _delimiter(text: str) -> str:
    """Choose the delimiter that gives the header most columns; of one column alone, one that parts no row of it."""
    n_columns = {one: next(_widths(text, one), 0) for one in DELIMITERS}
    best = max(DELIMITERS, key=lambda one: n_columns[one])
    if n_columns[best] > 1:
        return best
    return next((one for one in DELIMITERS if all(width == 1 for width in _widths(text, one))), best)


def _widths(text: str, delimiter: str) -> Iterator[int]:
    """Yield the number of cells of each row that is not empty; 0 where this delimiter makes no sense of it."""
    try:
        yield from (len(cells) for cells in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if cells)
    except csv.Error:
        yield 0


def _separated(text: str, delimiter: str, first_line: int = 1) -> Iterator[Row]:
    # Lines end as in every system; within quotes they belong to the cell.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    begins = first_line
    try:
        for cells in reader:
            if cells:
                yield Row(begins, tuple(shown(cell) for cell in cells))
            begins = first_line + reader.line_num
    except csv.Error as error:
        raise _unreadable(f"Line {begins} cannot be read: {error}.") from error


def _sheet_rows(content: bytes) -> Iterable[Row]:
    """Return the rows of the first sheet of a workbook that has any."""
    try:
        with CalamineWorkbook.from_filelike(io.BytesIO(_measured(content))) as workbook:
            sheets = (workbook.get_sheet_by_name(name) for name in workbook.sheet_names)
            rows = next((found for sheet in sheets if (found := sheet.to_python(skip_empty_area=False))), [])
    except (CalamineError, zipfile.BadZipFile, zlib.error, expat.ExpatError, EOFError, NotImplementedError) as error:
        raise _unreadable("It looks like a workbook, but it is damaged, or none of Excel’s (.xlsx).") from error
    return [Row(number, tuple(map(shown, cells))) for number, cells in enumerate(rows, start=1)]


def _measured(content: bytes) -> bytes:
    """Return a workbook as an archive that is not compressed, each part of it counted and each sheet looked over."""
    packed = io.BytesIO()
    left = MAX_UNPACKED_BYTES
    with zipfile.ZipFile(io.BytesIO(content)) as archive, zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as plain:
        parts = [part for part in archive.infolist() if part.filename.endswith((".xml", ".rels"))]
        if "[Content_Types].xml" not in {part.filename for part in parts}:
            raise _unreadable("This archive is no workbook of Excel (.xlsx). Save the table as .xlsx or .csv.")
        if len(parts) > MAX_PARTS:
            raise _too_large(f"The workbook has more than {MAX_PARTS:,} parts.")
        for part in parts:
            if part.flag_bits & 1:
                raise _unreadable("The workbook is protected by a password.")
            unpacked = _unpacked(archive, part, left)
            left -= len(unpacked)
            _look_over(unpacked)
            plain.writestr(part.filename, unpacked)
    return packed.getvalue()


def _unpacked(archive: zipfile.ZipFile, part: zipfile.ZipInfo, max_bytes: int) -> bytes:
    pieces, n_bytes = [], 0
    with archive.open(part) as file:
        while piece := file.read(READ_BYTES):
            n_bytes += len(piece)
            if n_bytes > max_bytes:
                raise _too_large(f"The workbook unpacks to more than {MAX_UNPACKED_BYTES // 2**20} MiB.")
            pieces.append(piece)
    return b"".join(pieces)


class _Extent:
    """The rectangle of the cells of a sheet that hold something, as the events of an XML parser tell it."""

    def __init__(self) -> None:
        self._row = self._column = 0
        # Cells that have begun and not ended, by row and column: one, in a sheet that is one.
        self._open: list[tuple[int, int]] = []
        self._n_rows = self._n_columns = 0

    def begin(self, name: str, attributes: dict[str, str]) -> None:
        if self._open:
            self._include()
        match name.rpartition(":")[2]:
            case "row":
                self._row, self._column = int(attributes.get("r", self._row + 1)), 0
            case "c":
                row, self._column = self._place(attributes.get("r"))
                self._open.append((row, self._column))

    def end(self, name: str) -> None:
        if self._open and name.rpartition(":")[2] == "c":
            self._open.pop()

    def _include(self) -> None:
        rows, columns = zip(*self._open, strict=True)
        self._n_rows, self._n_columns = max(self._n_rows, *rows), max(self._n_columns, *columns)
        # The library keeps a sheet as a rectangle: one cell in the far corner would take all memory.
        if self._n_rows * self._n_columns > MAX_CELLS:
            raise _too_large(f"A sheet has {self._n_rows:,} rows and {self._n_columns:,} columns: too many cells.")

    def _place(self, name: str | None) -> tuple[int, int]:
        if name is None:
            return self._row, self._column + 1
        found = CELL_NAME.fullmatch(name)
        if found is None:
            raise _unreadable(f"A sheet calls a cell {name[:20]!r}.")
        column = 0
        for letter in found[1]:
            column = 26 * column + ord(letter) - ord("A") + 1
        return int(found[2]), column


def _look_over(part: bytes) -> None:
    """Raise InputError ``table_too_large`` for a sheet that reaches too far."""
    extent = _Extent()
    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = extent.begin, extent.end
    try:
        parser.Parse(part, True)  # noqa: FBT003 - it takes no names
    except ValueError as error:  # the number of a row that is none
        raise _unreadable("A sheet numbers its rows by something else than numbers.") from error


def column_name(position: int) -> str:
    """Return what spreadsheets call a column, counted from 0.

    >>> column_name(0), column_name(27)
    ('A', 'AB')
    """
    name = ""
    number = position + 1
    while number:
        number, letter = divmod(number - 1, 26)
        name = chr(ord("A") + letter) + name
    return name


def _too_large(reason: str) -> InputError:
    return InputError(f"The table is too large. {reason}", code="table_too_large")


def _unreadable(reason: str) -> InputError:
    return InputError(f"The table cannot be read. {reason}", code="table_unreadable")
