"""Memory and time of a whole analysis of a very large micrograph by the network: its peak must not grow with the picture.

usage: python -m benchmarks.large [--side PX] [--model REFERENCE]

The picture is made of synthetic micrographs side by side. Printed: peak memory of the process, less what pixels and labels
themselves take, time, and how many particles were found of those drawn.
"""

import argparse
import resource
import time

import cv2
import numpy as np

from shared.domain import DEFAULT_MODEL, Micrograph, Parameters
from worker.pipeline import analyse
from worker.segmenters import create_segmenter
from worker.shipped import require_shipped
from worker.training.synthetic import synthetic_micrograph

TILE_PX = 1024
N_TILES = 4


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Analyse a very large synthetic micrograph.")
    parser.add_argument("--side", type=int, default=16_384)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    tiles = [synthetic_micrograph(seed, (TILE_PX, TILE_PX), 60, banner=False) for seed in range(N_TILES)]
    repeats = -(-arguments.side // TILE_PX)
    row = [tiles[column % N_TILES].pixels for column in range(repeats)]
    pixels = np.tile(np.hstack(row), (repeats, 1))[: arguments.side, : arguments.side]
    n_drawn = sum(int(tiles[column % N_TILES].labels.max()) for column in range(repeats)) * repeats
    segmenter = create_segmenter(require_shipped(arguments.model), "cpu")
    started = time.perf_counter()
    analysis = analyse(Micrograph(pixels, "PNG"), Parameters(model=arguments.model), segmenter)
    elapsed_s = time.perf_counter() - started
    peak_gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{arguments.side} x {arguments.side} px: {elapsed_s:.0f} s, peak {peak_gib:.2f} GiB")
    print(f"{len(analysis.particles)} particles found, {n_drawn} drawn")


if __name__ == "__main__":
    main()
