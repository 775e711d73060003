"""MRC: images, stacks and sections of electron microscopy, read one by one by their place in the file.

Layout after A. Cheng et al., "MRC2014: Extensions to the MRC format header" (2015), doi 10.1016/j.jsb.2015.04.002; IMOD's mark
of unsigned bytes after its "MRC file format"; the extended headers FEI1 and FEI2 after Thermo Fisher's EPU manual, the older
one without a name after its Tomography software. The cell is in ångström, the extended headers are in metres.
"""

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from shared.domain import Metadata, Stage
from shared.errors import InputError
from worker.micrograph.container import Header, Samples, Source, damaged, unsupported_pixels
from worker.micrograph.header import check_index
from worker.micrograph.limits import DecodeLimits
from worker.micrograph.pixel_size import Stated, confirmed
from worker.micrograph.samples import to_samples
from worker.micrograph.statement import Statement, kilovolts, number, positive, raw_fields, stage_or_none, text_or_none

HEADER_BYTES, STAMP_AT, IMOD_AT = 1024, 212, 152
BIG_ENDIAN_STAMP, IMOD_STAMP, SIGNED_BYTES = 0x11, 1146047817, 1
# Words 1 to 25: sides, kind of numbers, beginning, grid, cell, angles, axes, statistics, space group, extended header.
WORDS = "10i6f3i3f2i"
NAMES = (
    "nx", "ny", "nz", "mode", "nxstart", "nystart", "nzstart", "mx", "my", "mz", "xlen", "ylen", "zlen",
    "alpha", "beta", "gamma", "mapc", "mapr", "maps", "dmin", "dmax", "dmean", "ispg", "nsymbt",
)  # fmt: skip
MODES: Mapping[int, str] = MappingProxyType({0: "i1", 1: "i2", 2: "f4", 6: "u2", 12: "f2"})
COMPLEX_MODES = frozenset({3, 4})
MAX_SIDE_PX = 2**31 - 1
# A cell as large in ångström as the grid has points is what programs write where they know no pixel size.
PLACEHOLDER = 1.0
PLACEHOLDER_WARNING = "The MRC header states 1 Å per pixel, which programs write where none is known; it was not used."
NO_GRID_WARNING = "The MRC header states a cell without a grid, so no pixel size follows from it."
AGREEMENT = 0.01
# Cell and grid of the axes that columns and rows may lie along.
AXES = MappingProxyType({1: ("xlen", "mx"), 2: ("ylen", "my"), 3: ("zlen", "mz")})
# Fields of FEI1 and FEI2, which have one block for each image and begin with its size.
FEI_FIELDS: Mapping[str, tuple[str, int]] = MappingProxyType(
    {"microscope": ("S16", 20), "high_tension": ("<f8", 84), "alpha_tilt": ("<f8", 100), "x_stage": ("<f8", 116),
     "y_stage": ("<f8", 124), "z_stage": ("<f8", 132), "pixel_size_x": ("<f8", 156), "pixel_size_y": ("<f8", 164),
     "magnification": ("<f8", 289), "camera": ("S16", 435), "detector": ("S16", 519)}
)  # fmt: skip
FEI_BYTES, MAX_FEI_BYTES = 535, 4096
# The older extended header: 1,024 blocks of this size, without a name; its pixels are square.
TOMOGRAPHY_BYTES = 128
TOMOGRAPHY_FIELDS: Mapping[str, tuple[str, int]] = MappingProxyType(
    {"alpha_tilt": ("f4", 0), "pixel_size_x": ("f4", 44), "pixel_size_y": ("f4", 44), "magnification": ("f4", 48)}
)


@dataclass(frozen=True, slots=True)
class MrcImage:
    """One image of a file: where its pixels lie, what they are, and what the headers state."""

    header: Header
    offset: int
    dtype: np.dtype[np.generic]
    statement: Statement


def read_mrc(source: Source, index: int, limits: DecodeLimits) -> MrcImage:
    """One image of an MRC file; raises InputError where it is damaged or cut off, or has no such image."""
    start = source.read(0, HEADER_BYTES)
    order = ">" if start[STAMP_AT] == BIG_ENDIAN_STAMP else "<"
    words = dict(zip(NAMES, struct.unpack_from(order + WORDS, start), strict=True))
    columns, rows, n_images = words["nx"], words["ny"], words["nz"]
    if min(columns, rows, n_images, words["nsymbt"]) < 0 or max(columns, rows) > MAX_SIDE_PX:
        raise damaged(f"it declares {columns:,} × {rows:,} pixels in {n_images:,} images")
    if n_images == 0:
        raise InputError("The file holds no image: its header counts none.", code="no_image")
    check_index(index, n_images, limits)
    dtype = _dtype(start, words["mode"], order)
    n_bytes = columns * rows * dtype.itemsize
    offset = HEADER_BYTES + words["nsymbt"] + index * n_bytes
    if n_bytes:
        source.read(offset + n_bytes - 1, 1)
    header = Header(
        format="MRC",
        width_px=columns,
        height_px=rows,
        channels=1,
        bit_depth={1: 8, 2: 16}.get(dtype.itemsize, 32),
        n_images=n_images,
        stored_bytes=n_bytes,
    )
    extended = _extended_fields(source, start[104:108].strip(b"\0 "), words["nsymbt"], index, order)
    return MrcImage(header, offset, dtype, _statement(words, extended))


def decode_mrc(source: Source, image: MrcImage) -> Samples:
    """The pixels of the image, shape (rows, columns)."""
    shape = (image.header.height_px, image.header.width_px)
    raw = source.read(image.offset, shape[0] * shape[1] * image.dtype.itemsize)
    return to_samples(np.frombuffer(raw, image.dtype).reshape(shape))


def _dtype(start: bytes, mode: int, order: str) -> np.dtype[np.generic]:
    if mode in COMPLEX_MODES:
        raise unsupported_pixels("complex numbers, as a Fourier transform has them")
    if mode not in MODES:
        raise unsupported_pixels(f"pixels of unknown kind (MRC mode {mode})")
    stamp, flags = struct.unpack_from(order + "2i", start, IMOD_AT)
    if mode == 0 and stamp == IMOD_STAMP and not flags & SIGNED_BYTES:
        return np.dtype("u1")
    return np.dtype(order + MODES[mode])


def _extended_fields(source: Source, kind: bytes, n_bytes: int, index: int, order: str) -> dict[str, str]:
    """The fields of an image in the extended header; none where it has no block there, or is of another program."""
    if kind in {b"FEI1", b"FEI2"}:
        size = int.from_bytes(source.read_up_to(HEADER_BYTES, 4), "little")
        fields, needed = FEI_FIELDS, FEI_BYTES
    elif not kind and n_bytes == HEADER_BYTES * TOMOGRAPHY_BYTES:
        size = TOMOGRAPHY_BYTES
        fields, needed = {name: (order + code, at) for name, (code, at) in TOMOGRAPHY_FIELDS.items()}, TOMOGRAPHY_BYTES
    else:
        return {}
    if not needed <= size <= MAX_FEI_BYTES or (index + 1) * size > n_bytes:
        return {}
    block = source.read(HEADER_BYTES + index * size, needed)
    found = {name: np.frombuffer(block, code, 1, at)[0] for name, (code, at) in fields.items()}
    return {name: value.decode("latin-1") if isinstance(value, bytes) else repr(float(value)) for name, value in found.items()}


def _statement(words: Mapping[str, float], extended: Mapping[str, str]) -> Statement:
    width, height, warnings = _sides(words, extended)
    return Statement(
        metadata=Metadata(
            vendor="FEI" if "microscope" in extended else None,
            model=text_or_none(extended.get("microscope")),
            voltage_kv=kilovolts(extended.get("high_tension"), 1e-3),
            magnification=positive(number(extended.get("magnification"))),
            detector=text_or_none(extended.get("detector"), extended.get("camera")),
            stage=stage_or_none(
                Stage(
                    x_mm=number(extended.get("x_stage"), 1e3),
                    y_mm=number(extended.get("y_stage"), 1e3),
                    z_mm=number(extended.get("z_stage"), 1e3),
                    tilt_deg=number(extended.get("alpha_tilt")),
                )
            ),
            raw=raw_fields({**words, **extended}),
        ),
        pixel_width=width,
        pixel_height=height,
        warnings=warnings,
    )


def _sides(words: Mapping[str, float], extended: Mapping[str, str]) -> tuple[Stated | None, Stated | None, tuple[str, ...]]:
    """Sides of a pixel along a row and along a column; neither where there is anything to say against one of them."""
    width, *against_width = _side("x", words, extended, AXES.get(int(words["mapc"]), AXES[1]))
    height, *against_height = _side("y", words, extended, AXES.get(int(words["mapr"]), AXES[2]))
    warnings = tuple(dict.fromkeys([*against_width, *against_height]))
    return (None, None, warnings) if warnings else (width, height, ())


def _side(name: str, words: Mapping[str, float], extended: Mapping[str, str], axis: tuple[str, str]) -> tuple[Any, ...]:
    """A side by the extended header and by the cell, which must agree; behind it, what speaks against it."""
    cell, grid = axis
    size_m = number(extended.get(f"pixel_size_{name}"))
    readings = [Stated(f"{size_m:.9g}", "m", f"MRC extended header, pixel size {name}")] if size_m else []
    is_placeholder = words[grid] > 0 and math.isclose(words[cell] / words[grid], PLACEHOLDER, rel_tol=1e-6)
    if words[grid] > 0 and not is_placeholder:
        readings.append(Stated(repr(words[cell]), "Å", f"MRC {cell} / {grid}", 1 / words[grid]))
    if not readings:
        return None, PLACEHOLDER_WARNING if is_placeholder else NO_GRID_WARNING
    side, warnings = confirmed(readings, AGREEMENT)
    return side, *warnings
