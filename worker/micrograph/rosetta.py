"""DM3, DM4, Berkeley EMD, NeXus, HyperSpy and ELID by RosettaSciIO, an optional part with its own licence (GPL-3.0).

Imported in the decoding process only, and only when such a file comes. Images stay on the disk until one is chosen: of a stack
only that one is ever read.
"""

import contextlib
import errno
import importlib
import logging
import traceback
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from shared.errors import InputError
from worker.micrograph.container import Format, Header, Samples, damaged
from worker.micrograph.header import check_index
from worker.micrograph.instruments.signals import read_signal_statement
from worker.micrograph.limits import DecodeLimits
from worker.micrograph.samples import to_samples
from worker.micrograph.statement import Statement, unless_damaged
from worker.micrograph.texts import clean

# Reader of each format, and what it is asked beside the file.
READERS: Mapping[Format, tuple[str, Mapping[str, Any]]] = {
    "DM3": ("digitalmicrograph", {"lazy": True}),
    "DM4": ("digitalmicrograph", {"lazy": True}),
    "EMD": ("emd", {"lazy": True}),
    "NeXus": ("nexus", {"lazy": True}),
    "HyperSpy": ("hspy", {"lazy": True}),
    "ELID": ("phenom", {}),
}
# Images of these formats are left on the disk by dask, which takes a quarter of a second to load; so little is read at once.
WITHOUT_DASK: frozenset[Format] = frozenset({"EMD", "NeXus", "HyperSpy"})
SMALL_BYTES = 32 * 1024**2
# A file is mapped into memory once for each chunk: of a stack in many chunks, each mapping would count in full.
ONE_CHUNK = "1TiB"


@dataclass(frozen=True, slots=True)
class SignalImage:
    """The image chosen from a file.

    Attributes
    ----------
    header : Header
        Its size and depth.
    data : array-like, shape (rows, columns)
        Its pixels, still on the disk.
    statement : Statement
        What the file states about it.
    title : str
        The name of its data set; empty where it has none.
    warnings : tuple of str
        Stacks that are too long to be read.
    """

    header: Header
    data: Any
    statement: Statement
    title: str
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Candidate:
    """One image, or a stack of images."""

    title: str
    data: Any
    n_frames: int
    signal: Mapping[str, Any]
    axes: tuple[Mapping[str, Any], Mapping[str, Any]]


def open_signals(path: Path, file_format: Format, size_bytes: int, index: int, limits: DecodeLimits) -> SignalImage:
    """Choose an image of a file: the single ones come first, then the stacks, each in the order of the file.

    Parameters
    ----------
    path : Path
        The file; its name does not matter.
    file_format : str
        What its content says it is.
    size_bytes : int
        Size of the file.
    index : int
        Which image, from 0.
    limits : DecodeLimits
        How many images a file may hold.

    Raises
    ------
    InputError
        ``format_not_installed``, ``no_image``, ``no_such_image``, ``too_many_images``, ``unsupported_pixel_type``,
        ``damaged_file``.
    """
    with _quiet():
        candidates = sorted(_candidates(_read(path, file_format)), key=lambda candidate: candidate.n_frames > 1)
    if not candidates:
        raise InputError("The file holds no image, only spectra or tables. Export the image by itself.", code="no_image")
    usable, warnings = _without_long_stacks(candidates, limits)
    n_images = sum(candidate.n_frames for candidate in usable)
    check_index(index, n_images, limits)
    chosen, image = _place(usable, index)
    rows, columns = image.shape
    bits = {1: 8, 2: 16}.get(image.dtype.itemsize, 32)
    header = Header(
        format=file_format,
        width_px=int(columns),
        height_px=int(rows),
        channels=3 if image.dtype.names else 1,
        bit_depth=bits,
        n_images=n_images,
        stored_bytes=size_bytes,
    )
    statement = unless_damaged(file_format, lambda: read_signal_statement(chosen.signal, *chosen.axes, file_format))
    return SignalImage(header, image, statement, chosen.title, warnings)


def load_signal(image: SignalImage) -> Samples:
    """The pixels of the chosen image."""
    with _quiet():
        try:
            loaded = image.data.compute(scheduler="synchronous") if hasattr(image.data, "compute") else image.data
        except (OSError, RuntimeError, ValueError, KeyError) as error:
            if isinstance(error, OSError) and error.errno == errno.ENOMEM:
                raise MemoryError from error
            raise damaged("its pixels cannot be read") from error
    return to_samples(np.asarray(loaded))


def _is_small(path: Path) -> bool:
    """Whether an HDF5 file takes little memory as a whole."""
    # DM3 and DM4 need no h5py, which takes a tenth of a second to load.
    from worker.micrograph.hdf5 import unpacked_bytes  # noqa: PLC0415

    return unpacked_bytes(path) <= SMALL_BYTES


def _read(path: Path, kind: Format) -> Sequence[Mapping[str, Any]]:
    name, options = READERS[kind]
    reader = _module(f"rsciio.{name}", kind)
    try:
        if kind in WITHOUT_DASK and _is_small(path):
            return _call(reader, path, {**options, "lazy": False})
        with _module("dask", kind).config.set({"array.chunk-size": ONE_CHUNK}):
            return _call(reader, path, options)
    except (InputError, MemoryError):
        raise
    except Exception as error:
        # A library of many authors, fed with damaged files, raises whatever it trips over, and leaves files open; they are
        # closed with the variables that hold them.
        traceback.clear_frames(error.__traceback__)
        raise damaged(f"RosettaSciIO cannot read it as {kind} ({clean(error, 200) or type(error).__name__})") from error


def _call(reader: Any, path: Path, options: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    try:
        signals: Sequence[Mapping[str, Any]] = reader.file_reader(str(path), **options)
    except (NotImplementedError, ValueError) as error:
        # Colours, packed data and data without chunks cannot be left on the disk, which it says in these words only.
        if not any(word in str(error).casefold() for word in ("lazy", "chunks")):
            raise
        signals = reader.file_reader(str(path), **{**options, "lazy": False})
    return signals


def _module(name: str, kind: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise InputError(
            f"Reading {kind} files needs the optional part “formats” (RosettaSciIO), which is not installed here. "
            "Ask whoever runs SAEMI for it (pip install 'saemi[formats]'), or export the image as TIFF.",
            code="format_not_installed",
            format=kind,
        ) from error


def _candidates(signals: Sequence[Mapping[str, Any]]) -> Iterator[_Candidate]:
    for signal in signals:
        data, axes = signal["data"], list(signal["axes"])
        if data.ndim < 2 or data.ndim != len(axes) or data.dtype.kind == "c":
            continue
        # A spectrum image has one axis for each spectrum; its picture is not in the file.
        n_signal = sum(not axis.get("navigate") for axis in axes)
        if n_signal == 1 and data.ndim > 2:
            continue
        data, axes = _rows_and_columns_last(data, axes)
        shape = data.shape[:-2]
        n_frames = int(np.prod(shape)) if shape else 1
        if n_frames == 0:
            continue
        title = clean(signal.get("metadata", {}).get("General", {}).get("title", ""), 60)
        yield _Candidate(title, data, n_frames, signal, (axes[-2], axes[-1]))


def _place(candidates: Sequence[_Candidate], index: int) -> tuple[_Candidate, Any]:
    """The data set that an image lies in, and the image, shape (rows, columns)."""
    for candidate in candidates:
        if index < candidate.n_frames:
            stack = candidate.data.shape[:-2]
            return candidate, candidate.data[tuple(map(int, np.unravel_index(index, stack)))] if stack else candidate.data
        index -= candidate.n_frames
    raise IndexError(index)


def _rows_and_columns_last(data: Any, axes: list[Mapping[str, Any]]) -> tuple[Any, list[Mapping[str, Any]]]:
    """The data with the axis named y before the one named x at the end; Berkeley EMD comes in the reverse order."""
    names = [str(axis.get("name")).strip().casefold() for axis in axes]
    if names.count("x") != 1 or names.count("y") != 1:
        return data, axes
    order = [index for index, name in enumerate(names) if name not in {"x", "y"}] + [names.index("y"), names.index("x")]
    return data.transpose(order), [axes[index] for index in order]


def _without_long_stacks(
    candidates: Sequence[_Candidate], limits: DecodeLimits
) -> tuple[Sequence[_Candidate], tuple[str, ...]]:
    """The data sets that may be read; the others are named where there are some that may.

    A scan with a diffraction pattern for each of its points often lies beside the one picture that shows where it was made.
    """
    usable = [candidate for candidate in candidates if candidate.n_frames <= limits.max_images]
    if not usable:
        return candidates, ()
    left_out = tuple(
        f"A stack of {candidate.n_frames:,} images{f' ({candidate.title})' if candidate.title else ''} is not read: "
        f"more than {limits.max_images:,} are too many."
        for candidate in candidates
        if candidate.n_frames > limits.max_images
    )
    return usable, left_out


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """What the library tells its own users is none of ours: no logging, no warnings on the error output."""
    for name in ("rsciio", "h5py", "dask", "tifffile"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
