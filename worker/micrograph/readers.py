"""One contract for every format: a file, and the side-cars beside it, become an image that is described and not yet decoded.

Headers are read here and nothing else; whatever can be refused by them is refused before a pixel is decoded.
"""

import bz2
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from shared.errors import InputError
from shared.side_car_names import SER_NUMBER
from worker.micrograph.bmp import decode_bmp, read_bmp_header
from worker.micrograph.container import Format, Header, Samples, Source, open_source
from worker.micrograph.header import check_index, check_size, identify
from worker.micrograph.jpeg import decode_jpeg, read_jpeg_header
from worker.micrograph.jpeg_metadata import read_jpeg_statement
from worker.micrograph.limits import DecodeLimits
from worker.micrograph.mrc import decode_mrc, read_mrc
from worker.micrograph.png import decode_png, read_png_header
from worker.micrograph.side_cars import read_side_car, side_cars_beside
from worker.micrograph.statement import Statement
from worker.micrograph.tia import SerImage, count_ser_images, decode_ser, read_ser, ser_statement
from worker.micrograph.tiff_metadata import read_tiff_statement
from worker.micrograph.tiff_pages import open_tiff
from worker.micrograph.tiff_pixels import decode_tiff
from worker.micrograph.tvips import decode_tvips, read_tvips_recording, tvips_statement

SideCars = Mapping[str, Path]
ELID_MARK = b"EID2"


@dataclass(frozen=True, slots=True)
class Described:
    """An image before it is decoded.

    Attributes
    ----------
    header : Header
        Format, size and depth; judged.
    statement : Statement
        What the file and its side-cars state about the image.
    warnings : tuple of str
        That the file holds more images, and how viewers would turn this one.
    load : callable
        Decodes the pixels, shape (rows, columns) or (rows, columns, channels); the file must still be open.
    """

    header: Header
    statement: Statement
    warnings: tuple[str, ...]
    load: Callable[[], Samples]


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    stem: str
    source: Source
    format: Format
    side_cars: SideCars
    index: int
    limits: DecodeLimits


def describe(
    path: Path,
    source: Source,
    limits: DecodeLimits,
    side_cars: SideCars | None = None,
    index: int = 0,
    *,
    name: str | None = None,
) -> Described:
    """Describe an image of an open file.

    Parameters
    ----------
    path : Path
        The file; its ending does not matter.
    source : Source
        The same file, open.
    limits : DecodeLimits
        Ceilings for pixels and bytes.
    side_cars : mapping of str to Path, optional
        Files that were handed in with the image, by their original names; those beside it where none are named.
    index : int
        Which image of the file, from 0.
    name : str, optional
        The file's original name, where it lies under another one; TIA's says which image of the side-car it is.

    Raises
    ------
    InputError
        With one of the codes ``empty_file``, ``file_too_large``, ``unsupported_format``, ``format_not_installed``,
        ``truncated_file``, ``damaged_file``, ``no_image``, ``no_such_image``, ``too_many_images``, ``missing_side_car``,
        ``zero_size``, ``too_many_pixels``, ``unsupported_compression``, ``unsupported_pixel_type``,
        ``suspicious_compression``, ``unreadable_file``.
    """
    beside = side_cars_beside(path) if side_cars is None else side_cars
    file_format = identify(source, limits)
    described = READERS.get(file_format, _describe_signals)(
        _File(path, Path(name or path.name).stem, source, file_format, beside, index, limits)
    )
    check_index(index, described.header.n_images, limits)
    check_size(described.header, limits)
    return described


def read_header(path: Path, limits: DecodeLimits | None = None) -> Header:
    """The header of the first image of a file; raises as `describe` does, and NotFoundError where there is no file."""
    limits = limits or DecodeLimits()
    with open_source(path) as source:
        return describe(path, source, limits).header


def _describe_png(file: _File) -> Described:
    header = read_png_header(file.source)
    return _picture(file, header, Statement(), lambda: decode_png(file.source, header))


def _describe_jpeg(file: _File) -> Described:
    header = read_jpeg_header(file.source)
    return _picture(file, header, read_jpeg_statement(file.source, header), lambda: decode_jpeg(file.source, header))


def _describe_bmp(file: _File) -> Described:
    return _picture(file, read_bmp_header(file.source), Statement(), lambda: decode_bmp(file.source))


def _describe_tiff(file: _File) -> Described:
    image = open_tiff(file.source, file.index, file.limits)
    statement = read_tiff_statement(image, file.source)
    described = _picture(file, image.header, statement, lambda: decode_tiff(file.source, image.layout))
    return replace(described, warnings=(*image.warnings, *described.warnings))


def _describe_ser(file: _File) -> Described:
    check_index(file.index, count_ser_images(file.source), file.limits)
    image = read_ser(file.source, file.index)
    match = SER_NUMBER.match(file.stem)
    statement = _ser_statement(image, file.side_cars, int(match["number"]) - 1 if match else 0)
    return Described(image.header, statement, _warnings(file, image.header), lambda: decode_ser(file.source, image))


def _describe_emi(file: _File) -> Described:
    """The pixels lie in the ``.ser`` files beside the file, one for each detector."""
    series = sorted((name for name in file.side_cars if name.lower().endswith(".ser")), key=_ser_number)
    if not series:
        raise InputError(
            f"The pixels of this image are in a second file, {file.stem}_1.ser, which is missing. Hand in both files together.",
            code="missing_side_car",
            missing=f"{file.stem}_1.ser",
        )
    images = [(name, place) for name in series for place in range(_count_in(file.side_cars[name]))]
    check_index(file.index, len(images), file.limits)
    name, place = images[file.index]
    path = file.side_cars[name]
    with open_source(path) as source:
        image = read_ser(source, place)
    statement = ser_statement(image, file.source, _ser_number(name) - 1)
    header = replace(image.header, format="EMI", n_images=len(images))
    return Described(header, statement, _warnings(file, header, name), lambda: _load_ser(path, place))


def _describe_mrc(file: _File) -> Described:
    image = read_mrc(file.source, file.index, file.limits)
    return Described(image.header, image.statement, _warnings(file, image.header), lambda: decode_mrc(file.source, image))


def _describe_tvips(file: _File) -> Described:
    frame = read_tvips_recording(file.source, file.index, file.limits)
    return Described(
        frame.header, tvips_statement(frame), _warnings(file, frame.header), lambda: decode_tvips(file.source, frame)
    )


def _describe_hdf5(file: _File) -> Described:
    # h5py takes a quarter of a second, which images of other formats need not wait for.
    from worker.micrograph.hdf5 import hdf5_format  # noqa: PLC0415
    from worker.micrograph.velox import decode_velox, open_velox  # noqa: PLC0415

    kind = hdf5_format(file.path)
    if kind != "Velox":
        return _describe_signals(replace(file, format=kind))
    image = open_velox(file.path, file.source.size_bytes, file.index, file.limits)
    warnings = (*_warnings(file, image.header, image.title), *image.warnings)
    return Described(image.header, image.statement, warnings, lambda: decode_velox(file.path, image))


def _describe_elid(file: _File) -> Described:
    """Phenom's format is packed by bzip2, as much else is."""
    try:
        with bz2.open(file.path) as stream:
            is_elid = stream.read(len(ELID_MARK)) == ELID_MARK
    except (OSError, EOFError):
        is_elid = False
    if not is_elid:
        guess = "a bzip2 archive"
        raise InputError(
            f"The file is not an image that SAEMI reads, whatever its name says: it seems to be {guess}.",
            code="unsupported_format",
            seems_to_be=guess,
        )
    return _describe_signals(file)


def _describe_signals(file: _File) -> Described:
    # Imported for such a file only: it needs a library that may not be there.
    from worker.micrograph.rosetta import load_signal, open_signals  # noqa: PLC0415

    image = open_signals(file.path, file.format, file.source.size_bytes, file.index, file.limits)
    warnings = (*_warnings(file, image.header, image.title), *image.warnings)
    return Described(image.header, image.statement, warnings, lambda: load_signal(image))


READERS: Mapping[Format, Callable[[_File], Described]] = MappingProxyType(
    {"PNG": _describe_png, "JPEG": _describe_jpeg, "BMP": _describe_bmp, "TIFF": _describe_tiff,
     "SER": _describe_ser, "EMI": _describe_emi, "MRC": _describe_mrc, "TVIPS": _describe_tvips,
     "HDF5": _describe_hdf5, "ELID": _describe_elid}
)  # fmt: skip


def _picture(file: _File, header: Header, embedded: Statement, load: Callable[[], Samples]) -> Described:
    """A plain image: what it states itself counts, a side-car fills in what it does not."""
    beside = None if embedded.pixel_width is not None else read_side_car(file.side_cars, header.width_px, header.height_px)
    statement = embedded if beside is None else replace(beside, warnings=(*embedded.warnings, *beside.warnings))
    return Described(header, statement, _warnings(file, header), load)


def _ser_statement(image: SerImage, side_cars: SideCars, index: int) -> Statement:
    emi = next((path for name, path in side_cars.items() if name.lower().endswith(".emi")), None)
    if emi is None:
        return ser_statement(image, None, index)
    with open_source(emi) as source:
        return ser_statement(image, source, index)


def _count_in(path: Path) -> int:
    with open_source(path) as source:
        return count_ser_images(source)


def _load_ser(path: Path, index: int) -> Samples:
    with open_source(path) as source:
        return decode_ser(source, read_ser(source, index))


def _ser_number(name: str) -> int:
    match = SER_NUMBER.match(Path(name).stem)
    return int(match["number"]) if match else 0


def _warnings(file: _File, header: Header, title: str = "") -> tuple[str, ...]:
    """What a person should know of an image of this header; the title is the name the file has for it."""
    warnings = []
    if header.n_images > 1:
        named = f" ({title})" if title else ""
        warnings.append(f"The file holds {header.n_images:,} images; this is number {file.index + 1:,}{named}.")
    if header.n_left_out:
        pages = "1 further page" if header.n_left_out == 1 else f"{header.n_left_out:,} further pages"
        warnings.append(f"Not read: {pages} of the file (previews, masks, an animation or another kind of pixels).")
    if header.orientation not in {0, 1}:
        warnings.append(
            f"The file asks viewers to turn or mirror the image (orientation {header.orientation}); "
            "it is analysed as it is stored."
        )
    return tuple(warnings)
