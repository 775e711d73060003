"""Compares what SAEMI measures with scikit-image and imea on the same masks, and prints the table of docs/design.md.

usage: python -m benchmarks.shapes [--imea PYTHON]

PYTHON is the interpreter of an environment with imea, which brings along another build of OpenCV than SAEMI has and so has to
stand beside it:

    python3 -m venv imea && imea/bin/python -m pip install imea==0.3.5 setuptools==65.5.0
"""

import argparse
import json
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from skimage.measure import perimeter_crofton, regionprops
from skimage.morphology import convex_hull_image

from shared.arrays import FloatArray, Labels, Mask
from shared.geometry import AnalysedField
from worker.analysis.measurement.particles import measure

N_OF_EACH_KIND = 15
SMALLEST_PX, LARGEST_PX = 8.0, 60.0
Row = dict[str, Any]
Reading = Callable[[Row], float]


@dataclass(frozen=True)
class Comparison:
    """One line of the table: what is read from each program, and why they differ; None where a program has no such number."""

    quantity: str
    saemi: Reading
    skimage: tuple[str, Reading] | None
    imea: tuple[str, Reading] | None
    why: str


def column(name: str) -> Reading:
    """Read a number as it stands."""
    return lambda row: float(row[name])


def named(name: str) -> tuple[str, Reading]:
    """Name of a number with its reading."""
    return name, column(name)


HULL_OF_EDGES = "their hull goes through the middles of pixel edges and takes in more pixels"
POINTS = "their pixels are points: the square of an axis is 16/12 px² smaller"
WHOLE_PIXELS = "imea turns the mask by steps of 9°, misses the direction by up to 4.5°, and counts whole pixels"
BENKRID = "imea has the perimeter of scikit-image's `perimeter`, a path along the border pixels' centres"
COMPARISONS = (
    Comparison("area_px", column("area_px"), named("area"), named("area_projection"), "same"),
    Comparison("ecd_px", column("ecd_px"), named("equivalent_diameter_area"), named("diameter_equal_area"), "same"),
    Comparison("perimeter_px", column("perimeter_px"), named("perimeter_crofton"), named("perimeter"), BENKRID),
    Comparison("major_axis_px", column("major_axis_px"), named("axis_major_length"), named("major_axis_length"), POINTS),
    Comparison("minor_axis_px", column("minor_axis_px"), named("axis_minor_length"), named("minor_axis_length"), POINTS),
    Comparison(
        "√(minor_axis_px² − 16/12)",
        lambda row: (row["minor_axis_px"] ** 2 - 16 / 12) ** 0.5,
        named("axis_minor_length"),
        named("minor_axis_length"),
        "same, without the extent of a pixel",
    ),
    Comparison(
        "feret_max_px",
        column("feret_max_px"),
        named("feret_diameter_max"),
        named("feret_max"),
        f"scikit-image measures between pixel corners and edges; {WHOLE_PIXELS}",
    ),
    Comparison("feret_min_px", column("feret_min_px"), None, named("feret_min"), WHOLE_PIXELS),
    Comparison("feret_mean_px", column("feret_mean_px"), None, named("feret_mean"), WHOLE_PIXELS),
    Comparison(
        "aspect_ratio",
        column("aspect_ratio"),
        None,
        ("feret_min / feret_max", lambda row: row["feret_min"] / row["feret_max"]),
        WHOLE_PIXELS,
    ),
    Comparison(
        "circularity",
        column("circularity"),
        ("4π·area / perimeter_crofton²", lambda row: 4 * np.pi * row["area"] / row["perimeter_crofton"] ** 2),
        ("4π·area / perimeter²", lambda row: 4 * np.pi * row["area_projection"] / row["perimeter"] ** 2),
        BENKRID,
    ),
    Comparison(
        "roundness",
        column("roundness"),
        ("4·area / (π·feret²)", lambda row: 4 * row["area"] / (np.pi * row["feret_diameter_max"] ** 2)),
        ("4·area / (π·feret²)", lambda row: 4 * row["area_projection"] / (np.pi * row["feret_max"] ** 2)),
        "as feret_max_px, squared",
    ),
    Comparison(
        "solidity",
        column("solidity"),
        named("solidity"),
        ("area / area_convex", lambda row: row["area_projection"] / row["area_convex"]),
        HULL_OF_EDGES,
    ),
    Comparison("solidity", column("solidity"), named("area / convex_hull_image"), None, "same, with the hull of pixel centres"),
    Comparison(
        "convexity",
        column("convexity"),
        None,
        ("convex_perimeter / perimeter", lambda row: row["convex_perimeter"] / row["perimeter"]),
        f"{BENKRID}, of the hull too",
    ),
    Comparison(
        "extent",
        column("extent"),
        None,
        ("area / (length · width)_min_bb", lambda row: row["area_projection"] / (row["length_min_bb"] * row["width_min_bb"])),
        "imea adds a whole pixel to both sides of the rectangle, SAEMI the distance of the lattice lines in its direction",
    ),
    Comparison("eccentricity", column("eccentricity"), named("eccentricity"), None, POINTS),
    Comparison("mean_intensity", column("mean_intensity"), named("intensity_mean"), None, "same"),
    Comparison("sd_intensity", column("sd_intensity"), named("intensity_std"), None, "same"),
)


def drawn_masks() -> list[Mask]:
    """Ellipses, rectangles, rings and pairs of overlapping discs of 8 to 60 px, at random positions and angles."""
    random = np.random.default_rng(0)
    side = int(4 * LARGEST_PX) + 8
    grid_y, grid_x = np.mgrid[:side, :side] - side / 2
    masks = []
    for _ in range(N_OF_EACH_KIND):
        y, x = grid_y - random.uniform(-0.5, 0.5), grid_x - random.uniform(-0.5, 0.5)
        angle, ratio = random.uniform(0, np.pi), random.uniform(0.4, 1)
        large = np.exp(random.uniform(np.log(SMALLEST_PX), np.log(LARGEST_PX)))
        along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
        distance, beside = np.hypot(y, x), np.hypot(across, along - 1.2 * large)
        masks += [
            (along / large) ** 2 + (across / (ratio * large)) ** 2 <= 1,
            (abs(along) <= large) & (abs(across) <= ratio * large),
            (distance <= large) & (distance >= ratio * large - 2),
            (distance <= large) | (beside <= ratio * large),
        ]
    return [_cut(mask) for mask in masks]


def _cut(mask: Mask) -> Mask:
    """Cut to the particle with a margin of two pixels."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return mask[rows[0] - 2 : rows[-1] + 3, columns[0] - 2 : columns[-1] + 3]


def by_saemi(mask: Mask, pixels: FloatArray) -> Row:
    """All columns of the one particle."""
    labels: Labels = mask.astype(np.int32)
    table = measure(labels, AnalysedField(0, mask.shape[0], 0, mask.shape[1]), None, pixels=pixels)
    return {name: values[0] for name in table.__slots__ if (values := getattr(table, name)) is not None}


def by_skimage(mask: Mask, pixels: FloatArray) -> Row:
    """The numbers that are compared."""
    (region,) = regionprops(mask.astype(np.uint8), pixels)
    names = {comparison.skimage[0] for comparison in COMPARISONS if comparison.skimage}
    found: Row = {name: region[name] for name in (*names, "area") if name.isidentifier() and name != "perimeter_crofton"}
    found["perimeter_crofton"] = perimeter_crofton(mask, directions=4)
    found["area / convex_hull_image"] = region.area / convex_hull_image(mask, offset_coordinates=False).sum()
    return found


def by_imea(masks: list[Mask], python: str) -> list[Row]:
    """Have another interpreter measure."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "masks.npz"
        np.savez(path, *masks)
        script = Path(__file__).with_name("imea_shapes.py")
        answer = subprocess.run([python, str(script), str(path)], check=True, capture_output=True, text=True)
    rows: list[Row] = json.loads(answer.stdout)
    return rows


def largest_difference(ours: list[Row], saemi: Reading, theirs: list[Row], reading: Reading) -> str:
    """Largest relative difference, in percent; nothing below a millionth of a percent is one."""
    pairs = [(saemi(one), reading(other)) for one, other in zip(ours, theirs, strict=True)]
    largest = max(abs(mine - other) / max(abs(other), np.finfo(float).tiny) for mine, other in pairs)
    return "0" if largest < 1e-8 else f"{100 * largest:.2g} %"


def main() -> None:
    """Print the table, as Markdown."""
    parser = argparse.ArgumentParser(description="SAEMI's measurements beside those of scikit-image and imea.")
    parser.add_argument("--imea", metavar="PYTHON", help="interpreter of an environment with imea")
    python = parser.parse_args().imea
    masks = drawn_masks()
    random = np.random.default_rng(1)
    pictures = [random.normal(120, 15, mask.shape) for mask in masks]
    ours = [by_saemi(*pair) for pair in zip(masks, pictures, strict=True)]
    theirs = [by_skimage(*pair) for pair in zip(masks, pictures, strict=True)]
    others = by_imea(masks, python) if python else None
    print(f"{len(masks)} masks\n")
    print("| SAEMI | scikit-image | largest difference | imea | largest difference | why |\n|---|---|---|---|---|---|")
    for line in COMPARISONS:
        cells = [f"`{line.quantity}`"]
        for source, rows in ((line.skimage, theirs), (line.imea, others)):
            if source is None or rows is None:
                cells += ["–", "–" if source is None else "not run"]
            else:
                cells += [f"`{source[0]}`", largest_difference(ours, line.saemi, rows, source[1])]
        print("| " + " | ".join([*cells, line.why]) + " |")


if __name__ == "__main__":
    main()
