"""A backup brought into an empty system: every hash checked, blobs first, then all rows in one transaction."""

from collections.abc import Callable, Sequence
from pathlib import Path

from sqlalchemy import func, inspect, select, text
from sqlalchemy.orm import Session

from shared.all_tables import TABLES_OF_THE_MOMENT
from shared.backup import BLOB_LIST, BLOBS, MANIFEST, Manifest, blob_list, copy_blob
from shared.database import Database
from shared.errors import NotFoundError, OperatorError
from shared.schema import current_revision, known_revisions, upgrade
from shared.storage import BlobStore, FolderBlobStore
from shared.table_files import TableFile, file_sha256, read_table

# What setting an installation up, or starting it once, writes by itself.
SET_UP_TABLES = frozenset({"model", "leader"})
VERSION_TABLE = "alembic_version"


def restore_backup(database: Database, store: BlobStore, backup: Path, on_progress: Callable[[int, int], None]) -> Manifest:
    """Fill an empty system from a backup; nothing else of SAEMI may run meanwhile.

    Broken off, it leaves a system without rows, into which it can be repeated. The schema is brought to this release's.

    Parameters
    ----------
    database
        Without tables, or with the empty tables of the backup's schema; of another kind than the backup's, if need be.
    store
        May hold blobs already.
    backup
        The folder with the manifest; its blobs lie beside it.
    on_progress
        Called with the number of blobs that are done, and of all.

    Raises
    ------
    OperatorError
        ``system_not_empty``, ``no_backup``, ``backup_damaged``, ``schema_unknown``.
    """
    manifest = Manifest.read(backup)
    _require_intact(manifest, backup)
    _prepare_schema(database, manifest)
    _restore_blobs(manifest, store, backup, on_progress)
    with database.writing() as session:
        _require_empty(session)
        for name in SET_UP_TABLES & set(inspect(session.connection()).get_table_names()):
            session.execute(text(f"DELETE FROM {name}"))  # noqa: S608 - a name of ours
        # Backups of earlier releases have rows of a moment that is long over.
        lasting = [written for written in manifest.tables if written.name not in TABLES_OF_THE_MOMENT]
        for written in lasting:
            if read_table(session, written, backup) != written.n_rows:
                raise OperatorError(f"{written.file} of the backup has lost rows.", code="backup_damaged")
        _continue_numbers(session, lasting)
    upgrade(database)
    return manifest


def newest_backup(folder: Path) -> Path:
    """Return the folder itself where it is a backup, else the newest complete one in it; raises OperatorError ``no_backup``."""
    if (folder / MANIFEST).is_file():
        return folder
    complete = sorted(path.parent for path in folder.glob(f"*/{MANIFEST}"))
    if not complete:
        raise OperatorError(f"{folder} holds no complete backup.", code="no_backup")
    return complete[-1]


def _require_intact(manifest: Manifest, backup: Path) -> None:
    hashes = {written.file: written.sha256 for written in manifest.tables} | {BLOB_LIST: manifest.blob_list_sha256}
    for file, sha256 in hashes.items():
        path = backup / file
        if not path.is_file() or file_sha256(path) != sha256:
            raise OperatorError(f"{path} is missing or was altered: the backup cannot be used.", code="backup_damaged")


def _prepare_schema(database: Database, manifest: Manifest) -> None:
    """Bring an empty database to the schema of the backup, from where migrations lead its rows to this release."""
    if manifest.revision not in known_revisions():
        message = f"The backup is of revision {manifest.revision}, which this release does not know: install a newer one."
        raise OperatorError(message, code="schema_unknown")
    if current_revision(database) is None:
        upgrade(database, manifest.revision)
    elif current_revision(database) != manifest.revision:
        message = f"The backup has the schema of revision {manifest.revision}: restore it into a database without tables."
        raise OperatorError(message, code="system_not_empty")
    with database.reading() as session:
        _require_empty(session)


def _require_empty(session: Session) -> None:
    names = set(inspect(session.connection()).get_table_names()) - SET_UP_TABLES - {VERSION_TABLE}
    filled = [name for name in sorted(names) if session.scalar(text(f"SELECT EXISTS (SELECT 1 FROM {name})"))]  # noqa: S608
    if filled:
        message = f"A backup is restored into an empty system only, and this one has rows: {', '.join(filled)}."
        raise OperatorError(message, code="system_not_empty")


def _restore_blobs(manifest: Manifest, store: BlobStore, backup: Path, on_progress: Callable[[int, int], None]) -> None:
    kept, known_to_miss = FolderBlobStore(backup.parent / BLOBS), set(manifest.missing)
    for n_done, sha256 in enumerate(blob_list(backup), 1):
        if sha256 not in known_to_miss:
            try:
                is_intact = copy_blob(sha256, kept, store)
            except NotFoundError:
                is_intact = False
            if not is_intact:
                raise OperatorError(f"The blob {sha256} of the backup is missing or was altered.", code="backup_damaged")
        on_progress(n_done, manifest.n_blobs)


def _continue_numbers(session: Session, tables: Sequence[TableFile]) -> None:
    """Let the numbers that PostgreSQL gives to new rows go on behind those of the backup; SQLite does so by itself."""
    if session.get_bind().dialect.name != "postgresql":
        return
    for name in (written.name for written in tables if any(of.name == "id" for of in written.columns)):
        # A table whose names are texts has none.
        sequence = session.scalar(select(func.pg_get_serial_sequence(name, "id")))
        if sequence is not None:
            last = session.scalar(text(f"SELECT max(id) FROM {name}"))  # noqa: S608 - names of our own tables
            session.execute(select(func.setval(sequence, last or 1, last is not None)))
