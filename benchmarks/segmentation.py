"""How well and how fast a model segments labelled micrographs: `saemi analyze` on a folder, scored against its labels.

usage: python -m benchmarks.segmentation DATA [--model NAME] [--processes N]

DATA holds `emps/images` and `emps/labels`; the score is that of the labelled set's own script, `../tools/score_segmentation.py`
beside DATA.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Score a model on labelled micrographs.")
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", default="classical")
    parser.add_argument("--processes", type=int)
    arguments = parser.parse_args()
    images, labels = arguments.data / "emps" / "images", arguments.data / "emps" / "labels"
    with tempfile.TemporaryDirectory(prefix="saemi-bench-") as out:
        command = [sys.executable, "-m", "cli.main", "analyze", str(images), "--out", out, "--model", arguments.model]
        if arguments.processes:
            command += ["--processes", str(arguments.processes)]
        started = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        elapsed_s = time.perf_counter() - started
        n_images = len(list(Path(out).glob("*.labels.tif")))
        print(f"{n_images} images in {elapsed_s:.1f} s, start-up included: {n_images / elapsed_s:.2f} images/s")
        scorer = arguments.data.parent / "tools" / "score_segmentation.py"
        subprocess.run([sys.executable, str(scorer), str(labels), out], check=True)


if __name__ == "__main__":
    main()
