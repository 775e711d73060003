"""TVIPS recordings (``.tvips``): one frame of a series of images or diffraction patterns.

Layout after the description in RosettaSciIO's documentation. The header states the pixels of the camera, not of the specimen.
"""

import struct
from dataclasses import dataclass

import numpy as np

from shared.domain import Metadata
from worker.micrograph.container import Header, Samples, Source, damaged, unsupported_pixels
from worker.micrograph.header import check_index
from worker.micrograph.instruments.tif_fields import tvips_kilovolts
from worker.micrograph.limits import DecodeLimits
from worker.micrograph.samples import to_samples
from worker.micrograph.statement import Statement, raw_fields

GENERAL_HEADER = struct.Struct("<13I")
FIELDS = (
    "size", "version", "columns", "rows", "bits_per_pixel", "offset_x", "offset_y", "binning_x", "binning_y",
    "camera_pixel_nm", "high_tension", "magnification", "frame_header_bytes",
)  # fmt: skip
FIRST_FRAME_HEADER_BYTES = 12  # of version 1, which does not state it
MAX_SIDE_PX = 2**20


@dataclass(frozen=True, slots=True)
class TvipsFrame:
    """One frame: its header, where its pixels lie, and the fields of the recording."""

    header: Header
    offset: int
    dtype: np.dtype[np.generic]
    fields: dict[str, int]


def read_tvips_recording(source: Source, index: int, limits: DecodeLimits) -> TvipsFrame:
    """One frame of a recording; raises InputError where it is damaged or cut off, or has no such frame."""
    fields = dict(zip(FIELDS, GENERAL_HEADER.unpack(source.read(0, GENERAL_HEADER.size)), strict=True))
    if fields["bits_per_pixel"] not in {8, 16}:
        raise unsupported_pixels(f"{fields['bits_per_pixel']} bits per pixel")
    if max(fields["columns"], fields["rows"]) > MAX_SIDE_PX:
        raise damaged(f"it declares {fields['columns']:,} × {fields['rows']:,} pixels")
    dtype = np.dtype(f"<u{fields['bits_per_pixel'] // 8}")
    frame_header = fields["frame_header_bytes"] if fields["version"] > 1 else FIRST_FRAME_HEADER_BYTES
    n_bytes = fields["columns"] * fields["rows"] * dtype.itemsize
    n_images = max((source.size_bytes - fields["size"]) // max(frame_header + n_bytes, 1), 1)
    check_index(index, n_images, limits)
    offset = fields["size"] + index * (frame_header + n_bytes) + frame_header
    if n_bytes:
        source.read(offset + n_bytes - 1, 1)
    header = Header(
        format="TVIPS",
        width_px=fields["columns"],
        height_px=fields["rows"],
        channels=1,
        bit_depth=fields["bits_per_pixel"],
        n_images=n_images,
        stored_bytes=n_bytes,
    )
    return TvipsFrame(header, offset, dtype, fields)


def decode_tvips(source: Source, frame: TvipsFrame) -> Samples:
    """The pixels of the frame, shape (rows, columns)."""
    shape = (frame.header.height_px, frame.header.width_px)
    raw = source.read(frame.offset, shape[0] * shape[1] * frame.dtype.itemsize)
    return to_samples(np.frombuffer(raw, frame.dtype).reshape(shape))


def tvips_statement(frame: TvipsFrame) -> Statement:
    """The statement of a recording: it has the pixel size of the camera only, so that of the specimen is missing."""
    return Statement(
        metadata=Metadata(
            vendor="TVIPS",
            voltage_kv=tvips_kilovolts(frame.fields["high_tension"]),
            magnification=float(frame.fields["magnification"]) or None,
            raw=raw_fields(frame.fields),
        ),
        warnings=("A TVIPS recording states the pixel size of the camera only (pixelsize), not that of the specimen.",),
    )
