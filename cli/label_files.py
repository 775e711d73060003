"""Label maps made elsewhere, read from the user's own files."""

import struct
from pathlib import Path

import imagecodecs
import numpy as np
import tifffile

from shared.domain import Labels
from shared.errors import InputError
from worker.analysis.label_map import labels_from_array

# What the readers raise for files that are cut off or hold nonsense.
DAMAGE = (OSError, ValueError, RuntimeError, EOFError, LookupError, TypeError, struct.error, tifffile.TiffFileError)


def read_labels(path: Path) -> Labels:
    """Read a label map of 8, 16 or 32 bit from PNG, TIFF or NPY.

    Raises
    ------
    InputError
        ``unsupported_format``, ``damaged_file``, or what `labels_from_array` finds wrong.
    """
    readers = {".png": _read_png, ".tif": _read_tiff, ".tiff": _read_tiff, ".npy": _read_npy}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise InputError(f"{path.name} is no label map: PNG, TIFF and NPY are read.", code="unsupported_format")
    try:
        array = np.asarray(reader(path))
    except DAMAGE as error:
        raise InputError(f"{path.name} cannot be read as a label map: {error}", code="damaged_file") from error
    return labels_from_array(array)


def _read_png(path: Path) -> object:
    return imagecodecs.png_decode(path.read_bytes())


def _read_tiff(path: Path) -> object:
    return tifffile.imread(path)


def _read_npy(path: Path) -> object:
    return np.load(path, allow_pickle=False)
