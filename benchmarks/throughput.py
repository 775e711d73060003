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
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import func, select

from benchmarks.processor_time import used_s
from shared import submissions
from shared.database import Database, through_index
from shared.domain import Parameters
from shared.leases import JobState
from shared.models import OPEN, OPEN_INDEX, JobRow
from shared.storage import FolderBlobStore, put_bytes
from shared.turns import Priority
from tests.chaos.images import draw
from tests.stack import Stack, start_stack

MODEL = "classical-1"
LOOK_S = 0.5
LONGEST_S = 600.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Jobs a second through queue, database and store.")
    parser.add_argument("--jobs", type=int, default=3_000)
    parser.add_argument("--processes", type=int, default=len(os.sched_getaffinity(0)))
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="saemi-bench-") as folder,
        start_stack(Path(folder) / "data", worker_processes=arguments.processes, interactive_processes=0) as stack,
    ):
        database, store = Database(f"sqlite:///{stack.data_dir / 'saemi.db'}"), FolderBlobStore(stack.data_dir / "blobs")
        blobs = [put_bytes(store, draw(number)) for number in range(arguments.jobs + 20)]
        finished_s(database, hand_in(database, blobs[:20]), stack)
        submission = hand_in(database, blobs[20:])
        before = used_s(stack.process.pid)
        elapsed_s = finished_s(database, submission, stack)
        used = used_s(stack.process.pid) - before
    print(
        f"{arguments.jobs} jobs, {arguments.processes} process(es): {elapsed_s:.1f} s, {arguments.jobs / elapsed_s:.0f} jobs/s"
    )
    by_kind = ", ".join(f"{kind} {1000 * taken_s / arguments.jobs:.2f}" for kind, taken_s in used.most_common())
    print(f"processor time, ms a job: {1000 * used.total() / arguments.jobs:.2f} ({by_kind})")


def hand_in(database: Database, blobs: list[str]) -> int:
    """Hand in a submission of stored files and return its number."""
    with database.writing() as session:
        row = submissions.create_submission(session, "throughput", None, Parameters(MODEL), priority=Priority.BULK)
        for number, sha256 in enumerate(blobs):
            submissions.add_job(session, row.id, sha256, 1, f"image_{number}.png")
        return row.id


def finished_s(database: Database, submission: int, stack: Stack) -> float:
    """Time from now until the last job of a submission ended, s, as the rows say it.

    Who looks on looks through an index at what is still open, twice a second: asking the portal again and again for all that
    it counts would be half of its work.
    """
    started_at = datetime.now(UTC)
    one_open = through_index(select(JobRow.id).where(OPEN, JobRow.submission_id == submission).limit(1), JobRow, OPEN_INDEX)
    deadline = time.monotonic() + LONGEST_S
    while True:
        with database.reading() as session:
            if session.scalar(one_open) is None:
                break
        if stack.process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit("The submission did not come to its end.")
        time.sleep(LOOK_S)
    with database.reading() as session:
        n_done, last = session.execute(
            select(func.count(), func.max(JobRow.finished_at)).filter_by(submission_id=submission, state=JobState.DONE)
        ).one()
        if n_done != submissions.counts(session, submission).total:
            raise SystemExit("Not every job was done.")
    elapsed_s: float = (last - started_at).total_seconds()
    return elapsed_s


if __name__ == "__main__":
    main()
