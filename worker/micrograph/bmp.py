"""BMP: uncompressed Windows bitmaps with 8 (palette), 24 or 32 bits per pixel, as older instruments write them.

Source: Microsoft, "Bitmap Storage" (BITMAPFILEHEADER, BITMAPCOREHEADER, BITMAPINFOHEADER and its successors).
"""

import struct
from dataclasses import dataclass

import numpy as np

from worker.micrograph.container import Header, Samples, Source, damaged, unsupported_compression, unsupported_pixels

FILE_HEADER_BYTES = 14
CORE_HEADER_BYTES = 12
INFO_HEADER_BYTES = 40
MAX_INFO_HEADER_BYTES = 124  # BITMAPV5HEADER
UNCOMPRESSED = 0
BITFIELDS = 3
# Red, green and blue of a 32-bit pixel where the masks are the usual ones.
USUAL_MASKS = (0x00FF0000, 0x0000FF00, 0x000000FF)


@dataclass(frozen=True, slots=True)
class _Layout:
    width_px: int
    height_px: int
    bottom_up: bool
    bits_per_pixel: int
    pixel_offset: int
    palette_offset: int
    palette_entry_bytes: int

    @property
    def row_bytes(self) -> int:
        """Rows are padded to multiples of four bytes."""
        return (self.width_px * self.bits_per_pixel + 31) // 32 * 4


def read_bmp_header(source: Source) -> Header:
    """The header of a BMP file; raises InputError where it is damaged, cut off or of another kind."""
    layout = _read_layout(source)
    if layout.height_px and layout.width_px:
        source.read(layout.pixel_offset + layout.row_bytes * layout.height_px - 1, 1)
    return Header(
        format="BMP",
        width_px=layout.width_px,
        height_px=layout.height_px,
        channels=3,
        bit_depth=8,
        n_images=1,
        stored_bytes=layout.row_bytes * layout.height_px,
    )


def decode_bmp(source: Source) -> Samples:
    """The samples of a BMP, shape (rows, columns, 3), red first; the unused fourth byte of a 32-bit pixel is left out."""
    layout = _read_layout(source)
    raw = source.read(layout.pixel_offset, layout.row_bytes * layout.height_px)
    rows = np.frombuffer(raw, np.uint8).reshape(layout.height_px, layout.row_bytes)
    if layout.bottom_up:
        rows = rows[::-1]
    bytes_per_pixel = layout.bits_per_pixel // 8
    values = rows[:, : layout.width_px * bytes_per_pixel]
    if bytes_per_pixel == 1:
        return _read_palette(source, layout)[values]
    return np.ascontiguousarray(values.reshape(layout.height_px, layout.width_px, bytes_per_pixel)[:, :, 2::-1])


def _read_layout(source: Source) -> _Layout:
    pixel_offset, header_bytes = struct.unpack("<II", source.read(10, 8))
    if header_bytes == CORE_HEADER_BYTES:
        width, height, planes, bits = struct.unpack("<HHHH", source.read(18, 8))
        compression = UNCOMPRESSED
    elif INFO_HEADER_BYTES <= header_bytes <= MAX_INFO_HEADER_BYTES:
        width, height, planes, bits, compression = struct.unpack("<iiHHI", source.read(18, 16))
    else:
        raise damaged(f"the BMP declares a header of {header_bytes:,} bytes")
    if planes != 1 or width < 0:
        raise damaged("the BMP declares an impossible layout")
    _check_kind(source, bits, compression)
    return _Layout(
        width_px=width,
        height_px=abs(height),
        bottom_up=height > 0,
        bits_per_pixel=bits,
        pixel_offset=pixel_offset,
        palette_offset=FILE_HEADER_BYTES + header_bytes,
        palette_entry_bytes=3 if header_bytes == CORE_HEADER_BYTES else 4,
    )


def _check_kind(source: Source, bits: int, compression: int) -> None:
    if compression == BITFIELDS and bits == 32:
        # The masks lie at the same place in every header version: behind the first 40 bytes.
        if struct.unpack("<III", source.read(FILE_HEADER_BYTES + INFO_HEADER_BYTES, 12)) != USUAL_MASKS:
            raise unsupported_pixels("colours in an unusual order")
    elif compression != UNCOMPRESSED:
        raise unsupported_compression(f"BMP method {compression}")
    if bits not in {8, 24, 32}:
        raise unsupported_pixels(f"{bits} bits per pixel in a BMP")


def _read_palette(source: Source, layout: _Layout) -> Samples:
    available = max(0, layout.pixel_offset - layout.palette_offset) // layout.palette_entry_bytes
    count = min(256, available)
    if count == 0:
        raise damaged("the palette of the BMP is missing")
    raw = np.frombuffer(source.read(layout.palette_offset, count * layout.palette_entry_bytes), np.uint8)
    palette = np.zeros((256, 3), np.uint8)
    palette[:count] = raw.reshape(count, -1)[:, 2::-1]
    return palette
