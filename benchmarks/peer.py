"""How long SAEMI's network and ImageDataExtractor's (BPartIS) take for the same micrographs on the same cores, in one run.

usage: python -m benchmarks.peer DATA [--model REFERENCE] [--images N]

Times an image in one process with all cores: for SAEMI all in (banner, grey range, segmentation, measurement), for the peer its
segmentation alone, as `../tools/run_bpartis.py` beside DATA times it. Two sets: validation images of EMPS, and synthetic
micrographs of 1024 x 768 px. The two programs take turns, so that a busy machine slows both.
"""

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import torch
from PIL import Image

from shared.domain import DEFAULT_MODEL, Parameters
from worker.micrograph.decode import decode
from worker.pipeline import analyse
from worker.segmenters import create_segmenter
from worker.shipped import require_shipped
from worker.training.split import emps_validation_names
from worker.training.synthetic import synthetic_micrograph

ROUNDS = 2


def main() -> None:
    """Measure both and print the ratio."""
    parser = argparse.ArgumentParser(description="Compare the speed of SAEMI with that of BPartIS.")
    parser.add_argument("data", type=Path, help="Folder with emps/images; or of images, with --time.")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--images", type=int, default=24)
    parser.add_argument("--time", action="store_true", help="Only time SAEMI on the images of the folder.")
    arguments = parser.parse_args()
    if arguments.time:
        print(f"median {_median_s(arguments.data, arguments.model):.4f} s")
        return
    peer = arguments.data.parent / "tools" / "run_bpartis.py"
    with tempfile.TemporaryDirectory(prefix="saemi-peer-") as folder:
        for name, images in _sets(arguments.data, Path(folder), arguments.images).items():
            ours, theirs = [], []
            for _ in range(ROUNDS):
                ours.append(_run("-m", "benchmarks.peer", str(images), "--time", "--model", arguments.model))
                theirs.append(_run(str(peer), str(images), f"{folder}/out"))
            one, other = statistics.mean(ours), statistics.mean(theirs)
            print(f"{name}: SAEMI {one:.3f} s, BPartIS {other:.3f} s, BPartIS / SAEMI = {other / one:.2f}", flush=True)


def _median_s(folder: Path, model: str) -> float:
    segmenter = create_segmenter(require_shipped(model), "cpu")
    # The worker computes on one thread and runs images side by side; here one image has the machine, as the peer's has.
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    cv2.setNumThreads(0)
    micrographs = [decode(path) for path in sorted(folder.glob("*.png"))]
    analyse(micrographs[0], Parameters(model=model), segmenter)
    times = []
    for micrograph in micrographs:
        started = time.perf_counter()
        analyse(micrograph, Parameters(model=model), segmenter)
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def _run(*command: str) -> float:
    output = subprocess.run([sys.executable, *command], check=True, capture_output=True, text=True).stdout
    found = re.search(r"median\D*([0-9.]+)", output)
    if found is None:
        raise ValueError(f"no median in: {output}")
    return float(found.group(1))


def _sets(data: Path, folder: Path, count: int) -> dict[str, Path]:
    emps, drawn = folder / "emps", folder / "drawn"
    emps.mkdir()
    drawn.mkdir()
    for name in sorted(emps_validation_names())[:count]:
        shutil.copy(data / "emps" / "images" / f"{name}.png", emps)
    for seed in range(8):
        pixels = synthetic_micrograph(seed, n_particles=60 + 20 * seed).pixels
        Image.fromarray(pixels).convert("RGB").save(drawn / f"{seed}.png")
    return {f"{count} images of EMPS": emps, "8 images of 1024 x 768 px": drawn}


if __name__ == "__main__":
    main()
