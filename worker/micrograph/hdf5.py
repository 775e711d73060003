"""Tells apart the formats that are built on HDF5."""

from pathlib import Path
from typing import Any, Literal

import h5py

from shared.errors import InputError
from worker.micrograph.container import damaged

Hdf5Format = Literal["EMD", "NeXus", "HyperSpy"]


def hdf5_format(path: Path) -> Literal["Velox"] | Hdf5Format:
    """Which format an HDF5 file has; raises InputError ``unsupported_format`` for any other, ``damaged_file``."""
    try:
        with h5py.File(path, "r") as file:
            found = _format(file)
    except (OSError, RuntimeError, KeyError, ValueError) as error:
        raise damaged("its HDF5 structure cannot be read") from error
    if found is None:
        raise InputError(
            "The file is HDF5, but neither EMD (Velox or Berkeley) nor NeXus nor HyperSpy. Export the image as TIFF.",
            code="unsupported_format",
            seems_to_be="an HDF5 file",
        )
    return found


def unpacked_bytes(path: Path) -> int:
    """What all numbers of a file take in memory; raises InputError ``damaged_file``."""
    sizes: list[int] = []

    def add(_: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            sizes.append(item.nbytes)

    try:
        with h5py.File(path, "r") as file:
            file.visititems(add)
    except (OSError, RuntimeError, KeyError, ValueError) as error:
        raise damaged("its HDF5 structure cannot be read") from error
    return sum(sizes)


def _format(file: h5py.File) -> Literal["Velox"] | Hdf5Format | None:
    if "Experiments" in file and "file_format" in file.attrs:
        return "HyperSpy"
    if "Data" in file and "Version" in file:
        return "Velox"
    if "version_major" in file.attrs or _has_attribute(file, "emd_group_type"):
        return "EMD"
    return "NeXus" if _has_attribute(file, "NX_class") else None


def _has_attribute(file: h5py.File, name: str) -> bool:
    """Whether a group in the first two levels has an attribute."""
    first: list[Any] = [item for item in file.values() if isinstance(item, h5py.Group)]
    second = [item for group in first for item in group.values() if isinstance(item, h5py.Group)]
    return any(name in group.attrs for group in (file, *first, *second))
