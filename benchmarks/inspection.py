"""Time of `saemi inspect` for one file, start-up included, with and without looking for the scale bar.

usage: python -m benchmarks.inspection

The micrographs are drawn, each with a banner and its bar, in sizes that instruments write. Printed: the fastest of five
runs, because whatever else the machine does only makes them slower.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2

from worker.training.synthetic import synthetic_micrograph

SHAPES = ((515, 512), (768, 1024), (1331, 1536), (2052, 2560))
RUNS = 5


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        for rows, columns in SHAPES:
            path = Path(folder) / f"{columns}.png"
            cv2.imwrite(str(path), synthetic_micrograph(1, (rows, columns), 40).pixels)
            without, with_bar = (_fastest_s(path, option) for option in ("--no-scale-bar", "--scale-bar"))
            print(f"{columns} x {rows} px: {without:.2f} s without the scale bar, {with_bar:.2f} s with it")


def _fastest_s(path: Path, option: str) -> float:
    seconds = []
    for _ in range(RUNS):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", "cli.main", "inspect", option, path], check=True, stdout=subprocess.DEVNULL)
        seconds.append(time.perf_counter() - start)
    return min(seconds)


if __name__ == "__main__":
    main()
