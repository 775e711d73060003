"""TVIPS recordings (``.tvips``): one frame of a series of images or diffraction patterns.

Layout after the description in RosettaSciIO's documentation. The header states the pixels of the camera, not of the specimen.
"""

import struct
from dataclasses import dataclass
from datetime import UTC, datetime

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
# Number, seconds since 1970, milliseconds, look-up table, current, magnification, mode.
FRAME_HEADER = struct.Struct("<IIIIfII")
DIFFRACTION = 2
MAX_SIDE_PX = 2**20
CAMERA_WARNING = "A TVIPS recording states the pixel size of the camera only (pixelsize), not that of the specimen."
PATTERN_WARNING = "The image is a diffraction pattern (TVIPS mode 2); its pixels have no length."


@dataclass(frozen=True, slots=True)
class TvipsFrame:
    """One frame: its header, where its pixels lie, the fields of the recording, and when and in which mode it was recorded."""

    header: Header
    offset: int
    dtype: np.dtype[np.generic]
    fields: dict[str, int]
    second: int
    mode: int | None


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
    second, mode = _time_and_mode(source, offset - frame_header, frame_header)
    return TvipsFrame(header, offset, dtype, fields, second, mode)


def decode_tvips(source: Source, frame: TvipsFrame) -> Samples:
    """The pixels of the frame, shape (rows, columns)."""
    shape = (frame.header.height_px, frame.header.width_px)
    raw = source.read(frame.offset, shape[0] * shape[1] * frame.dtype.itemsize)
    return to_samples(np.frombuffer(raw, frame.dtype).reshape(shape))


def tvips_statement(frame: TvipsFrame) -> Statement:
    """The statement of a recording: it has the pixel size of the camera only, so that of the specimen is missing."""
    is_pattern = frame.mode == DIFFRACTION
    recorded_at = datetime.fromtimestamp(frame.second, UTC).isoformat() if frame.second else None
    return Statement(
        metadata=Metadata(
            vendor="TVIPS",
            voltage_kv=tvips_kilovolts(frame.fields["high_tension"]),
            # Of a diffraction pattern the field holds the camera length.
            magnification=None if is_pattern else float(frame.fields["magnification"]) or None,
            acquired_at=recorded_at,
            raw=raw_fields(frame.fields),
        ),
        warnings=(PATTERN_WARNING if is_pattern else CAMERA_WARNING,),
    )


def _time_and_mode(source: Source, offset: int, n_bytes: int) -> tuple[int, int | None]:
    """Seconds since 1970, and 1 for images, 2 for diffraction patterns; None in short headers, which do not say it."""
    if n_bytes >= FRAME_HEADER.size:
        _, second, _, _, _, _, mode = FRAME_HEADER.unpack(source.read(offset, FRAME_HEADER.size))
        return second, mode
    return (int.from_bytes(source.read(offset + 4, 4), "little"), None) if n_bytes >= FIRST_FRAME_HEADER_BYTES else (0, None)
