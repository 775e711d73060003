"""Decodes the strips or tiles of one TIFF page whose layout has been checked.

A segment that unpacks to fewer bytes than its pixels need is damage; nothing is ever filled in.
"""

from typing import Any, cast

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from worker.micrograph.container import Samples, Source, damaged, unsupported_pixels
from worker.micrograph.jpeg import parse_jpeg
from worker.micrograph.tiff import (
    DIFFERENCES,
    FLOAT_DIFFERENCES,
    JPEG,
    LZW,
    NO_COMPRESSION,
    PACKBITS,
    WHITE_IS_ZERO,
    YCBCR,
    TiffLayout,
)

AnyArray = NDArray[np.generic]

FLOAT_BITS = 32
LARGEST_EXACT = 2**24  # whole numbers up to here are exact in 32-bit floating point (IEEE 754)


def decode_tiff(source: Source, layout: TiffLayout) -> Samples:
    """The samples of a page, shape (rows, columns, channels), in the machine's byte order.

    WhiteIsZero is inverted and a palette applied; an orientation is not. Signed and 32-bit whole numbers become floating point
    where that loses nothing, else raises InputError ``unsupported_pixel_type``.
    """
    stored: Any = _read_segments(source, layout)
    if layout.palette is not None:
        return _apply_palette(stored[:, :, 0], layout.palette)
    if layout.photometric == WHITE_IS_ZERO:
        # Of unsigned numbers, the inversion of every bit is "largest value minus value".
        np.invert(stored[:, :, 0], out=stored[:, :, 0])
    if stored.dtype.kind != "f" and layout.decoded_bits == FLOAT_BITS:
        if max(abs(int(stored.min())), abs(int(stored.max()))) > LARGEST_EXACT:
            raise unsupported_pixels("whole numbers of more than 24 bits")
        stored = stored.astype(np.float32)
    return cast("Samples", stored)


def _read_segments(source: Source, layout: TiffLayout) -> AnyArray:
    """All segments in their places, shape (rows, columns, channels)."""
    shape = (layout.height_px, layout.width_px, layout.samples_per_pixel)
    stored = np.empty(shape, layout.dtype.newbyteorder("="))
    down = -(-layout.height_px // layout.segment_rows)
    across = -(-layout.width_px // layout.segment_columns)
    for index in range(len(layout.offsets)):
        plane, within = divmod(index, down * across)
        top = within // across * layout.segment_rows
        left = within % across * layout.segment_columns
        place = stored[top : top + layout.segment_rows, left : left + layout.segment_columns]
        if layout.planes > 1:
            place = place[:, :, plane : plane + 1]
        segment = _decode_segment(source, layout, index, place.shape[0])
        place[...] = segment[: place.shape[0], : place.shape[1]]
    return stored


def _decode_segment(source: Source, layout: TiffLayout, index: int, rows_used: int) -> AnyArray:
    """One segment, shape (rows, columns, channels), at least as many rows as are used of it."""
    channels = layout.samples_per_pixel // layout.planes
    rows = layout.segment_rows if layout.is_tiled else rows_used
    raw = source.read(int(layout.offsets[index]), int(layout.counts[index]))
    if layout.compression == JPEG:
        return _decode_jpeg_segment(raw, layout, (rows, layout.segment_columns, channels))
    row_bytes = layout.segment_columns * channels * layout.dtype.itemsize
    # The last strip may have been padded to full height by its writer.
    unpacked = _unpack(raw, layout.compression, row_bytes * layout.segment_rows)
    if len(unpacked) < row_bytes * rows:
        raise damaged(f"block {index + 1:,} of its pixels holds {len(unpacked):,} bytes instead of {row_bytes * rows:,}")
    values = np.frombuffer(unpacked, layout.dtype, row_bytes * rows // layout.dtype.itemsize)
    return _undo_predictor(values.reshape(rows, layout.segment_columns, channels), layout.predictor)


def _unpack(raw: bytes, compression: int, max_bytes: int) -> bytes | bytearray:
    """The bytes of a segment, never more than its full size."""
    if compression == NO_COMPRESSION:
        return raw
    room = bytearray(max_bytes)
    unpacked: bytes | bytearray
    if compression == LZW:
        unpacked = imagecodecs.lzw_decode(raw, out=room)
    elif compression == PACKBITS:
        unpacked = imagecodecs.packbits_decode(raw, out=room)
    else:
        unpacked = imagecodecs.zlib_decode(raw, out=room)
    return unpacked


def _undo_predictor(values: AnyArray, predictor: int) -> AnyArray:
    if predictor == DIFFERENCES:
        native = values.astype(values.dtype.newbyteorder("="))
        # The sum wraps around at the sample's own width, as section 14 of TIFF 6.0 wants it.
        return np.add.accumulate(native, axis=1, dtype=native.dtype)
    if predictor == FLOAT_DIFFERENCES:
        restored: AnyArray = imagecodecs.floatpred_decode(values, axis=-2)
        return restored
    return values


def _decode_jpeg_segment(raw: bytes, layout: TiffLayout, shape: tuple[int, int, int]) -> AnyArray:
    header = parse_jpeg(raw)
    if (header.height_px, header.width_px, header.channels) != shape:
        raise damaged("a JPEG block of its pixels has the wrong size")
    colours = "YCBCR" if layout.photometric == YCBCR else "RGB"
    is_colour = shape[2] == 3
    decoded: AnyArray = imagecodecs.jpeg8_decode(
        raw,
        tables=layout.jpeg_tables or None,
        colorspace=colours if is_colour else None,
        outcolorspace="RGB" if is_colour else None,
    )
    return decoded.reshape(shape)


def _apply_palette(indices: AnyArray, palette: NDArray[np.uint16]) -> Samples:
    """Colours with 8 bits; a ColorMap has 16, of which some writers fill only the lower 8."""
    full = palette if palette.max() < 256 else palette >> 8
    colours: Samples = full.astype(np.uint8)[indices]
    return colours
