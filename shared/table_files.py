"""Rows of a table as lines of a compressed file that every database can be filled from: one JSON array for each row."""

import base64
import gzip
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import JSON, ColumnClause, LargeBinary, Table, column, insert, select, table
from sqlalchemy.orm import Session
from sqlalchemy.types import NullType, TypeEngine

from shared.database import UtcTime

ROWS_AT_A_TIME = 5_000
# Most of what zlib can do here, in a third of the time of its default.
GZIP_LEVEL = 3
HASHED_BYTES = 2**20

# How a value is written where JSON has no such type: a time as ISO 8601, bytes as base64; JSON columns hold any value.
ColumnKind = Literal["time", "bytes", "json", "plain"]
_TYPES: dict[ColumnKind, TypeEngine[Any]] = {
    "time": UtcTime(),
    "bytes": LargeBinary(),
    "json": JSON(none_as_null=True),
    "plain": NullType(),
}
_READ: dict[ColumnKind, Callable[[str], Any]] = {"time": datetime.fromisoformat, "bytes": base64.b64decode}


@dataclass(frozen=True, slots=True)
class ColumnOfFile:
    """Name of a column, and how its values are written."""

    name: str
    kind: ColumnKind


@dataclass(frozen=True, slots=True)
class TableFile:
    """A written table: its file, rows and columns; the hash is of the file."""

    name: str
    file: str
    n_rows: int
    sha256: str
    columns: tuple[ColumnOfFile, ...]


def write_table(session: Session, of: Table, folder: Path) -> TableFile:
    """Write all rows of a table in the order of its key, so that a row comes after those of its table that it refers to."""
    columns = tuple(ColumnOfFile(found.name, _kind(found.type)) for found in of.columns)
    path, n_rows = folder / f"{of.name}.jsonl.gz", 0
    rows = session.execute(select(of).order_by(*of.primary_key), execution_options={"yield_per": ROWS_AT_A_TIME})
    with gzip.open(path, "wt", GZIP_LEVEL, encoding="utf-8", newline="\n") as file:
        for row in rows:
            file.write(json.dumps(list(row), default=_as_text, ensure_ascii=False, separators=(",", ":")) + "\n")
            n_rows += 1
    with path.open("rb") as written:  # all of it, its end too, which comes when the compressed file is closed
        os.fsync(written.fileno())
    return TableFile(of.name, path.name, n_rows, file_sha256(path), columns)


def read_table(session: Session, written: TableFile, folder: Path) -> int:
    """Add all rows of a written table to the table of its name; returns their number."""
    columns: list[ColumnClause[Any]] = [column(one.name, _TYPES[one.kind]) for one in written.columns]
    statement = insert(table(written.name, *columns))
    n_rows = 0
    for rows in _batches(written, folder / written.file):
        session.execute(statement, rows)
        n_rows += len(rows)
    return n_rows


def file_sha256(path: Path) -> str:
    """Return the hash of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _kind(of: TypeEngine[Any]) -> ColumnKind:
    if isinstance(of, UtcTime):
        return "time"
    if isinstance(of, LargeBinary):
        return "bytes"
    return "json" if isinstance(of, JSON) else "plain"


def _as_text(value: Any) -> str:
    return base64.b64encode(value).decode("ascii") if isinstance(value, bytes) else str(value.isoformat())


def _batches(written: TableFile, path: Path) -> Iterator[list[dict[str, Any]]]:
    columns = [(of.name, _READ.get(of.kind)) for of in written.columns]
    batch: list[dict[str, Any]] = []
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as file:
        for line in file:
            batch.append(_record(columns, json.loads(line)))
            if len(batch) == ROWS_AT_A_TIME:
                yield batch
                batch = []
    if batch:
        yield batch


def _record(columns: Sequence[tuple[str, Callable[[str], Any] | None]], values: Sequence[Any]) -> dict[str, Any]:
    return {
        name: value if read is None or value is None else read(value)
        for (name, read), value in zip(columns, values, strict=True)
    }
