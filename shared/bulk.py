"""Many rows in few statements: rows that are added unless they exist, and particles by the fastest way of each database.

Functions take the session first and never commit.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from typing import Any

from sqlalchemy import BigInteger, Boolean, Connection, Double, Integer, Table, insert, select, tuple_
from sqlalchemy.orm import Session

from shared.database import database_time, insert_of
from shared.finding_rows import ParticleRow
from shared.quantities import ParticleTable

PARTICLES = ParticleRow.metadata.tables[ParticleRow.__tablename__]
PARTICLE_NAMES = tuple(column.name for column in PARTICLES.columns)

# Binary, because writing a float as digits takes longer than all the rest.
PARTICLE_TYPES = {BigInteger: "int8", Integer: "int4", Double: "float8", Boolean: "bool"}


def find_or_add(
    session: Session, table: Table, key: Sequence[str], rows: Sequence[dict[str, Any]]
) -> tuple[dict[tuple[Any, ...], int], set[int]]:
    """Add the rows that do not exist, and find the others.

    Parameters
    ----------
    table : Table
        With an automatic number ``id``; where it has a ``created_at``, the database's clock says it.
    key : sequence of str
        Columns that identify a row.
    rows : sequence of dict
        Values of the same columns in each. Of equal keys, the first one is added.

    Returns
    -------
    dict of int
        The id of each row by its key.
    set of int
        Those that were added.
    """
    by_key = {tuple(row[name] for name in key): row for row in reversed(rows)}
    columns = [table.c[name] for name in key]
    times = {"created_at": database_time()} if "created_at" in table.c else {}
    add = insert_of(session)(table).values(times).on_conflict_do_nothing().returning(table.c.id, *columns)
    # In one order for all who add: two that waited for each other's rows would wait for ever.
    ordered = [by_key[values] for values in sorted(by_key)]
    ids = {tuple(row[1:]): row[0] for row in session.connection().execute(add, ordered)} if ordered else {}
    added = set(ids.values())
    missing = [values for values in by_key if values not in ids]
    if missing:
        there = select(table.c.id, *columns).where(tuple_(*columns).in_(missing))
        ids |= {tuple(row[1:]): row[0] for row in session.connection().execute(there)}
    return ids, added


def add_particles(session: Session, particles: Iterable[tuple[int, ParticleTable]]) -> None:
    """Add the particles of analyses, each given by its number."""
    rows = (row for analysis_id, table in particles for row in _rows(analysis_id, table))
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        _copy(connection, rows)
        return
    listed = list(rows)
    if listed:
        # Past the library's types, which have nothing to do here and take most of the time.
        add = insert(PARTICLES).compile(dialect=connection.dialect, column_keys=PARTICLE_NAMES)
        connection.exec_driver_sql(str(add), listed)


def _copy(connection: Connection, rows: Iterable[tuple[Any, ...]]) -> None:
    driver: Any = connection.connection.driver_connection
    statement = f"COPY {PARTICLES.name} ({', '.join(PARTICLE_NAMES)}) FROM STDIN (FORMAT BINARY)"
    with driver.cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types([PARTICLE_TYPES[type(column.type)] for column in PARTICLES.columns])
        for row in rows:
            copy.write_row(row)


def _rows(analysis_id: int, table: ParticleTable) -> Iterator[tuple[Any, ...]]:
    """Yield the particles as tuples of plain Python values in the order of `PARTICLE_NAMES`."""
    columns = [getattr(table, name) for name in PARTICLE_NAMES[1:]]
    lists = [repeat(None) if column is None else column.tolist() for column in columns]
    # The shortest list, which ends the others, is that of the labels: they are never missing.
    return zip(repeat(analysis_id), *lists, strict=False)
