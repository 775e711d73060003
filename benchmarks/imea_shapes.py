"""Measures masks with imea: run by `benchmarks.shapes` with an interpreter that has it, which this project's has not.

usage: PYTHON imea_shapes.py MASKS.npz

Prints a JSON list with one object of imea's measurements for each mask of the file.
"""

import json
import sys

import imea.extract
import numpy as np


def main() -> None:
    """Measure and print."""
    masks = np.load(sys.argv[1])
    found = []
    for name in masks.files:
        (row,) = imea.extract.shape_measurements_2d(masks[name]).to_dict("records")
        found.append({key: float(value) for key, value in row.items()})
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
