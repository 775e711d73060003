"""TIFF: what the page of the image declares, judged against the size of the file before anything is decoded.

Every strip and tile must lie in the file as a whole, and only the listed compressions and kinds of pixels pass.
Sources: Adobe, "TIFF Revision 6.0" (1992); Adobe Photoshop TIFF Technical Notes (2002) for Deflate; Technical Note 3 (2005) for
the floating-point predictor.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from worker.micrograph.container import Source, damaged, truncated, unsupported_compression, unsupported_pixels
from worker.micrograph.tiff_directory import Directory

NO_COMPRESSION, LZW, JPEG, ADOBE_DEFLATE, DEFLATE, PACKBITS = 1, 5, 7, 8, 32946, 32773
READABLE_COMPRESSIONS = frozenset({NO_COMPRESSION, LZW, JPEG, ADOBE_DEFLATE, DEFLATE, PACKBITS})
OTHER_COMPRESSIONS: Mapping[int, str] = MappingProxyType(
    {2: "CCITT fax coding", 3: "CCITT fax coding", 4: "CCITT fax coding", 6: "old-style JPEG", 34712: "JPEG 2000",
     34887: "LERC", 34925: "LZMA", 50000: "Zstandard", 50001: "WebP", 50002: "JPEG XL"}
)  # fmt: skip
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, YCBCR = 0, 1, 2, 3, 6
OTHER_COLOURS: Mapping[int, str] = MappingProxyType(
    {4: "a transparency mask", 5: "the printing colours CMYK", 8: "Lab colours", 9: "Lab colours", 10: "Lab colours",
     32803: "the raw colour mosaic of a camera", 32844: "LogLuv colours", 32845: "LogLuv colours"}
)  # fmt: skip
SAMPLE_KINDS: Mapping[int, str] = MappingProxyType(
    {1: "whole numbers", 2: "signed numbers", 3: "floating-point numbers", 4: "numbers of unknown kind",
     5: "complex numbers", 6: "complex numbers"}
)  # fmt: skip
# Sample format and bits. Digital Micrograph writes signed and 32-bit whole numbers; they become floating point.
READABLE_SAMPLES: Mapping[tuple[int, int], str] = MappingProxyType(
    {(1, 8): "u1", (4, 8): "u1", (1, 16): "u2", (4, 16): "u2", (3, 32): "f4",
     (2, 16): "i2", (2, 32): "i4", (1, 32): "u4"}
)  # fmt: skip
CHUNKY, PLANAR = 1, 2
NO_PREDICTOR, DIFFERENCES, FLOAT_DIFFERENCES = 1, 2, 3
PALETTE_SIZE = 256
# A side that needs more than 31 bits is nonsense, and its products would overflow 64 bits.
MAX_SIDE_PX = 2**31 - 1


@dataclass(frozen=True, slots=True)
class TiffLayout:
    """Where and how a page keeps its pixels.

    Segments are strips or tiles, row by row, one plane after the other where ``planes`` is more than 1.

    Attributes
    ----------
    dtype : dtype
        Of one sample, in the byte order of the file.
    samples_per_pixel : int
        Values of one pixel as stored (a palette index counts 1).
    planes : int
        1, or ``samples_per_pixel`` where every channel is stored on its own.
    segment_rows, segment_columns : int
        Size of a strip or tile, px.
    offsets, counts : ndarray of uint64, shape (segments,)
        Byte ranges of the segments in the file.
    palette : ndarray of uint16, shape (256, 3), or None
        Colours of the palette indices.
    """

    width_px: int
    height_px: int
    dtype: np.dtype[np.generic]
    samples_per_pixel: int
    planes: int
    photometric: int
    compression: int
    predictor: int
    is_tiled: bool
    segment_rows: int
    segment_columns: int
    offsets: NDArray[np.uint64]
    counts: NDArray[np.uint64]
    palette: NDArray[np.uint16] | None
    jpeg_tables: bytes
    orientation: int

    @property
    def decoded_bits(self) -> int:
        """Bits of a sample in the vocabulary: 8 and 16 stay, everything else becomes 32-bit floating point."""
        return {"u1": 8, "u2": 16}.get(self.dtype.str[1:], 32)

    @property
    def is_empty(self) -> bool:
        """Whether a side is zero."""
        return self.width_px == 0 or self.height_px == 0


def read_tiff_layout(source: Source, page: Directory) -> TiffLayout:
    """The layout of a page; raises InputError where it is damaged, cut off or of another kind."""
    width, height = page.integer(256, 0), page.integer(257, 0)
    if max(width, height) > MAX_SIDE_PX:
        raise damaged(f"it declares {width:,} × {height:,} pixels")
    photometric, samples, dtype = _pixel_kind(page)
    compression = _compression(page, dtype)
    is_tiled = bool(len(page.integers(324)))
    rows, columns = _segment_size(page, width, height)
    layout = TiffLayout(
        width_px=width,
        height_px=height,
        dtype=dtype,
        samples_per_pixel=samples,
        planes=samples if page.integer(284, CHUNKY) == PLANAR else 1,
        photometric=photometric,
        compression=compression,
        predictor=_predictor(page, compression, dtype),
        is_tiled=is_tiled,
        segment_rows=rows,
        segment_columns=columns,
        offsets=page.integers(324 if is_tiled else 273),
        counts=page.integers(325 if is_tiled else 279),
        palette=_palette(page) if photometric == PALETTE else None,
        jpeg_tables=page.raw(347),
        orientation=page.integer(274, 1),
    )
    return layout if layout.is_empty else _with_checked_segments(layout, source)


def _pixel_kind(page: Directory) -> tuple[int, int, np.dtype[np.generic]]:
    """Photometric interpretation, samples per pixel and sample type."""
    samples = page.integer(277, 1)
    photometric = page.integer(262, RGB if samples >= 3 else BLACK_IS_ZERO)
    if photometric in OTHER_COLOURS:
        raise unsupported_pixels(OTHER_COLOURS[photometric])
    n_colours = {WHITE_IS_ZERO: 1, BLACK_IS_ZERO: 1, PALETTE: 1, RGB: 3, YCBCR: 3}.get(photometric)
    if n_colours is None:
        raise unsupported_pixels(f"colours of unknown kind ({photometric})")
    if not n_colours <= samples <= n_colours + 1 or (photometric == PALETTE and samples != 1):
        raise unsupported_pixels(f"{samples:,} channels")
    bits, kinds = set(page.integers(258).tolist()) or {1}, set(page.integers(339).tolist()) or {1}
    if len(bits) > 1 or len(kinds) > 1:
        raise unsupported_pixels("channels of different depth")
    bit_depth, kind = bits.pop(), kinds.pop()
    code = READABLE_SAMPLES.get((kind, bit_depth))
    if code is None or page.integer(266, 1) != 1:
        raise unsupported_pixels(f"{bit_depth:,}-bit {SAMPLE_KINDS.get(kind, 'numbers of unknown kind')}")
    if (photometric in {PALETTE, YCBCR} and code != "u1") or (photometric == WHITE_IS_ZERO and code not in {"u1", "u2"}):
        raise unsupported_pixels(f"an unusual combination of {bit_depth} bits and colours")
    return photometric, samples, np.dtype(page.directories.byte_order + code)


def _compression(page: Directory, dtype: np.dtype[np.generic]) -> int:
    compression = page.integer(259, NO_COMPRESSION)
    if compression not in READABLE_COMPRESSIONS:
        raise unsupported_compression(OTHER_COMPRESSIONS.get(compression, f"TIFF method {compression}"))
    if compression == JPEG and dtype.itemsize != 1:
        raise unsupported_compression("JPEG of more than 8 bits")
    if compression != JPEG and page.integer(262, BLACK_IS_ZERO) == YCBCR:
        raise unsupported_pixels("YCbCr colours without JPEG")
    return compression


def _predictor(page: Directory, compression: int, dtype: np.dtype[np.generic]) -> int:
    """The predictor in force; it belongs to LZW and Deflate and means nothing elsewhere (section 14)."""
    predictor = page.integer(317, NO_PREDICTOR)
    if compression not in {LZW, ADOBE_DEFLATE, DEFLATE} or predictor == NO_PREDICTOR:
        return NO_PREDICTOR
    if predictor != (FLOAT_DIFFERENCES if dtype.kind == "f" else DIFFERENCES):
        raise unsupported_compression(f"TIFF predictor {predictor}")
    return predictor


def _segment_size(page: Directory, width: int, height: int) -> tuple[int, int]:
    """Rows and columns of a strip or tile."""
    if not len(page.integers(324)):
        rows = page.integer(278, height)
        return (min(rows, height) or height), width
    columns, rows = page.integer(322, 0), page.integer(323, 0)
    # Tile sides are multiples of 16 (section 15); far larger than the image they only waste memory.
    if not (0 < columns <= 2 * width + 4096 and 0 < rows <= 2 * height + 4096):
        raise damaged(f"its tiles are said to be {columns:,} × {rows:,} pixels large")
    return rows, columns


def _palette(page: Directory) -> NDArray[np.uint16]:
    values = page.integers(320)
    if len(values) != 3 * PALETTE_SIZE:
        raise damaged("its palette is incomplete")
    return values.astype(np.uint16).reshape(3, PALETTE_SIZE).T


def _with_checked_segments(layout: TiffLayout, source: Source) -> TiffLayout:
    """The layout with exactly the segments its size asks for, all of them inside the file."""
    down = -(-layout.height_px // layout.segment_rows)
    across = -(-layout.width_px // layout.segment_columns)
    n_segments = down * across * layout.planes
    offsets, counts = layout.offsets[:n_segments], layout.counts[:n_segments]
    if not len(layout.counts) and n_segments == 1 and layout.compression == NO_COMPRESSION:
        # Old writers left out the size of a single uncompressed strip.
        size = layout.width_px * layout.height_px * layout.samples_per_pixel * layout.dtype.itemsize
        counts = np.array([size], np.uint64)
    if len(offsets) < n_segments or len(counts) < n_segments:
        raise damaged(f"it should have {n_segments:,} blocks of pixels and lists {min(len(offsets), len(counts)):,}")
    if not counts.all() or not offsets.all():
        raise damaged("a block of pixels is missing")
    limit = np.uint64(2**62)
    ends = np.minimum(offsets, limit) + np.minimum(counts, limit)
    if int(ends.max()) > source.size_bytes:
        raise truncated(int(ends.max()), source.size_bytes)
    return replace(layout, offsets=offsets, counts=counts)
