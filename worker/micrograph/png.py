"""PNG: the chunks up to the last one are checked, then libpng decodes.

Source: Portable Network Graphics (PNG) Specification, Third Edition, W3C, 2025.
"""

import struct
from collections.abc import Mapping
from types import MappingProxyType

import imagecodecs

from worker.micrograph.container import Header, Samples, Source, damaged

SIGNATURE_LENGTH = 8
CHUNK_OVERHEAD = 12  # length, name, checksum
IHDR_LENGTH = 13

# Colour type: channels after the palette is applied, allowed bit depths (table 11.1 of the specification).
COLOUR_TYPES: Mapping[int, tuple[int, frozenset[int]]] = MappingProxyType(
    {
        0: (1, frozenset({1, 2, 4, 8, 16})),
        2: (3, frozenset({8, 16})),
        3: (3, frozenset({1, 2, 4, 8})),
        4: (2, frozenset({8, 16})),
        6: (4, frozenset({8, 16})),
    }
)


def read_png_header(source: Source) -> Header:
    """The header of a PNG file; raises InputError ``truncated_file`` or ``damaged_file``."""
    name, length = _chunk(source, SIGNATURE_LENGTH)
    if name != b"IHDR" or length != IHDR_LENGTH:
        raise damaged("the PNG does not begin with its header")
    width, height, depth, colour_type = struct.unpack(">IIBB", source.read(SIGNATURE_LENGTH + 8, 10))
    channels, depths = COLOUR_TYPES.get(colour_type, (0, frozenset()))
    if depth not in depths:
        raise damaged(f"the PNG declares colour type {colour_type} with {depth} bits")
    n_frames, stored_bytes, has_transparency = _walk_chunks(source)
    if stored_bytes == 0:
        raise damaged("the PNG holds no pixels")
    return Header(
        format="PNG",
        width_px=width,
        height_px=height,
        channels=channels + 1 if has_transparency and channels in {1, 3} else channels,
        bit_depth=16 if depth == 16 else 8,
        n_images=1,
        stored_bytes=stored_bytes,
        n_left_out=n_frames - 1,
    )


def decode_png(source: Source, header: Header) -> Samples:
    """The samples of a PNG, shape (rows, columns) or (rows, columns, channels).

    16 bits stay 16 bits with any number of channels, which Pillow would reduce to 8.
    """
    samples: Samples = imagecodecs.png_decode(source.read(0, source.size_bytes))
    expected = (header.height_px, header.width_px, header.channels)
    if samples.shape != (expected if header.channels > 1 else expected[:2]) or samples.itemsize * 8 != header.bit_depth:
        raise damaged("the pixels of the PNG do not fit its header")
    return samples


def _walk_chunks(source: Source) -> tuple[int, int, bool]:
    n_frames, stored_bytes, has_transparency = 1, 0, False
    offset, name = SIGNATURE_LENGTH, b""
    while name != b"IEND":
        name, length = _chunk(source, offset)
        if name == b"IDAT":
            stored_bytes += length
        elif name == b"tRNS":
            has_transparency = True
        elif name == b"acTL" and length >= 4:
            n_frames = max(1, int.from_bytes(source.read(offset + 8, 4), "big"))
        offset += CHUNK_OVERHEAD + length
    return n_frames, stored_bytes, has_transparency


def _chunk(source: Source, offset: int) -> tuple[bytes, int]:
    """Name and length of a chunk that lies in the file as a whole."""
    length, name = struct.unpack(">I4s", source.read(offset, 8))
    if not name.isalpha():
        raise damaged(f"at byte {offset:,} something other than a PNG chunk was found")
    source.read(offset + 8 + length, 4)
    return name, length
