"""Label maps made elsewhere, as arrays of whatever type and shape their files hold; PNG, TIFF and NPY."""

import struct
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import tifffile
from numpy.typing import NDArray

from shared.errors import InputError

# What the readers raise for files that are cut off or hold nonsense.
DAMAGE = (OSError, ValueError, RuntimeError, EOFError, LookupError, TypeError, struct.error, tifffile.TiffFileError)


def read_label_array(path: Path) -> NDArray[Any]:
    """Read the array of a label file; whether it is a label map is for `worker.analysis.label_map` to say.

    Raises
    ------
    InputError
        ``unsupported_format`` or ``damaged_file``.
    """
    readers = {".png": _read_png, ".tif": _read_tiff, ".tiff": _read_tiff, ".npy": _read_npy}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise InputError(f"{path.name} is no label map: PNG, TIFF and NPY are read.", code="unsupported_format")
    try:
        return np.asarray(reader(path))
    except DAMAGE as error:
        raise InputError(f"{path.name} cannot be read as a label map: {error}", code="damaged_file") from error


def _read_png(path: Path) -> object:
    return imagecodecs.png_decode(path.read_bytes())


def _read_tiff(path: Path) -> object:
    return tifffile.imread(path)


def _read_npy(path: Path) -> object:
    return np.load(path, allow_pickle=False)
