"""The manifest of a submission: a table that gives sample and metadata of each file. Pure: bytes in, entries out.

A manifest counts as a whole: where one line of it is wrong, it is refused, and all lines that are wrong are named.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shared.errors import InputError
from shared.image_names import clean_name
from shared.spreadsheets import Row, column_name, read_table

MAX_ROWS = 100_000
MAX_COLUMNS = 100
# As of a submission.
MAX_SAMPLE_LENGTH = 200
# A row of PostgreSQL's index over key and value holds 2,704 bytes.
MAX_KEY_BYTES = 200
MAX_VALUE_BYTES = 2_000
# Problems that are told one by one.
NAMED_PROBLEMS = 50

# Headers of the column that names the file; where a table has several of them, the first of these is it.
FILE_HEADERS = ("file", "filename", "file name", "file_name", "path", "image", "name")
SAMPLE_HEADER = "sample"


@dataclass(frozen=True, slots=True)
class ManifestEntry:
    """What a manifest says of one file: ``values`` are those of the manifest's keys, in their order, empty where it says none.

    ``file_name`` is the file's name in the submission, or the end of it; ``line`` the line of the manifest, from 1.
    """

    line: int
    file_name: str
    sample: str | None
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest that was read: ``keys`` are its headers but for those of file and sample."""

    keys: tuple[str, ...]
    entries: tuple[ManifestEntry, ...]


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong in one line of a manifest."""

    line: int
    message: str


@dataclass(frozen=True, slots=True)
class _Columns:
    """Where a table has what: positions from 0."""

    file: int
    sample: int | None
    keys: dict[int, str]


def read_manifest(content: bytes) -> Manifest:
    """Read a manifest, CSV or XLSX.

    Raises
    ------
    InputError
        ``manifest_refused`` with ``problems``, each with its line, of which there are ``n_problems``; ``table_unreadable`` or
        ``table_too_large`` for a file that is no table.
    """
    rows = read_table(content)
    if not rows:
        raise _refused([Problem(1, "The manifest is empty.")])
    header, body = rows[0], rows[1:]
    if len(body) > MAX_ROWS:
        raise _refused([Problem(body[MAX_ROWS].line, f"A manifest has {MAX_ROWS:,} rows at most.")])
    columns, problems = _columns(header, body)
    if columns is None:
        raise _refused(problems)
    entries: dict[str, ManifestEntry] = {}
    for row in body:
        found = _entry(row, columns)
        if isinstance(found, ManifestEntry):
            first = entries.setdefault(found.file_name, found)
            if (first.sample, first.values) != (found.sample, found.values):
                message = f"{found.file_name} stands in line {first.line} already, with other values."
                problems.append(Problem(row.line, message))
        else:
            problems += found
    if problems:
        raise _refused(sorted(problems, key=lambda problem: problem.line))
    return Manifest(tuple(columns.keys.values()), tuple(entries.values()))


def tails(name: str) -> Iterator[str]:
    """Yield a file's name and the ends of it that begin with a folder or the file, the longest first.

    >>> list(tails("lot.zip/day 1/a.tif"))
    ['lot.zip/day 1/a.tif', 'day 1/a.tif', 'a.tif']
    """
    yield name
    while "/" in name:
        name = name.partition("/")[2]
        yield name


def folded(key: str) -> str:
    """Return a key as keys are compared: whatever its case."""
    return key.casefold()


def _columns(header: Row, body: Sequence[Row]) -> tuple[_Columns | None, list[Problem]]:
    """Find the columns, and what is wrong with the header; None where no column names the files."""
    problems = list(_nameless(header, body))
    names = [folded(cell) for cell in header.cells]
    file = next((names.index(name) for name in FILE_HEADERS if name in names), None)
    if file is None:
        message = "No column names the files: one of the headers has to be “file”."
        return None, [Problem(header.line, message), *problems]
    sample = names.index(SAMPLE_HEADER) if SAMPLE_HEADER in names else None
    keys = {position: cell for position, cell in enumerate(header.cells) if cell and position not in (file, sample)}
    if len(keys) > MAX_COLUMNS:
        problems.append(Problem(header.line, f"A manifest has {MAX_COLUMNS} columns of metadata at most."))
    for position, name in enumerate(names):
        if name and name in names[:position]:
            problems.append(Problem(header.line, f"Two columns are called “{header.cells[position]}”."))
    for key in keys.values():
        problems += _of_text(header.line, "header", key, MAX_KEY_BYTES)
    return _Columns(file, sample, keys), problems


def _nameless(header: Row, body: Sequence[Row]) -> Iterator[Problem]:
    """Name columns that hold something and have no header, each once."""
    named = {position for position, cell in enumerate(header.cells) if cell}
    for row in body:
        for position, cell in enumerate(row.cells):
            if cell and position not in named:
                named.add(position)
                where = f"Column {column_name(position)} holds “{_short(cell)}”"
                yield Problem(row.line, f"{where} and has no header. A value that holds the separator stands in quotes.")


def _entry(row: Row, columns: _Columns) -> ManifestEntry | list[Problem]:
    problems = []
    file_name = _cell(row, columns.file)
    if not file_name:
        problems.append(Problem(row.line, "The row names no file."))
    else:
        try:
            file_name = clean_name(file_name)
        except InputError as error:
            problems.append(Problem(row.line, error.message))
    sample = _cell(row, columns.sample) or None
    if sample and len(sample) > MAX_SAMPLE_LENGTH:
        problems.append(Problem(row.line, f"The sample is longer than {MAX_SAMPLE_LENGTH} characters."))
    problems += _of_text(row.line, "sample", sample or "", MAX_VALUE_BYTES)
    values = tuple(_cell(row, position) for position in columns.keys)
    for key, value in zip(columns.keys.values(), values, strict=True):
        problems += _of_text(row.line, f"“{_short(key)}”", value, MAX_VALUE_BYTES)
    return problems or ManifestEntry(row.line, file_name, sample, values)


def _cell(row: Row, position: int | None) -> str:
    return "" if position is None or position >= len(row.cells) else row.cells[position]


def _of_text(line: int, what: str, text: str, max_bytes: int) -> Iterator[Problem]:
    """Name what keeps a text from being stored and shown in one line."""
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in text):
        yield Problem(line, f"The {what} holds control characters.")
    elif (n_bytes := len(text.encode())) > max_bytes:
        yield Problem(line, f"The {what} takes {n_bytes:,} bytes; {max_bytes:,} are allowed.")


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:39]}…"


def _refused(problems: Sequence[Problem]) -> InputError:
    """Return the error of a manifest with all that is wrong, as far as it is told one by one."""
    first = f"Line {problems[0].line}: {problems[0].message}"
    n_further = len(problems) - 1
    further = f" There {'is' if n_further == 1 else 'are'} {n_further:,} more." if n_further else ""
    return InputError(
        f"The manifest was refused, and nothing of it holds. {first}{further}",
        code="manifest_refused",
        problems=[{"line": problem.line, "message": problem.message} for problem in problems[:NAMED_PROBLEMS]],
        n_problems=len(problems),
    )
