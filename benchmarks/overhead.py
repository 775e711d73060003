"""What the queue costs: throughput through the running system over that of `saemi analyze` on the same images, in one run.

usage: python -m benchmarks.overhead [--images N] [--processes N] [--rounds N]

Both sides work with the same number of processes on generated 1024 × 768 micrographs, in turns, because other users of a
machine slow it down for seconds at a time; the ratio is the median of the rounds. The bare side's start-up, measured on one
image, is subtracted; the system's side is counted from the first byte uploaded to the last result stored.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from cli.bulk.hashes import HashCache
from cli.bulk.with_bars import hand_in_with_bars
from cli.client import Saemi
from tests.stack import start_stack
from worker.training.synthetic import write_samples

# The fast method, so that what the queue costs is not hidden behind what the network costs.
MODEL = "classical"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="What the queue costs.")
    parser.add_argument("--images", type=int, default=40)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="saemi-bench-") as folder:
        images = Path(folder) / "images"
        images.mkdir()
        files = write_samples(images, arguments.images)
        with (
            start_stack(Path(folder) / "data", worker_processes=arguments.processes) as stack,
            Saemi(stack.address) as saemi,
        ):
            system_seconds(saemi, files[:2], nm_per_px=99)  # the pool's processes are warm after this
            rounds = [
                one_round(saemi, files, Path(folder) / f"round-{number}", arguments.processes, nm_per_px=number)
                for number in range(1, arguments.rounds + 1)
            ]
    print(f"{len(files)} images of 1024 × 768, {arguments.processes} process(es), {len(rounds)} rounds; images/s")
    print("saemi analyze      " + "".join(f"{bare:8.2f}" for bare, _ in rounds))
    print("through the system " + "".join(f"{system:8.2f}" for _, system in rounds))
    ratios = [system / bare for bare, system in rounds]
    print("ratio              " + "".join(f"{ratio:8.2f}" for ratio in ratios) + f"   median {statistics.median(ratios):.2f}")


def one_round(saemi: Saemi, files: Sequence[Path], out: Path, processes: int, nm_per_px: float) -> tuple[float, float]:
    """Return the images per second of both sides; another pixel size in every round keeps results from being found stored."""
    start_s = bare_seconds(files[:1], out, processes)
    bare_s = bare_seconds(files, out, processes) - start_s
    return (len(files) - 1) / bare_s, len(files) / system_seconds(saemi, files, nm_per_px)


def bare_seconds(files: Sequence[Path], out: Path, processes: int) -> float:
    """Time `saemi analyze`, start-up included."""
    command = [sys.executable, "-m", "cli.main", "analyze", "--model", MODEL, *map(str, files)]
    started = time.perf_counter()
    subprocess.run([*command, "--out", str(out), "--processes", str(processes)], check=True, capture_output=True)
    return time.perf_counter() - started


def system_seconds(saemi: Saemi, files: Sequence[Path], nm_per_px: float) -> float:
    """Time a submission from the first upload to the last result."""
    submission = saemi.open_submission("overhead", nm_per_px=nm_per_px, model=MODEL).id
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, HashCache(Path(folder) / "hashes.db") as cache:
        hand_in_with_bars(saemi, cache, submission, [(file, file.name) for file in files])
    counts = saemi.wait(submission).counts
    elapsed_s = time.perf_counter() - started
    if counts.done != len(files):
        raise SystemExit(f"only {counts.done} of {len(files)} images were analysed")
    return elapsed_s


if __name__ == "__main__":
    main()
