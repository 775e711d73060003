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
# First byte of a pickle of protocol 2 or newer, which Python has written by default since 3.0.
PICKLE_BEGIN = b"\x80"


def read_label_array(path: Path) -> NDArray[Any]:
    """Read the array of a label file; whether it is a label map is for `worker.analysis.label_map` to say.

    Raises
    ------
    InputError
        ``unsupported_format``, ``damaged_file``, ``labels_pickled``, ``labels_several_images`` or ``labels_out_of_memory``.
    """
    readers = {".png": _read_png, ".tif": _read_tiff, ".tiff": _read_tiff, ".npy": _read_npy}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise InputError(f"{path.name} is no label map: PNG, TIFF and NPY are read.", code="unsupported_format")
    try:
        return np.asarray(reader(path))
    except DAMAGE as error:
        raise InputError(f"{path.name} cannot be read as a label map: {error}", code="damaged_file") from error
    except MemoryError as error:
        message = f"{path.name} states more pixels than fit into memory, or is damaged."
        raise InputError(message, code="labels_out_of_memory") from error


def _read_png(path: Path) -> object:
    return imagecodecs.png_decode(path.read_bytes())


def _read_tiff(path: Path) -> object:
    with tifffile.TiffFile(path) as file:
        # Images of different sizes or types are series of their own, of which only the first would be read.
        if len(file.series) > 1:
            message = f"{path.name} holds {len(file.series)} images, and a label map is one. Save each of them by itself."
            raise InputError(message, code="labels_several_images")
        return file.asarray()


def _read_npy(path: Path) -> object:
    with path.open("rb") as file:
        begin = file.read(len(np.lib.format.MAGIC_PREFIX))
        if begin[:1] == PICKLE_BEGIN or (begin == np.lib.format.MAGIC_PREFIX and _holds_objects(path)):
            raise InputError(
                f"{path.name} holds Python objects, as _seg.npy files of Cellpose do. They are not opened, because opening "
                "them can run any program. Save the masks alone: in Cellpose by File, Save masks as PNG/tif; in Python by "
                "numpy.save('labels.npy', masks).",
                code="labels_pickled",
            )
        file.seek(0)
        return np.lib.format.read_array(file, allow_pickle=False)


def _holds_objects(path: Path) -> bool:
    """Whether the header of an NPY file announces Python objects; says so without reading any."""
    with path.open("rb") as file:
        readers = {1: np.lib.format.read_array_header_1_0, 2: np.lib.format.read_array_header_2_0}
        reader = readers.get(np.lib.format.read_magic(file)[0])
        return reader is not None and bool(reader(file)[2].hasobject)
