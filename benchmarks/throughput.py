"""How many jobs a second go through queue, database and store when the analysis takes next to no time.

usage: python -m benchmarks.throughput [--jobs N] [--processes N]

The images are so small (31 × 96 px) that decoding, the classical method, measuring and encoding take a few milliseconds
together, and each is different, so that each leaves an analysis, its particles and its files. Timed from when the rows are
there until the last job has ended; rows and bytes are put where the portal would put them.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

from cli.client import Saemi
from shared import submissions
from shared.database import Database
from shared.domain import Parameters
from shared.storage import FolderBlobStore, put_bytes
from shared.turns import Priority
from tests.chaos.images import draw
from tests.stack import start_stack, wait_until

MODEL = "classical-1"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Jobs a second through queue, database and store.")
    parser.add_argument("--jobs", type=int, default=3_000)
    parser.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)))
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="saemi-bench-") as folder,
        start_stack(Path(folder) / "data", worker_processes=arguments.processes, interactive_processes=0) as stack,
        Saemi(stack.address) as saemi,
    ):
        database, store = Database(f"sqlite:///{stack.data_dir / 'saemi.db'}"), FolderBlobStore(stack.data_dir / "blobs")
        blobs = [put_bytes(store, draw(number)) for number in range(arguments.jobs + 20)]
        finished_s(saemi, hand_in(database, blobs[:20]), 20)
        elapsed_s = finished_s(saemi, hand_in(database, blobs[20:]), arguments.jobs)
    print(
        f"{arguments.jobs} jobs, {arguments.processes} process(es): {elapsed_s:.1f} s, {arguments.jobs / elapsed_s:.0f} jobs/s"
    )


def hand_in(database: Database, blobs: list[str]) -> int:
    """Hand in a submission of stored files and return its number."""
    with database.writing() as session:
        row = submissions.create_submission(session, "throughput", None, Parameters(MODEL), priority=Priority.BULK)
        for number, sha256 in enumerate(blobs):
            submissions.add_job(session, row.id, sha256, 1, f"image_{number}.png")
        return row.id


def finished_s(saemi: Saemi, submission: int, count: int) -> float:
    """Time from when a submission is there until its last image is analysed."""
    started = time.perf_counter()
    wait_until(lambda: saemi.submission(submission).counts.done == count, "the submission is done", 600)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
