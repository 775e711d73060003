"""`saemi admin backup` and `saemi admin restore`: all rows and all files, out of a running system and into an empty one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click

from cli.console import EXIT_SOME_FAILED, messages, progress_bar
from cli.preparation import prepare_database, required_database
from shared.backup import Manifest, write_backup
from shared.database import Database
from shared.restore import newest_backup, restore_backup
from shared.settings import load_settings
from shared.stores import blob_store

MISSING_SHOWN = 20


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.pass_context
def backup(context: click.Context, *, folder: Path) -> None:
    """Back all rows and files up into FOLDER, while SAEMI runs.

    Each backup is a folder of its own in FOLDER; files that an earlier one copied are not copied again. Exit code 1 where files
    that rows name are missing.
    """
    settings = load_settings()
    database = required_database(settings)
    with _progress("Backing up files") as on_progress:
        target, manifest = write_backup(database, blob_store(settings), folder.absolute(), datetime.now(UTC), on_progress)
    database.dispose()
    click.echo(f"{target}: {_summary(manifest)}")
    for sha256 in manifest.missing[:MISSING_SHOWN]:
        messages.print(f"Warning: the file {sha256} is missing or altered, and not in the backup.")
    context.exit(EXIT_SOME_FAILED if manifest.missing else 0)


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
def restore(*, folder: Path) -> None:
    """Fill an empty system from the backup FOLDER, or from the newest in it.

    Database and file store are those of the settings; they may be of another kind than those of the backup. Stop SAEMI first.
    """
    settings = load_settings()
    database = Database(settings.effective_database_url)
    chosen = newest_backup(folder.absolute())
    try:
        with _progress("Restoring files") as on_progress:
            manifest = restore_backup(database, blob_store(settings), chosen, on_progress)
    finally:
        database.dispose()
    prepare_database(settings)
    click.echo(f"{chosen} is restored: {_summary(manifest)}")


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int], None]]:
    with progress_bar() as bar:
        task = bar.add_task(what, total=None)
        yield lambda n_done, n_all: bar.update(task, completed=n_done, total=n_all)


def _summary(manifest: Manifest) -> str:
    n_rows = sum(written.n_rows for written in manifest.tables)
    return f"{n_rows:,} rows of {len(manifest.tables)} tables, {manifest.n_blobs - len(manifest.missing):,} files"
