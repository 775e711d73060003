"""What the queue costs: throughput through the running system over that of `saemi analyze` on the same images, in one run.

usage: python -m benchmarks.overhead [--images N] [--processes N]

Both sides work with the same number of processes on generated 1024 × 768 micrographs. The bare side's start-up is measured on
one image and subtracted; the system's side is counted from the first byte uploaded to the last result stored.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from cli.client import Saemi
from cli.remote import upload_all
from tests.stack import start_stack
from worker.training.synthetic import write_samples


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--images", type=int, default=60)
    parser.add_argument("--processes", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="saemi-bench-") as folder:
        images = Path(folder) / "images"
        images.mkdir()
        write_samples(images, arguments.images)
        files = sorted(images.glob("*.png"))
        start_s = bare_seconds(files[:1], Path(folder) / "first", arguments.processes)
        bare_s = bare_seconds(files, Path(folder) / "bare", arguments.processes) - start_s
        system_s = system_seconds(files, Path(folder) / "data", arguments.processes)
    bare, system = (len(files) - 1) / bare_s, len(files) / system_s
    print(f"{len(files)} images of 1024 × 768, {arguments.processes} process(es)")
    print(f"saemi analyze        {bare:6.2f} images/s")
    print(f"through the system   {system:6.2f} images/s")
    print(f"ratio                {system / bare:6.2f}")


def bare_seconds(files: Sequence[Path], out: Path, processes: int) -> float:
    """Time `saemi analyze`, start-up included."""
    command = [sys.executable, "-m", "cli.main", "analyze", *map(str, files)]
    started = time.perf_counter()
    subprocess.run([*command, "--out", str(out), "--processes", str(processes)], check=True, capture_output=True)
    return time.perf_counter() - started


def system_seconds(files: Sequence[Path], data_dir: Path, processes: int) -> float:
    """Time a submission to a running system from the first upload to the last result."""
    with start_stack(data_dir, worker_processes=processes) as stack, Saemi(stack.address) as saemi:
        # Other parameters than below, so that nothing measured is found stored.
        warm_up = saemi.open_submission("warm-up", nm_per_px=7).id
        upload_all(saemi, warm_up, [(file, file.name) for file in files[:2]])
        saemi.wait(warm_up)
        submission = saemi.open_submission("overhead").id
        started = time.perf_counter()
        upload_all(saemi, submission, [(file, file.name) for file in files])
        counts = saemi.wait(submission).counts
        elapsed_s = time.perf_counter() - started
    if counts.done != len(files):
        raise SystemExit(f"only {counts.done} of {len(files)} images were analysed")
    return elapsed_s


if __name__ == "__main__":
    main()
