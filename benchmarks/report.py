"""How long the report and the figures of 100 images take, with 500 particles each.

usage: python -m benchmarks.report [--images N] [--keep FOLDER]

The images are drawn and measured before the clock starts; label maps and previews are read from their files, as a worker reads
them, while it runs.
"""

import argparse
import tempfile
import time
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from shared.arrays import GreyImage, Labels
from shared.geometry import AnalysedField
from worker.analysis.measurement.particles import measure
from worker.files import encode_png
from worker.label_files import read_label_array
from worker.outputs import figures, report
from worker.outputs.content import AnalysedImage, Choices, Content

ROWS, COLUMNS = 768, 1024
# Particles stand in a lattice of so many rows and columns, each moved a little.
LATTICE = (20, 25)
NM_PER_PX = 0.5
FIELD = AnalysedField(0, ROWS, 0, COLUMNS)


def main() -> None:
    """Write both outputs and print how long each took."""
    parser = argparse.ArgumentParser(description="Time of report and figures.")
    parser.add_argument("--images", type=int, default=100)
    parser.add_argument("--keep", type=Path, help="Folder for the files that are written.")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        images = [drawn_image(number, Path(temporary)) for number in range(1, arguments.images + 1)]
        content = Content("Drawn particles", images, (), Choices(), "python -m benchmarks.report")
        for name, write in (("report.pdf", report.write), ("figures.zip", figures.write)):
            wall, processor = time.perf_counter(), time.process_time()
            write(content, folder / name, lambda _: None)
            wall, processor = time.perf_counter() - wall, time.process_time() - processor
            size_mib = (folder / name).stat().st_size / 2**20
            print(f"{name} of {len(images)} images: {wall:.1f} s, {processor:.1f} s of processor time, {size_mib:.1f} MiB")


def drawn_image(number: int, folder: Path) -> AnalysedImage:
    """Draw and measure one image, and store its label map and preview as files."""
    grey, labels = drawn(number)
    particles = measure(labels, FIELD, NM_PER_PX, (), grey)
    stem = f"drawn-{number:04d}"
    np.save(folder / f"{stem}.npy", labels)
    (folder / f"{stem}.png").write_bytes(encode_png(grey))
    record = {
        "width_px": COLUMNS,
        "height_px": ROWS,
        "nm_per_px": NM_PER_PX,
        "calibration_source": "manual",
        "calibration_status": "ok",
        "field_top": 0,
        "field_bottom": ROWS,
        "field_left": 0,
        "field_right": COLUMNS,
        "n_particles": len(particles),
        "n_touching_border": int(particles.touches_border.sum()),
        "n_low_confidence": None,
        "model_name": None,
        "model_version": None,
        "model_sha256": None,
    }
    return AnalysedImage(
        name=f"{stem}.tif",
        stem=stem,
        record=record,
        particles=lambda: particles,
        labels=partial(read_label_array, folder / f"{stem}.npy"),
        preview=partial(cv2.imread, str(folder / f"{stem}.png"), cv2.IMREAD_GRAYSCALE),  # type: ignore[arg-type]
    )


def drawn(seed: int) -> tuple[GreyImage, Labels]:
    """Bright ellipses of log-normal size on a noisy ground, none on another, and their label map."""
    random = np.random.default_rng(seed)
    labels = np.zeros((ROWS, COLUMNS), dtype=np.int32)
    rows, columns = LATTICE
    cell_y, cell_x = ROWS / rows, COLUMNS / columns
    for number in range(rows * columns):
        row, column = divmod(number, columns)
        radius = min(float(np.exp(random.normal(np.log(9), 0.25))), 0.4 * min(cell_y, cell_x))
        centre = (column + 0.5 + random.uniform(-0.1, 0.1)) * cell_x, (row + 0.5 + random.uniform(-0.1, 0.1)) * cell_y
        axes = radius * 1.1, radius / 1.1
        x, y = (round(value * 16) for value in centre)
        sizes = tuple(round(value * 16) for value in axes)
        cv2.ellipse(labels, (x, y), sizes, random.uniform(0, 180), 0, 360, number + 1, cv2.FILLED, shift=4)
    grey = np.clip(60 + 110 * (labels > 0) + random.normal(0, 12, labels.shape), 0, 255).astype(np.uint8)
    return grey, labels


if __name__ == "__main__":
    main()
