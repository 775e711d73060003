"""Exports as errands: the content is read, the file written in a folder of its own, stored, and named by the row.

Nothing counts before the row does: whatever ends this process, the next one begins anew, and what was left is removed.
"""

import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from shared import exports
from shared.database import Database
from shared.errands import Claim
from shared.errors import TransientError
from shared.export_rows import ExportRow
from shared.log import get_logger
from shared.output_formats import output_format
from shared.storage import BlobInfo, BlobStore, disk_errors
from worker.errand_runner import ErrandRunner
from worker.lease import LeaseKeeper
from worker.outputs.content import Content
from worker.outputs.formats import writer
from worker.outputs.stored import stored_content

# How often the row is told how far it is.
PROGRESS_INTERVAL_S = 0.5
# Nobody works in a folder of yesterday: a process was killed over it.
LEFT_BEHIND_S = 86_400
CHUNK_BYTES = 2**20
LONGEST_NAME = 100

logger = get_logger(__name__)


class Exporter(ErrandRunner):
    """Makes outputs with the resources of one process.

    Parameters
    ----------
    folder
        Where files are written before they are stored.
    timeout_s
        Time after which an image that does not get done counts as hanging: the process then ends itself.
    must_stop
        Tells that this process is to end; what it is at is given back.
    """

    errands = exports.ERRANDS
    crashed = "The file could not be made by an error of SAEMI."

    def __init__(
        self,
        database: Database,
        store: BlobStore,
        folder: Path,
        *,
        lease_s: float,
        max_attempts: int,
        timeout_s: float = float("inf"),
        must_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        super().__init__(database, lease_s=lease_s, max_attempts=max_attempts)
        self._store = store
        self._folder = folder
        self._timeout_s = timeout_s
        self._must_stop = must_stop

    def do(self, held: Claim) -> None:
        """Make the file of an export."""
        limits = {"lease_s": self.lease_s, "timeout_s": self._timeout_s}
        keeper = LeaseKeeper(self.database, ExportRow, held.token, [held.id], **limits)
        with keeper, keeper.busy_with(held.id), self._scratch_folder(held) as folder:
            with self.database.reading() as session:
                row = exports.export(session, held.id)
            content = stored_content(self.database, self._store, row)
            extension = output_format(row.format).extension
            self._note(held, 0, n_images=len(content.images))
            target = folder / f"made.{extension}"
            writer(row.format)(content, target, self._progress(held, keeper))
            blob = self._stored(target)
            name = f"{_file_stem(content)}.{extension}"
            made = {"n_done": len(content.images), "file_name": name, "sha256": blob.sha256, "n_bytes": blob.n_bytes}
            with self.database.writing() as session:
                self.errands.finish(session, held, **made)
        logger.info("export_made", format=row.format, n_images=len(content.images), n_bytes=blob.n_bytes)

    def _progress(self, held: Claim, keeper: LeaseKeeper) -> Callable[[int], None]:
        """Return what is told after each image; it raises where the export is lost, or this process is to end."""
        noted_at = time.monotonic()

        def progress(n_done: int) -> None:
            nonlocal noted_at
            keeper.require(held.id)
            keeper.goes_on(held.id)
            if self._must_stop():
                raise TransientError("The worker is told to stop.", code="worker_stops")
            if time.monotonic() - noted_at >= PROGRESS_INTERVAL_S:
                self._note(held, n_done)
                noted_at = time.monotonic()

        return progress

    def _note(self, held: Claim, n_done: int, **values: object) -> None:
        with self.database.writing() as session:
            self.errands.note(session, held, self.lease_s, n_done=n_done, **values)

    def _stored(self, path: Path) -> BlobInfo:
        with path.open("rb") as file:
            return self._store.put(iter(lambda: file.read(CHUNK_BYTES), b""))

    @contextmanager
    def _scratch_folder(self, held: Claim) -> Iterator[Path]:
        folder = self._folder / f"{held.id}-{held.token}"
        with disk_errors():
            folder.mkdir(parents=True)
            for other in self._folder.iterdir():
                if other.stat().st_mtime < time.time() - LEFT_BEHIND_S:
                    shutil.rmtree(other, ignore_errors=True)
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)


def _file_stem(content: Content) -> str:
    """Return what the file is called after, an image or a selection, as every system and every command line takes it."""
    first = content.images[0]
    called_after = first.stem if first.name == content.title else content.title
    return re.sub(r"[^\w.+-]+", "_", called_after)[:LONGEST_NAME].strip("_.") or "export"
