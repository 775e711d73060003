"""What a small submission waits for beside a large one, and how soon an interactive image begins.

usage: python -m benchmarks.fairness [--bulk N] [--small N]

The small submission of another group of the same weight is timed twice in the same running system: alone, and while the bulk is
worked off. Then one interactive image is handed in beside the bulk; from its row to its claim is what it waited.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from cli.client import Saemi
from shared import submissions
from shared.database import Database
from shared.domain import Parameters
from shared.storage import FolderBlobStore, put_bytes
from shared.turns import Priority
from tests.stack import Stack, start_stack, wait_until
from worker.files import encode_png

MODEL = "classical-1"
SIDE_PX = 256
RADIUS_PX = 20


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="What a small submission waits for beside a large one.")
    parser.add_argument("--bulk", type=int, default=10_000, help="images of the large submission")
    parser.add_argument("--small", type=int, default=10, help="images of the small one")
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="saemi-bench-") as folder,
        start_stack(Path(folder) / "data") as stack,
        Saemi(stack.address) as saemi,
    ):
        files = _Images(stack)
        finished_s(saemi, files.hand_in(2, "warm", Priority.INTERACTIVE), 2)
        finished_s(saemi, files.hand_in(8, "warm"), 8)
        alone_s = finished_s(saemi, files.hand_in(arguments.small, "small"), arguments.small)
        bulk = files.hand_in(arguments.bulk, "bulk", Priority.BULK)
        wait_until(lambda: saemi.submission(bulk).counts.done >= 50, "the bulk is on its way", 120)
        beside_s = finished_s(saemi, files.hand_in(arguments.small, "small"), arguments.small)
        waits_s = [started_after_s(saemi, files.hand_in(1, "interactive", Priority.INTERACTIVE)) for _ in range(5)]
        counts = saemi.submission(bulk).counts
    ratio = f"{beside_s / alone_s:.1f} times"
    print(f"{arguments.small} images alone {alone_s:.2f} s, beside {arguments.bulk} {beside_s:.2f} s: {ratio}")
    print(f"an interactive image began after {', '.join(f'{wait_s:.2f}' for wait_s in waits_s)} s")
    print(f"of the bulk {counts.done} were done meanwhile, {counts.unfinished} were not")
    if not counts.unfinished:
        raise SystemExit("The bulk came to its end too early: nothing was shown.")


class _Images:
    """Images that no other one equals, put where the portal would put them."""

    def __init__(self, stack: Stack) -> None:
        self._database = Database(f"sqlite:///{stack.data_dir / 'saemi.db'}")
        self._store = FolderBlobStore(stack.data_dir / "blobs")
        self._random = np.random.default_rng(1)
        y, x = np.mgrid[:SIDE_PX, :SIDE_PX]
        self._disc = (y - SIDE_PX // 2) ** 2 + (x - SIDE_PX // 2) ** 2 < RADIUS_PX**2

    def hand_in(self, count: int, group: str, priority: Priority = Priority.NORMAL) -> int:
        """Hand in a submission and return its number."""
        blobs = [put_bytes(self._store, self._image()) for _ in range(count)]
        with self._database.writing() as session:
            parameters = Parameters(MODEL)
            row = submissions.create_submission(session, group, None, parameters, group=group, priority=priority)
            for number, sha256 in enumerate(blobs):
                submissions.add_job(session, row.id, sha256, 1, f"image_{number}.png")
            return row.id

    def _image(self) -> bytes:
        noise = self._random.normal(60, 6, (SIDE_PX, SIDE_PX))
        return encode_png((noise + 120 * self._disc).clip(0, 255).astype(np.uint8))


def finished_s(saemi: Saemi, submission: int, count: int) -> float:
    """Time from when a submission is there until its last image is analysed."""
    started = time.perf_counter()
    wait_until(lambda: saemi.submission(submission).counts.done == count, "the submission is done", 600)
    return time.perf_counter() - started


def started_after_s(saemi: Saemi, submission: int) -> float:
    """Time from an image's row to its claim, both by the database's clock."""
    finished_s(saemi, submission, 1)
    (job,) = saemi.jobs(submission)
    assert job.started_at is not None
    return (job.started_at - job.created_at).total_seconds()


if __name__ == "__main__":
    main()
