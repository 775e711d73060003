"""Velox EMD: images of Thermo Fisher's (S)TEM software in HDF5, read frame by frame.

RosettaSciIO reads these too, but not without the spectra that lie beside the images. Layout: Data/Image/<id>/Data has the shape
(rows, columns, frames); Metadata beside it holds one JSON text for each frame.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from shared.domain import Metadata, Stage
from shared.errors import InputError
from worker.micrograph.container import Header, Samples, damaged
from worker.micrograph.header import check_index
from worker.micrograph.limits import DecodeLimits
from worker.micrograph.samples import to_samples
from worker.micrograph.statement import (
    Statement,
    kilovolts,
    moment,
    number,
    raw_fields,
    stage_or_none,
    stated,
    text_or_none,
    unless_damaged,
)
from worker.micrograph.texts import flatten

IMAGES = "Data/Image"
MAX_METADATA_BYTES = 4 * 1024**2
MAX_NAMED = 8


@dataclass(frozen=True, slots=True)
class VeloxImage:
    """One image of a file: where it lies, its header and statement, the detector's name, and what was left out."""

    name: str
    frame: int
    header: Header
    statement: Statement
    title: str
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Found:
    name: str
    shape: tuple[int, int, int]
    dtype: np.dtype[np.generic]
    fields: Mapping[str, Any]

    @property
    def n_frames(self) -> int:
        return self.shape[2]

    @property
    def detector(self) -> str:
        return text_or_none(_branch(self.fields, "BinaryResult").get("Detector")) or "without a name"

    @property
    def is_recorded(self) -> bool:
        """Whether a detector recorded it; the maps of elements have been computed from spectra."""
        return "DetectorIndex" in _branch(self.fields, "BinaryResult")


def open_velox(path: Path, size_bytes: int, index: int, limits: DecodeLimits) -> VeloxImage:
    """Choose an image of a file: detector by detector in the order of the file, each frame by frame.

    Maps that have been computed from spectra count only where no detector recorded an image.

    Raises
    ------
    InputError
        ``no_image``, ``no_such_image``, ``too_many_images``, ``damaged_file``.
    """
    try:
        with h5py.File(path, "r") as file:
            found = _images(file)
            if not found:
                raise InputError("The file holds no image, only spectra. Export the image by itself.", code="no_image")
            recorded = [image for image in found if image.is_recorded] or found
            n_images = sum(image.n_frames for image in recorded)
            check_index(index, n_images, limits)
            chosen, frame = _place(recorded, index)
            fields = _metadata_of(file[f"{IMAGES}/{chosen.name}"], frame)
    except (OSError, RuntimeError, KeyError, ValueError, AttributeError) as error:
        raise damaged("its HDF5 structure cannot be read") from error
    rows, columns, _ = chosen.shape
    header = Header(
        format="EMD",
        width_px=columns,
        height_px=rows,
        channels=1,
        bit_depth={1: 8, 2: 16}.get(chosen.dtype.itemsize, 32),
        n_images=n_images,
        stored_bytes=size_bytes,
    )
    statement = unless_damaged("Velox", lambda: _statement(fields))
    return VeloxImage(chosen.name, frame, header, statement, chosen.detector, _warnings(found, recorded))


def decode_velox(path: Path, image: VeloxImage) -> Samples:
    """The pixels of the image, shape (rows, columns)."""
    try:
        with h5py.File(path, "r") as file:
            return to_samples(file[f"{IMAGES}/{image.name}/Data"][:, :, image.frame])
    except (OSError, RuntimeError, KeyError, ValueError) as error:
        raise damaged("its pixels cannot be read") from error


def _images(file: h5py.File) -> list[_Found]:
    """Images of real numbers in the order of the file; Fourier transforms are left out."""
    found = []
    for name, group in file.get(IMAGES, {}).items():
        data = group.get("Data")
        if isinstance(data, h5py.Dataset) and data.ndim == 3 and data.dtype.names is None and data.shape[2] > 0:
            found.append(_Found(name, data.shape, data.dtype, _metadata_of(group, 0)))
    return found


def _place(images: Sequence[_Found], index: int) -> tuple[_Found, int]:
    """The stack that an image lies in, and its place there."""
    for image in images:
        if index < image.n_frames:
            return image, index
        index -= image.n_frames
    raise IndexError(index)


def _metadata_of(group: h5py.Group, frame: int) -> Mapping[str, Any]:
    """The fields of a frame, where every frame has its own, else those of all."""
    data = group.get("Metadata")
    if not isinstance(data, h5py.Dataset) or data.ndim != 2 or not data.shape[1] or data.shape[0] > MAX_METADATA_BYTES:
        return {}
    try:
        fields = json.loads(data[:, frame if frame < data.shape[1] else 0].tobytes().rstrip(b"\0"))
    except (ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}


def _statement(fields: Mapping[str, Any]) -> Statement:
    result, optics, instrument = (_branch(fields, name) for name in ("BinaryResult", "Optics", "Instrument"))
    size, position = _branch(result, "PixelSize"), _branch(fields, "Stage", "Position")
    # Seconds since 1970, UTC.
    started = number(_branch(fields, "Acquisition", "AcquisitionStartDatetime").get("DateTime"))
    return Statement(
        metadata=Metadata(
            vendor=text_or_none(instrument.get("Manufacturer")),
            model=text_or_none(instrument.get("InstrumentModel"), instrument.get("InstrumentClass")),
            voltage_kv=kilovolts(optics.get("AccelerationVoltage"), 1e-3),
            magnification=number(optics.get("NominalMagnification"))
            or number(_branch(fields, "CustomProperties", "StemMagnification").get("value")),
            detector=text_or_none(result.get("Detector")),
            acquired_at=moment(np.datetime_as_string(np.datetime64(int(started), "s"), timezone="UTC")) if started else None,
            user=text_or_none(_branch(fields, "Core").get("UserId")),
            stage=stage_or_none(
                Stage(
                    x_mm=number(position.get("x"), 1e3),
                    y_mm=number(position.get("y"), 1e3),
                    z_mm=number(position.get("z"), 1e3),
                    tilt_deg=number(_branch(fields, "Stage").get("AlphaTilt"), 180 / math.pi),
                )
            ),
            raw=raw_fields(flatten(fields)),
        ),
        pixel_width=stated(size.get("width"), text_or_none(result.get("PixelUnitX")), "BinaryResult.PixelSize.width"),
        pixel_height=stated(size.get("height"), text_or_none(result.get("PixelUnitY")), "BinaryResult.PixelSize.height"),
    )


def _warnings(found: Sequence[_Found], recorded: Sequence[_Found]) -> tuple[str, ...]:
    maps = [image.detector for image in found if image not in recorded]
    if not maps:
        return ()
    return (f"{len(maps)} maps of the file have been computed from spectra and are not read: {', '.join(maps[:MAX_NAMED])}.",)


def _branch(tree: Any, *names: str) -> Mapping[str, Any]:
    """A branch of nested mappings, empty where it is missing."""
    for name in names:
        tree = tree.get(name, {}) if isinstance(tree, Mapping) else {}
    return tree if isinstance(tree, Mapping) else {}
