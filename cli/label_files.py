"""Label maps made elsewhere, read from the user's own files."""

from pathlib import Path

from shared.arrays import Labels
from worker.analysis.label_map import labels_from_array
from worker.label_files import read_label_array


def read_labels(path: Path) -> Labels:
    """Read a label map of 8, 16 or 32 bit from PNG, TIFF or NPY.

    Raises
    ------
    InputError
        What `read_label_array` cannot read, or what `labels_from_array` finds wrong.
    """
    return labels_from_array(read_label_array(path))
