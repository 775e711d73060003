"""Builds the files, good and bad, that the tests of decoding read."""

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

AnyArray = NDArray[Any]

SHORT, LONG = 3, 4


def noise(dtype: Any = np.uint8, shape: tuple[int, ...] = (37, 53), seed: int = 1) -> AnyArray:
    """Grey values over the whole range of a type; odd sides, so that rows need padding and tiles are cut."""
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return rng.normal(100, 20, shape).astype(dtype)
    return rng.integers(np.iinfo(dtype).min, np.iinfo(dtype).max + 1, shape).astype(dtype)


def png_bytes(pixels: AnyArray | Image.Image, **options: Any) -> bytes:
    return _pillow_bytes(pixels, "PNG", **options)


def jpeg_bytes(pixels: AnyArray | Image.Image, **options: Any) -> bytes:
    return _pillow_bytes(pixels, "JPEG", **options)


def bmp_bytes(pixels: AnyArray | Image.Image) -> bytes:
    return _pillow_bytes(pixels, "BMP")


def tiff_bytes(pixels: AnyArray, **options: Any) -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(stream, pixels, **options)
    return stream.getvalue()


def write(folder: Path, content: bytes, name: str = "image.tif") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def png_chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def raw_png(width: int, height: int, packed: bytes, *, interlaced: bool = False) -> bytes:
    """An 8-bit grey PNG of any declared size over any compressed data."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, int(interlaced))
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", packed) + png_chunk(b"IEND", b"")


def interlaced_png(pixels: AnyArray) -> bytes:
    """An 8-bit grey PNG in the seven passes of Adam7."""
    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    rows = [b"\0" + row.tobytes() for y, x, dy, dx in passes for row in pixels[y::dy, x::dx] if row.size]
    height, width = pixels.shape
    return raw_png(width, height, zlib.compress(b"".join(rows)), interlaced=True)


def raw_tiff(tags: dict[int, int | tuple[int, int]], data: bytes, first_ifd: int | None = None, next_ifd: int = 0) -> bytes:
    """A little-endian TIFF with one page of single LONG or double SHORT values; data lies at byte 8, the directory behind it.

    ``first_ifd`` and ``next_ifd`` may lie; -1 as ``next_ifd`` points back to the first page.
    """
    at = 8 + len(data) + len(data) % 2
    first = at if first_ifd is None else first_ifd
    entries = b"".join(_entry(tag, value) for tag, value in sorted(tags.items()))
    following = at if next_ifd == -1 else next_ifd
    directory = struct.pack("<H", len(tags)) + entries + struct.pack("<I", following)
    return (struct.pack("<2sHI", b"II", 42, first) + data).ljust(at, b"\0") + directory


def grey_tags(width: int, height: int, n_bytes: int, **changes: int) -> dict[int, int | tuple[int, int]]:
    """The fields of an uncompressed 8-bit grey page in one strip; ``changes`` as ``t259=8``."""
    tags: dict[int, int | tuple[int, int]] = {
        256: width,
        257: height,
        258: 8,
        259: 1,
        262: 1,
        273: 8,
        277: 1,
        278: height,
        279: n_bytes,
    }
    return tags | {int(name[1:]): value for name, value in changes.items()}


def sparse_tiff(path: Path, width: int, height: int) -> Path:
    """A complete uncompressed TIFF of zeros that takes no room on the disk."""
    n_bytes = width * height
    tags = grey_tags(width, height, n_bytes)
    tags[273] = 1024
    content = raw_tiff(tags, b"")
    with path.open("wb") as stream:
        stream.write(content)
        stream.truncate(1024 + n_bytes)
    return path


def _entry(tag: int, value: int | tuple[int, int]) -> bytes:
    if isinstance(value, tuple):
        return struct.pack("<HHIHH", tag, SHORT, 2, *value)
    return struct.pack("<HHII", tag, LONG, 1, value)


def _pillow_bytes(pixels: AnyArray | Image.Image, file_format: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(stream, file_format, **options)
    return stream.getvalue()
