"""Times the measurement of 5,000 particles in a map of 4096 × 4096 against scikit-image with the same columns.

usage: python -m benchmarks.measurement

Both are timed in one process on one core, by the time that they compute, best of three rounds.
"""

import time
from collections.abc import Callable

import cv2
import numpy as np
from skimage.measure import perimeter_crofton, regionprops_table

from shared.arrays import FloatArray, Labels, Mask
from shared.geometry import AnalysedField
from worker.analysis.measurement.particles import measure

SIDE_PX = 4096
N_PARTICLES = 5_000
ROUNDS = 3
# The columns of ours that scikit-image has; those of the hull and the perimeter of four directions, which it has not, are extra
# functions by OpenCV. Ours are timed with all the others too: distances to neighbours, border, edge weight.
COLUMNS = (
    *("label", "area", "centroid", "equivalent_diameter_area", "feret_diameter_max", "solidity", "bbox"),
    *("axis_major_length", "axis_minor_length", "orientation", "eccentricity", "intensity_mean", "intensity_std"),
)


def particle_map() -> Labels:
    """5,000 ellipses of 8 to 26 px half axes on a jittered grid, some of which touch."""
    random = np.random.default_rng(0)
    labels = np.zeros((SIDE_PX, SIDE_PX), dtype=np.int32)
    side = int(np.ceil(np.sqrt(N_PARTICLES)))
    pitch = SIDE_PX / side
    for number in range(1, N_PARTICLES + 1):
        row, column = divmod(number - 1, side)
        centre = (np.array([column, row]) + 0.5) * pitch + random.uniform(-6, 6, 2)
        axes = random.uniform(8, 26, 2)
        cv2.ellipse(labels, centre.astype(int), axes.astype(int), random.uniform(0, 180), 0, 360, number, -1)
    return labels


def crofton(mask: Mask) -> float:
    """Perimeter of one particle by scikit-image."""
    return float(perimeter_crofton(mask, directions=4))


def hull_widths(mask: Mask) -> FloatArray:
    """Smallest and mean width of the hull of one particle, and area of the smallest rectangle around it."""
    hull = cv2.convexHull(cv2.findNonZero(mask.astype(np.uint8)))
    _, sides, _ = cv2.minAreaRect(hull)
    return np.array([min(sides), cv2.arcLength(hull, closed=True) / np.pi, sides[0] * sides[1]])


def computing_s(action: Callable[[], object]) -> float:
    """Time of the processor for an action, s: what others do on the machine meanwhile hardly counts."""
    start = time.process_time()
    action()
    return time.process_time() - start


def main() -> None:
    """Print the table."""
    cv2.setNumThreads(1)
    labels = particle_map()
    n_particles = len(np.unique(labels)) - 1
    whole = AnalysedField(0, SIDE_PX, 0, SIDE_PX)
    pixels = np.random.default_rng(1).integers(0, 256, labels.shape).astype(np.uint8)
    actions: dict[str, Callable[[], object]] = {
        "saemi measure": lambda: measure(labels, whole, 1.0, pixels=pixels),
        "regionprops_table": lambda: regionprops_table(
            labels, pixels, properties=COLUMNS, extra_properties=(crofton, hull_widths)
        ),
    }
    times_s = {name: [computing_s(action) for _ in range(ROUNDS)] for name, action in actions.items()}
    print(f"{n_particles} particles in {SIDE_PX} × {SIDE_PX}, one core, best of {ROUNDS} (median)")
    print(f"{'':24}{'s':>8}{'':10}{'particles/s':>14}")
    for name, times in times_s.items():
        print(f"{name:24}{min(times):8.2f}{f'({np.median(times):.2f})':>10}{n_particles / min(times):14.0f}")
    ours, theirs = (min(times) for times in times_s.values())
    print(f"{'ratio':24}{theirs / ours:8.1f}")


if __name__ == "__main__":
    main()
