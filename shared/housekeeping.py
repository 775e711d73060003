"""Blobs that no row names are removed, and rows that name a blob that is not there are reported.

A blob and the row that names it are written by different systems, one after the other, so that any clean-up runs beside uploads
of the very bytes it is about to remove. Three rules make that safe, without a lock and without asking those who upload:

- Bytes are stored before the row that names them, and the row is committed within a day (`GRACE`) or never. So a blob younger
  than that is left alone.
- An old blob without a row is only set aside: from then on `exists` and `put` do not see it, and who brings its bytes stores
  them anew, in a copy of its own. Reading finds it all the same.
- What is set aside is judged again a day later. Whoever was told before that the bytes are there has committed by then: the
  blob is brought back, and meanwhile nobody missed it. Where still no row names it, none ever will, and it is discarded.

The rule for everybody else: a row may name a blob only if its bytes went through `put` within the last day, or if another row
named the blob when this transaction looked. A column that names a blob ends in ``sha256``: these are looked up in the database
itself, so that a new table is protected from its first row. A foreign key names a row and not a blob, and a row whose
``removed_at`` is set names none any more.
"""

from collections.abc import Collection, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, collate, column, func, inspect, literal, select, table, union_all
from sqlalchemy.orm import Session

from shared.storage import BlobStore, StoredBlob

GRACE = timedelta(days=1)
BLOB_COLUMN = "sha256"
# Hashes over values, not over a file.
NO_BLOB_COLUMNS = frozenset({"parameters_sha256", "side_cars_sha256"})
# The column that says since when a row names its blob no more.
REMOVED_COLUMN = "removed_at"
ROWS_AT_A_TIME = 10_000


@dataclass(frozen=True, slots=True)
class NamedBlob:
    """A blob that rows name; ``named_by`` is one of the columns, as ``table.column``."""

    sha256: str
    named_by: str


@dataclass(frozen=True, slots=True)
class BlobSurvey:
    """Blob store and database compared.

    ``orphans`` are old and named by no row; those that are set aside for long enough are ``to_discard``, or ``to_bring_back``
    where a row names them after all. ``missing`` are named and nowhere.
    """

    n_blobs: int
    n_bytes: int
    orphans: tuple[StoredBlob, ...]
    to_bring_back: tuple[StoredBlob, ...]
    to_discard: tuple[StoredBlob, ...]
    missing: tuple[NamedBlob, ...]


def survey_blobs(session: Session, store: BlobStore, now: datetime) -> BlobSurvey:
    """Compare all blobs with all rows; changes nothing.

    Memory grows with what is found to be wrong, not with what is there: both sides come in the order of the hashes.
    """
    aside: dict[str, StoredBlob] = {}
    n_blobs = n_bytes = 0
    orphans: list[StoredBlob] = []
    missing: list[NamedBlob] = []
    to_bring_back: list[StoredBlob] = []
    # The rows are as of now, and the blobs are listed later: a blob that a row names has been there before.
    with _named_blobs(session) as named:
        aside.update((blob.sha256, blob) for blob in store.blobs_set_aside())
        for blob, name in matched(store.blobs(), named):
            if blob is not None:
                n_blobs, n_bytes = n_blobs + 1, n_bytes + blob.n_bytes
                if name is None and blob.changed_at < now - GRACE:
                    orphans.append(blob)
            if name is not None and (found := aside.pop(name.sha256, None)) is not None:
                to_bring_back.append(found)
            elif name is not None and blob is None and not store.exists(name.sha256):
                missing.append(name)
    to_discard = [blob for blob in aside.values() if blob.changed_at < now - GRACE]
    return BlobSurvey(n_blobs, n_bytes, tuple(orphans), tuple(to_bring_back), tuple(to_discard), tuple(missing))


def clean_blobs(store: BlobStore, survey: BlobSurvey, now: datetime) -> None:
    """Do what a survey found to be done, within the hour after it; one process at a time.

    Cut off anywhere, the next survey goes on: every step leaves a state that it understands.
    """
    for blob in survey.to_bring_back:
        store.bring_back(blob.sha256)
    for blob in survey.to_discard:
        store.discard(blob.sha256)
    for blob in survey.orphans:
        store.set_aside(blob.sha256)
    store.discard_incomplete(before=now - GRACE)


def matched(blobs: Iterable[StoredBlob], named: Iterable[NamedBlob]) -> Iterator[tuple[StoredBlob | None, NamedBlob | None]]:
    """Pair two streams that are ordered by hash; what has no counterpart is paired with None."""
    left, right = iter(blobs), iter(named)
    blob, name = next(left, None), next(right, None)
    while blob is not None or name is not None:
        if name is None or (blob is not None and blob.sha256 < name.sha256):
            yield blob, None
            blob = next(left, None)
        elif blob is None or name.sha256 < blob.sha256:
            yield None, name
            name = next(right, None)
        else:
            yield blob, name
            blob, name = next(left, None), next(right, None)


def named_hashes(session: Session, without: Collection[str] = ()) -> Select[str, str]:
    """Return the query of all hashes that rows name, each once with one of the columns, in the order of the hashes.

    ``without`` names tables that do not count.
    """
    parts: list[Select[Any, str]] = [
        select(column(one.name).label("sha256"), literal(f"{one.of}.{one.name}").label("named_by"))
        .select_from(table(one.of, column(one.name)))
        .where(column(one.name).is_not(None), *([column(REMOVED_COLUMN).is_(None)] if one.may_be_removed else []))
        for one in _blob_columns(session)
        if one.of not in without
    ]
    every = union_all(*parts).subquery()
    by_hash: ColumnElement[str] = every.c.sha256
    if session.get_bind().dialect.name == "postgresql":
        by_hash = collate(by_hash, "C")  # by bytes, as the blob stores list, whatever the database's language
    return select(every.c.sha256, func.min(every.c.named_by)).group_by(every.c.sha256).order_by(by_hash)


@contextmanager
def _named_blobs(session: Session) -> Iterator[Iterator[NamedBlob]]:
    # Closed also where the store fails in the middle: a cursor of the server's is not left to chance.
    with closing(session.execute(named_hashes(session), execution_options={"yield_per": ROWS_AT_A_TIME})) as rows:
        yield (NamedBlob(sha256, named_by) for sha256, named_by in rows)


class _BlobColumn(NamedTuple):
    of: str
    name: str
    may_be_removed: bool


def _blob_columns(session: Session) -> list[_BlobColumn]:
    looked = inspect(session.connection())
    references = {
        (of, name)
        for (_schema, of), keys in looked.get_multi_foreign_keys().items()
        for key in keys
        for name in key["constrained_columns"]
    }
    found = []
    for (_schema, of), columns in looked.get_multi_columns().items():
        names = {one["name"] for one in columns}
        blobs = {name for name in names if name.endswith(BLOB_COLUMN) and name not in NO_BLOB_COLUMNS}
        found += [_BlobColumn(of, name, REMOVED_COLUMN in names) for name in blobs if (of, name) not in references]
    return sorted(found)
