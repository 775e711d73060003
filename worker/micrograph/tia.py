"""TIA: ``.ser`` files with images, and the ``.emi`` beside them with what the microscope was doing.

One image of a series is read by its offset, whatever the size of the file. Layout after C. Boothroyd, "TIA (Emispec) file
format" (2009); lengths are in metres, and the lowest row is stored first.
"""

import re
import struct
from dataclasses import dataclass
from xml.etree import ElementTree as ET

import numpy as np

from shared.domain import Metadata, Stage
from shared.errors import InputError
from worker.micrograph.container import Header, Samples, Source, damaged, unsupported_pixels
from worker.micrograph.samples import to_samples
from worker.micrograph.statement import (
    Statement,
    kilovolts,
    length_mm,
    moment,
    number,
    raw_fields,
    stage_or_none,
    stated,
    text_or_none,
)
from worker.micrograph.texts import decode_text
from worker.micrograph.xml_text import parse_xml

# Behind the byte order and the mark of the format: version, kinds of data and of tags, images asked for, images recorded.
FILE_HEADER = struct.Struct("<HIIII")
FILE_HEADER_AT, OFFSETS_AT = 4, 22
SPECTRA, IMAGES = 0x4120, 0x4122
# Before this version offsets have 32 bits.
WIDE_OFFSETS_VERSION = 0x0220
# Offset, delta and element of x, the same of y, type of the pixels, columns, rows.
IMAGE_HEADER = struct.Struct("<ddiddihii")
PIXEL_TYPES = {1: "<u1", 2: "<u2", 3: "<u4", 4: "<i1", 5: "<i2", 6: "<i4", 7: "<f4", 8: "<f8"}
MAX_SIDE_PX = 2**31 - 1
# The XML of each image; the rest of the file is a binary format of unknown structure.
OBJECT = re.compile(rb"<ObjectInfo>.*?</ObjectInfo>", re.DOTALL)
MAX_EMI_BYTES = 64 * 1024**2


@dataclass(frozen=True, slots=True)
class SerImage:
    """One image of a series: where its pixels lie, what they are, and the sides of a pixel, m (1/m in diffraction)."""

    header: Header
    offset: int
    dtype: np.dtype[np.generic]
    delta_x: float
    delta_y: float


def count_ser_images(source: Source) -> int:
    """How many images a ``.ser`` file holds; raises InputError where it holds none, or spectra only."""
    _, data_type, _, _, n_valid = FILE_HEADER.unpack(source.read(FILE_HEADER_AT, FILE_HEADER.size))
    if data_type == SPECTRA:
        raise InputError("The file holds spectra, no image.", code="no_image")
    if data_type != IMAGES:
        raise damaged("it does not say whether it holds images")
    if n_valid == 0:
        raise InputError("The file holds no image: the acquisition was stopped before the first one.", code="no_image")
    return int(n_valid)


def read_ser(source: Source, index: int) -> SerImage:
    """One of the images that `count_ser_images` counts; raises InputError where it is damaged or cut off."""
    version = FILE_HEADER.unpack(source.read(FILE_HEADER_AT, FILE_HEADER.size))[0]
    offset_format = struct.Struct("<Q" if version >= WIDE_OFFSETS_VERSION else "<I")
    (offsets_at,) = offset_format.unpack(source.read(OFFSETS_AT, offset_format.size))
    (offset,) = offset_format.unpack(source.read(offsets_at + index * offset_format.size, offset_format.size))
    _, delta_x, _, _, delta_y, _, pixel_type, columns, rows = IMAGE_HEADER.unpack(source.read(offset, IMAGE_HEADER.size))
    if pixel_type not in PIXEL_TYPES:
        raise unsupported_pixels("complex numbers" if pixel_type in {9, 10} else f"pixels of unknown kind ({pixel_type})")
    if not (0 <= columns <= MAX_SIDE_PX and 0 <= rows <= MAX_SIDE_PX):
        raise damaged(f"it declares {columns:,} × {rows:,} pixels")
    dtype = np.dtype(PIXEL_TYPES[pixel_type])
    n_bytes = columns * rows * dtype.itemsize
    start = offset + IMAGE_HEADER.size
    if n_bytes:
        source.read(start + n_bytes - 1, 1)
    header = Header(
        format="SER",
        width_px=columns,
        height_px=rows,
        channels=1,
        bit_depth=min(8 * dtype.itemsize, 32),
        n_images=count_ser_images(source),
        stored_bytes=n_bytes,
    )
    return SerImage(header, start, dtype, delta_x, delta_y)


def decode_ser(source: Source, image: SerImage) -> Samples:
    """The pixels of the image, shape (rows, columns), the topmost row first."""
    shape = (image.header.height_px, image.header.width_px)
    raw = source.read(image.offset, shape[0] * shape[1] * image.dtype.itemsize)
    return to_samples(np.frombuffer(raw, image.dtype).reshape(shape)[::-1])


def ser_statement(image: SerImage, emi: Source | None, index: int) -> Statement:
    """The statement of an image, with that of the ``.emi`` beside it where there is one.

    Parameters
    ----------
    image : SerImage
        The image.
    emi : Source or None
        The ``.emi`` file.
    index : int
        Which of the objects of the ``.emi`` belongs to the image.
    """
    document = None if emi is None else _object(emi, index)
    described = {} if document is None else _described(document)
    mode = described.get("Mode", "")
    is_camera = document is not None and document.find("AcquireInfo/CameraNamePath") is not None
    # A camera behind a scanned beam records diffraction patterns.
    is_diffraction = "Diffraction" in mode if "STEM" not in mode else is_camera
    unit = "1/m" if is_diffraction else "m"
    is_damaged = emi is not None and document is None
    return Statement(
        metadata=Metadata() if document is None else _metadata(document, described),
        pixel_width=stated(image.delta_x, unit, "SER CalibrationDeltaX"),
        pixel_height=stated(image.delta_y, unit, "SER CalibrationDeltaY"),
        warnings=("The .emi file beside the image is damaged and was not read.",) if is_damaged else (),
    )


def _object(emi: Source, index: int) -> ET.Element | None:
    found = OBJECT.findall(emi.read_up_to(0, MAX_EMI_BYTES))
    if not found:
        return None
    return parse_xml(decode_text(found[index if 0 <= index < len(found) else 0]), "ObjectInfo")


def _described(document: ET.Element) -> dict[str, str]:
    """Label and value, with its unit behind it, of the description of the experiment."""
    return {
        (data.findtext("Label") or "").strip(): f"{data.findtext('Value') or ''} {data.findtext('Unit') or ''}".strip()
        for data in document.iter("Data")
        if data.findtext("Label")
    }


def _metadata(document: ET.Element, described: dict[str, str]) -> Metadata:
    return Metadata(
        vendor=text_or_none(document.findtext("Manufacturer")) or "FEI",
        model=text_or_none(described.get("Microscope", "").removeprefix("Microscope ")),
        voltage_kv=kilovolts(described.get("High tension"), 1.0),
        magnification=number(described.get("Magnification")),
        detector=text_or_none(
            document.findtext("AcquireInfo/CameraNamePath"), document.findtext("AcquireInfo/DetectorNamePath")
        ),
        acquired_at=moment(document.findtext("AcquireDate")),
        user=text_or_none(described.get("User")),
        stage=stage_or_none(
            Stage(
                x_mm=length_mm(described.get("Stage X")),
                y_mm=length_mm(described.get("Stage Y")),
                z_mm=length_mm(described.get("Stage Z")),
                tilt_deg=number(described.get("Stage A")),
            )
        ),
        raw=raw_fields(described),
    )
