"""Exports of analysed images, as people ask for them and workers make them."""

import csv
import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select, update

from shared import exports, jobs
from shared.analysis_filter import AnalysisFilter
from shared.database import Database, database_time
from shared.errors import InputError
from shared.export_rows import ExportRow
from shared.exports import ExportRequest
from shared.leases import JobState
from shared.selection import Selection
from shared.storage import BlobStore
from tests.integration.analyses import draw_discs
from tests.integration.bench import Bench
from tests.integration.laboratory import Laboratory
from tests.unit.micrograph.files import png_bytes
from worker.exporter import Exporter

LEASE_S = 60.0
MAX_ATTEMPTS = 3
# Particles in each of the images, by their names.
PARTICLES = {"b.png": 3, "a.png": 5, "other/B.png": 2}


@dataclass
class ExportOffice:
    """A database with a submission of three analysed images and one that failed, and what makes outputs of it."""

    database: Database
    store: BlobStore
    folder: Path
    submission: int

    @classmethod
    def with_pictures(cls, bench: Bench, folder: Path) -> "ExportOffice":
        """Draw the images, and analyse them as a worker does."""
        submission = bench.open()
        for name, n_discs in PARTICLES.items():
            bench.add(submission, png_bytes(draw_discs(n_discs)), name)
        bench.add(submission, b"no image", "broken.tif")
        bench.run_all(submission)
        return cls(bench.database, bench.store, folder, submission)

    @classmethod
    def with_rows(cls, database: Database, store: BlobStore, folder: Path) -> "ExportOffice":
        """Store what analyses of the images would have found, without pixels."""
        lab = Laboratory(database)
        submission = lab.submit()
        for name, n in PARTICLES.items():
            lab.analyse(lab.add(submission, name.removesuffix(".png"), ".png"), n=n)
        failed = lab.add(submission, "broken")
        with database.writing() as session:
            (held,) = jobs.claim(session, [failed], lease_s=LEASE_S, max_attempts=MAX_ATTEMPTS)
            jobs.fail(session, held, "damaged_file", "The file is cut short.")
        return cls(database, store, folder, submission)

    def ask(self, format_name: str = "csv", **request: Any) -> int:
        """Ask for an output, of the submission where nothing else is selected."""
        if "selection" not in request:
            request |= {"query": f"submission_id={self.submission}", "selection": self.selection()}
        with self.database.writing() as session:
            return exports.ask(session, ExportRequest(format_name, **request)).id

    def selection(self, *analysis_ids: int) -> Selection:
        """Return the selection of the submission, or of analyses of it."""
        return Selection(AnalysisFilter(submission_id=self.submission), analysis_ids or None)

    def make(self, *numbers: int, **options: Any) -> None:
        """Do a worker's work on exports."""
        for number in numbers:
            self.exporter(**options).run(number)

    def exporter(self, **options: Any) -> Exporter:
        """Return what makes outputs."""
        limits = {"lease_s": LEASE_S, "max_attempts": MAX_ATTEMPTS} | options
        return Exporter(self.database, self.store, self.folder, **limits)

    def row(self, number: int) -> ExportRow:
        """Read an export."""
        with self.database.reading() as session:
            return exports.export(session, number)

    def rows(self) -> list[ExportRow]:
        """Read all exports, the oldest first."""
        with self.database.reading() as session:
            return list(session.scalars(select(ExportRow).order_by(ExportRow.id)))

    def change(self, number: int, **values: Any) -> None:
        """Change the row of an export."""
        with self.database.writing() as session:
            session.execute(update(ExportRow).where(ExportRow.id == number).values(**values))

    def let_lease_run_out(self, number: int) -> None:
        """As when a worker died over an export."""
        self.change(number, lease_until=database_time(-1))

    def members(self, number: int) -> dict[str, bytes]:
        """Read the files of a made ZIP archive."""
        row = self.row(number)
        assert (row.state, row.error_message) == (JobState.DONE, None)
        with self.store.open(str(row.sha256)) as file, zipfile.ZipFile(file) as archive:
            return {name: archive.read(name) for name in archive.namelist()}

    def table(self, number: int, name: str) -> list[dict[str, str]]:
        """Read a table of a made CSV archive."""
        return list(csv.DictReader(io.StringIO(self.members(number)[name].decode())))

    def refused(self, ask: Callable[[], object]) -> InputError:
        """Return the error that a request ends with."""
        try:
            ask()
        except InputError as error:
            return error
        raise AssertionError("it was not refused")
