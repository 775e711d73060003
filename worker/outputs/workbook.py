"""A workbook: sheets Summary, Particles and Methods."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import xlsxwriter
from xlsxwriter.worksheet import Worksheet

from worker.outputs.content import Content
from worker.outputs.formats import Progress
from worker.outputs.methods import methods
from worker.outputs.rows import particle_batch, particle_schema, summary_columns, summary_row

# Excel's own limits.
MAX_ROWS = 1_048_576
MAX_TEXT = 32_767
COLUMN_WIDTH = 14
METHOD_WIDTHS = (24, 44, 120)
OPTIONS = {
    # Rows go to disk as they come.
    "constant_memory": True,
    # A name is a name, also where it begins with = or looks like an address.
    "strings_to_formulas": False,
    "strings_to_urls": False,
}


def write(content: Content, target: Path, progress: Progress) -> None:
    """Write the workbook; one image is in memory at a time. What fills a sheet goes on in further ones, as Particles 2."""
    schema = particle_schema()
    with xlsxwriter.Workbook(target, OPTIONS) as book:
        book.set_properties({"title": content.title, "comments": content.command})
        columns = summary_columns(content.images)
        summary = _Table(book, "Summary", columns)
        particles = _Table(book, "Particles", schema.names)
        for n_done, image in enumerate(content.images, start=1):
            found = image.particles()
            row = summary_row(image, found, content.choices.rule)
            summary.add([row.get(column) for column in columns])
            particles.add_batch(particle_batch(image, found, schema))
            progress(n_done)
        told = _Table(book, "Methods", ("section", "name", "value"), METHOD_WIDTHS)
        for section in methods(content):
            for fact in section.facts:
                told.add((section.title, fact.name, fact.value))


class _Table:
    """A table of any length on as many sheets as it takes, its header on each."""

    def __init__(self, book: xlsxwriter.Workbook, name: str, columns: Sequence[str], widths: Iterable[int] = ()) -> None:
        self._book, self._name, self._columns = book, name, columns
        self._widths = tuple(widths) or (COLUMN_WIDTH,) * len(columns)
        self._bold = book.add_format({"bold": True})
        self._n_sheets = 0
        self._begin()

    def add(self, cells: Sequence[Any]) -> None:
        """Add a row; an empty cell is None."""
        sheet, row = self._next_row()
        for column, cell in enumerate(cells):
            if isinstance(cell, bool):
                sheet.write_boolean(row, column, cell)
            elif isinstance(cell, int | float):
                sheet.write_number(row, column, cell)
            elif cell is not None:
                sheet.write_string(row, column, _text(cell))

    def add_batch(self, batch: pa.RecordBatch) -> None:
        """Add rows of known types."""
        kinds = [_WRITERS[field.type] for field in batch.schema]
        for cells in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            sheet, row = self._next_row()
            for column, (write_cell, cell) in enumerate(zip(kinds, cells, strict=True)):
                if cell is not None:
                    write_cell(sheet, row, column, cell)

    def _begin(self) -> None:
        self._n_sheets += 1
        self._sheet = self._book.add_worksheet(self._name if self._n_sheets == 1 else f"{self._name} {self._n_sheets}")
        self._sheet.freeze_panes(1, 0)
        for column, (name, width) in enumerate(zip(self._columns, self._widths, strict=True)):
            self._sheet.set_column(column, column, width)
            self._sheet.write_string(0, column, _text(name), self._bold)
        self._row = 0

    def _next_row(self) -> tuple[Worksheet, int]:
        if self._row + 1 == MAX_ROWS:
            self._begin()
        self._row += 1
        return self._sheet, self._row


def _text(value: Any) -> str:
    text = "; ".join(value) if isinstance(value, list) else str(value)
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"


_WRITERS = {
    pa.string(): Worksheet.write_string,
    pa.int64(): Worksheet.write_number,
    pa.float64(): Worksheet.write_number,
    pa.bool_(): Worksheet.write_boolean,
}
