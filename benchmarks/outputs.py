"""How long it takes to write the results of many particles in each format, and how much memory that takes.

    python -m benchmarks.outputs [--images 100] [--particles 1000] [FORMAT ...]

The particles are drawn, measured once, and given again for each image. Each format is written by a process of its own; its
memory is the most that the process held beyond what it held before.
"""

import argparse
import multiprocessing
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from shared.arrays import Labels
from shared.calibration import calibration
from shared.distributions.fitness import judge
from shared.distributions.size_statistics import size_statistics
from shared.domain import Parameters
from shared.geometry import specimen_area_px
from shared.output_formats import OUTPUT_FORMATS
from shared.results import describe_measurement
from shared.tables import SUBMISSION_COLUMNS
from worker.analysis.measurement.particles import measure
from worker.analysis.padding import analysed_field
from worker.outputs.content import AnalysedImage, Choices, Content
from worker.outputs.formats import writer

CELL_PX = 32


def main() -> None:
    """Print a table of formats."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("formats", nargs="*", metavar="FORMAT", help=f"default: all of {', '.join(OUTPUT_FORMATS)}")
    parser.add_argument("--images", type=int, default=100)
    parser.add_argument("--particles", type=int, default=1000, help="in each image")
    arguments = parser.parse_args()
    print(f"{arguments.images:,} images of {arguments.particles:,} particles")
    print("| format | s | processor time, s | MB | memory, MB |\n|---|---:|---:|---:|---:|")
    for name in arguments.formats or OUTPUT_FORMATS:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            seconds, busy, size, memory = pool.apply(_measured, (name, arguments.images, arguments.particles))
        print(f"| {name} | {seconds:.1f} | {busy:.1f} | {size / 1e6:.1f} | {memory / 1e6:.0f} |", flush=True)


def _measured(name: str, n_images: int, n_particles: int) -> tuple[float, float, int, int]:
    content, write = _content(n_images, n_particles), writer(name)
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "output"
        before, start, busy = _held(), time.perf_counter(), time.process_time()
        write(content, target, lambda _: None)
        return time.perf_counter() - start, time.process_time() - busy, target.stat().st_size, _held() - before


def _held() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _content(n_images: int, n_particles: int) -> Content:
    labels = _discs(n_particles)
    field, calibrated = analysed_field(labels.shape, None), calibration(None, 0.5, None)
    particles = measure(labels, field, calibrated.nm_per_px)
    specimen_px = specimen_area_px(field)
    statistics, fitness = size_statistics(particles, specimen_px), judge(particles, specimen_px)
    described = describe_measurement(labels.shape, calibrated, None, field, statistics=statistics, fitness=fitness)
    record = dict.fromkeys(SUBMISSION_COLUMNS) | described
    grey = np.where(labels > 0, 200, 40).astype(np.uint8)
    images = [
        AnalysedImage(
            name=f"lot/{number:04d}.tif",
            stem=f"{number:04d}",
            record=record | {"file": f"lot/{number:04d}.tif", "image": 1, "sample": "S1"},
            # A copy, as one that was read would be.
            particles=lambda: particles,
            labels=labels.copy,
            preview=grey.copy,
            parameters={"model": Parameters().model, "nm_per_px": None, "min_confidence": 0.5},
        )
        for number in range(1, n_images + 1)
    ]
    return Content(f"{n_images:,} drawn images", images, [], Choices(), "python -m benchmarks.outputs")


def _discs(n: int) -> Labels:
    """Discs of random radius and place, one in each cell of a grid."""
    generator = np.random.default_rng(1)
    n_columns = int(np.ceil(np.sqrt(n)))
    labels = np.zeros((CELL_PX * -(-n // n_columns), CELL_PX * n_columns), dtype=np.int32)
    y, x = np.mgrid[:CELL_PX, :CELL_PX]
    for number in range(n):
        row, column = divmod(number, n_columns)
        radius = generator.uniform(4, CELL_PX / 2 - 2)
        middle_y, middle_x = generator.uniform(radius, CELL_PX - radius, 2)
        cell = labels[CELL_PX * row : CELL_PX * (row + 1), CELL_PX * column : CELL_PX * (column + 1)]
        cell[(y - middle_y) ** 2 + (x - middle_x) ** 2 <= radius**2] = number + 1
    return labels


if __name__ == "__main__":
    main()
