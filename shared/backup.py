"""A backup: the rows that outlive their moment, and the blobs that they name, in a folder that needs no SAEMI to be read.

All rows are as of one moment.

``FOLDER/blobs`` is a blob store that all backups of the folder share, so that the next backup copies what is new only;
``FOLDER/<time>`` holds the tables and, written last, the manifest. The same files fill SQLite and PostgreSQL.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from shared.all_tables import ALL_TABLES, TABLES_OF_THE_MOMENT
from shared.database import Database
from shared.errors import NotFoundError, OperatorError
from shared.housekeeping import named_hashes
from shared.results import SOFTWARE_VERSION
from shared.schema import newest_revision, require_current
from shared.storage import BlobStore, FolderBlobStore, sync_folder
from shared.table_files import ROWS_AT_A_TIME, ColumnOfFile, TableFile, file_sha256, write_table

FORMAT = "saemi-backup"
FORMAT_VERSION = 1
MANIFEST = "manifest.json"
BLOBS = "blobs"
BLOB_LIST = "blobs.txt"
CHUNK_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds. ``missing`` names the blobs that the store had lost or that were altered there."""

    format: str
    format_version: int
    created_at: str
    software_version: str
    revision: str
    tables: tuple[TableFile, ...]
    n_blobs: int
    blob_list_sha256: str
    missing: tuple[str, ...]

    @classmethod
    def read(cls, folder: Path) -> "Manifest":
        """Read the manifest of a backup; raises OperatorError ``no_backup`` or ``backup_damaged``."""
        try:
            found: dict[str, Any] = json.loads((folder / MANIFEST).read_bytes())
            if (found["format"], found["format_version"]) != (FORMAT, FORMAT_VERSION):
                raise OperatorError(f"{folder} is a backup of a format that this release does not read.", code="no_backup")
            tables = tuple(_table_file(one) for one in found.pop("tables"))
            return cls(tables=tables, missing=tuple(found.pop("missing")), **found)
        except FileNotFoundError as error:
            raise OperatorError(f"{folder} holds no complete backup: it has no {MANIFEST}.", code="no_backup") from error
        except (ValueError, KeyError, TypeError) as error:
            raise OperatorError(f"The {MANIFEST} of {folder} cannot be read.", code="backup_damaged") from error


def write_backup(
    database: Database, store: BlobStore, folder: Path, now: datetime, on_progress: Callable[[int, int], None]
) -> tuple[Path, Manifest]:
    """Write a backup while everything runs.

    Parameters
    ----------
    database
        At this release's schema.
    store
        Where its blobs lie. Blobs are never changed and outlive their rows by a day at least, so that those of the moment are
        still there when they are copied.
    folder
        Where backups are kept.
    now
        Names the backup.
    on_progress
        Called with the number of blobs that are done, and of all.

    Returns
    -------
    tuple
        The folder of this backup, and its manifest.

    Raises
    ------
    OperatorError
        ``schema_outdated``; ``backup_exists`` where there is one of the same second.
    """
    require_current(database)
    target = _new_folder(folder / now.strftime("%Y-%m-%dT%H%M%SZ"))
    try:
        tables = _write_rows(database, target)
        n_blobs = sum(1 for _ in blob_list(target))
        missing = _copy_blobs(target, n_blobs, store, FolderBlobStore(folder / BLOBS), on_progress)
    except BaseException:
        shutil.rmtree(target)
        raise
    manifest = Manifest(
        FORMAT,
        FORMAT_VERSION,
        now.isoformat(),
        SOFTWARE_VERSION,
        str(newest_revision()),
        tuple(tables),
        n_blobs,
        file_sha256(target / BLOB_LIST),
        tuple(missing),
    )
    _write_durably(target / MANIFEST, json.dumps(asdict(manifest), indent=2).encode())
    sync_folder(target)
    sync_folder(folder)
    return target, manifest


def blob_list(backup: Path) -> Iterator[str]:
    """Read the hashes of the blobs that a backup's rows name."""
    with (backup / BLOB_LIST).open(encoding="ascii") as file:
        for line in file:
            yield line.rstrip("\n")


def copy_blob(sha256: str, source: BlobStore, target: BlobStore) -> bool:
    """Copy a blob unless it is there; tells whether its bytes are those of its name.

    Others are left under their own hash: they may be those of another blob, and what belongs to nothing is removed in its time.

    Raises
    ------
    NotFoundError
        Where the source does not have it.
    """
    if target.exists(sha256):
        return True
    with source.open(sha256) as content:
        return target.put(iter(lambda: content.read(CHUNK_BYTES), b"")).sha256 == sha256


def _new_folder(path: Path) -> Path:
    try:
        path.mkdir(parents=True)
    except FileExistsError as error:
        raise OperatorError(f"{path} exists already.", code="backup_exists") from error
    return path


def _write_rows(database: Database, target: Path) -> list[TableFile]:
    """Write all tables and the list of blobs as of one moment."""
    with database.reading() as session:
        if database.dialect != "sqlite":  # where every transaction sees one moment
            session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        lasting = [of for of in ALL_TABLES.sorted_tables if of.name not in TABLES_OF_THE_MOMENT]
        tables = [write_table(session, of, target) for of in lasting]
        with (target / BLOB_LIST).open("w", encoding="ascii") as file:
            file.writelines(f"{sha256}\n" for sha256 in _hashes(session))
            file.flush()
            os.fsync(file.fileno())
    return tables


def _hashes(session: Session) -> Iterator[str]:
    for sha256, _ in session.execute(
        named_hashes(session, TABLES_OF_THE_MOMENT), execution_options={"yield_per": ROWS_AT_A_TIME}
    ):
        yield sha256


def _copy_blobs(
    target: Path, n_blobs: int, store: BlobStore, kept: BlobStore, on_progress: Callable[[int, int], None]
) -> list[str]:
    missing = []
    for n_done, sha256 in enumerate(blob_list(target), 1):
        try:
            if not copy_blob(sha256, store, kept):
                missing.append(sha256)
        except NotFoundError:
            missing.append(sha256)
        on_progress(n_done, n_blobs)
    return missing


def _table_file(found: dict[str, Any]) -> TableFile:
    return TableFile(columns=tuple(ColumnOfFile(**one) for one in found.pop("columns")), **found)


def _write_durably(path: Path, content: bytes) -> None:
    """Write a file that is whole or not there, also after a power cut."""
    partial = path.with_suffix(".part")
    with partial.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.rename(path)
