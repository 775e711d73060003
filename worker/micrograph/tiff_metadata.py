"""Finds the maker's fields in the tags of a TIFF page and lets their reader speak.

Nothing here can refuse an image: what is cut short or damaged gives a statement without a pixel size, and a warning.
"""

import logging
import struct
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from shared.errors import InputError
from worker.micrograph.container import Header, Source
from worker.micrograph.instruments.fei import read_fei_text, read_fei_xml
from worker.micrograph.instruments.jeol import is_jeol_text, read_jeol_text
from worker.micrograph.instruments.jeol_tem import read_jeol_tem
from worker.micrograph.instruments.tescan import read_tescan_tag
from worker.micrograph.instruments.tif_fields import read_gatan, read_imagej, read_olympus_sis, read_ome, read_tvips
from worker.micrograph.instruments.zeiss import read_zeiss
from worker.micrograph.statement import Statement, moment, text_or_none
from worker.micrograph.texts import decode_text
from worker.micrograph.tiff_directory import Directory
from worker.micrograph.tiff_pages import TiffImage
from worker.micrograph.xml_text import parse_xml

# Tags of TIFF 6.0 and Exif 2.3.
WIDTH, HEIGHT = 256, 257
DESCRIPTION, MAKE, MODEL, X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 270, 271, 272, 282, 283, 296
SOFTWARE, DATE_TIME, EXIF, MAKER_NOTE = 305, 306, 34665, 37500
# Private tags of the makers.
ZEISS, FEI_SFEG, FEI_HELIOS, FEI_XML, TVIPS, TESCAN = 34118, 34680, 34682, 34683, 37706, 50431
OLYMPUS_INI, OLYMPUS = 33471, 33560
GATAN_UNIT_X, GATAN_UNIT_Y, GATAN_SIZE_X, GATAN_SIZE_Y = 65003, 65004, 65009, 65010
INCH = 2

Reader = Callable[[Directory, Header], Statement | None]


def read_tiff_statement(image: TiffImage, source: Source) -> Statement:
    """The statement of the first maker whose fields the page has; of several fields of one maker, the first pixel size.

    Many writers describe a stack on its first page only; that counts for another page of the same size.

    Parameters
    ----------
    image : TiffImage
        The page whose pixels are decoded.
    source : Source
        The whole file, for fields that point into it.
    """
    found = _makers_statement(image.page, image, source)
    same_size = all(image.page.integer(tag, 0) == image.first.integer(tag, 0) for tag in (WIDTH, HEIGHT))
    if found == Statement() and image.page.offset != image.first.offset and same_size:
        found = _makers_statement(image.first, image, source)
    return _with_common_fields(found, image.page)


def _makers_statement(page: Directory, image: TiffImage, source: Source) -> Statement:
    found = Statement()
    failed: list[str] = []
    for name, reader in _readers(image, source):
        try:
            statement = reader(page, image.header)
        except (InputError, ValueError, TypeError, KeyError, IndexError, ArithmeticError, struct.error):
            # Lengths and contents of private fields are whatever a writer, or an attacker, left there.
            failed.append(f"The {name} fields of the file are damaged and were not read.")
            continue
        if statement is None:
            continue
        if found == Statement() or (found.pixel_width is None and statement.pixel_width is not None):
            found = _merged(found, statement)
        # A maker who contradicts himself is not helped out by what another program wrote later.
        if found.pixel_width is not None or found.warnings:
            break
    return replace(found, warnings=(*found.warnings, *failed))


def read_exif_statement(exif: Directory, width_px: int, height_px: int) -> Statement | None:
    """The statement of a JEOL MakerNote in an Exif directory; None where there is none."""
    text = decode_text(exif.data(MAKER_NOTE))
    start = text.find("$")
    if start < 0 or not is_jeol_text(text[start:]):
        return None
    return read_jeol_text(text[start:], width_px, height_px)


def _readers(image: TiffImage, source: Source) -> Iterator[tuple[str, Reader]]:
    """The makers' readers in the order in which their fields count, each with its name for people."""
    yield "FEI", _fei
    yield "Thermo Fisher", _fei_xml
    yield "ZEISS", _zeiss
    yield "TESCAN", _tescan
    yield "TVIPS", lambda page, _: _by_tifffile(page, source, (TVIPS,), read_tvips)
    yield "Olympus SIS", lambda page, _: _olympus(page, source)
    yield "JEOL", _jeol_tem
    yield "Exif", _exif
    yield "Gatan", _gatan
    yield "OME", lambda page, _: _ome(page, image.page_index)
    yield "ImageJ", _imagej


def _fei(page: Directory, header: Header) -> Statement | None:
    for tag in (FEI_HELIOS, FEI_SFEG):
        text = decode_text(page.data(tag))
        if "[User]" in text or "[System]" in text or "[Scan]" in text:
            return read_fei_text(text, header.height_px)
    return None


def _fei_xml(page: Directory, header: Header) -> Statement | None:
    text = decode_text(page.data(FEI_XML))
    for root in ("Metadata", "FeiImage"):
        document = parse_xml(text, root)
        if document is not None:
            return read_fei_xml(document, header.height_px)
    if text:
        raise ValueError("cut short")
    return None


def _zeiss(page: Directory, header: Header) -> Statement | None:
    text = decode_text(page.data(ZEISS))
    return read_zeiss(text, header.width_px) if text else None


def _tescan(page: Directory, header: Header) -> Statement | None:
    data = page.data(TESCAN)
    return read_tescan_tag(data, header.height_px) if data else None


def _olympus(page: Directory, source: Source) -> Statement | None:
    camera = text_or_none(page.data(MODEL))
    return _by_tifffile(page, source, (OLYMPUS, OLYMPUS_INI), partial(read_olympus_sis, camera=camera))


def _jeol_tem(page: Directory, _: Header) -> Statement | None:
    text = decode_text(page.data(DESCRIPTION))
    document = parse_xml(text, "TemReporter")
    if document is None:
        if "<TemReporter" in text:
            raise ValueError("cut short")
        return None
    return read_jeol_tem(document, page.real(X_RESOLUTION), page.integer(RESOLUTION_UNIT, INCH))


def _exif(page: Directory, header: Header) -> Statement | None:
    offset = page.integer(EXIF, 0)
    if not offset:
        return None
    return read_exif_statement(page.directories.read(offset), header.width_px, header.height_px)


def _gatan(page: Directory, _: Header) -> Statement | None:
    if GATAN_SIZE_X not in page.fields:
        return None
    return read_gatan(page.data(GATAN_UNIT_X), page.data(GATAN_UNIT_Y), page.real(GATAN_SIZE_X), page.real(GATAN_SIZE_Y))


def _ome(page: Directory, page_index: int) -> Statement | None:
    text = decode_text(page.data(DESCRIPTION))
    if "<OME" not in text:
        return None
    document = parse_xml(text, "OME")
    if document is None:
        raise ValueError("cut short")
    return read_ome(document, page_index)


def _imagej(page: Directory, _: Header) -> Statement | None:
    text = decode_text(page.data(DESCRIPTION))
    if not text.startswith("ImageJ="):
        return None
    return read_imagej(text, page.real(X_RESOLUTION), page.real(Y_RESOLUTION))


def _by_tifffile(
    page: Directory, source: Source, tags: tuple[int, ...], reader: Callable[[Any], Statement]
) -> Statement | None:
    """The statement of a binary field that tifffile parses, read from the page that is decoded."""
    present = [tag for tag in tags if tag in page.fields]
    if not present:
        return None
    # Half a second that only these two makers' files need.
    import tifffile  # noqa: PLC0415

    logging.getLogger("tifffile").setLevel(logging.CRITICAL)
    source.stream.seek(0)
    with tifffile.TiffFile(source.stream) as tif:
        tif.filehandle.seek(page.offset)
        parsed = tifffile.TiffPage(tif, 0)
        for tag in present:
            field = parsed.tags.get(tag)
            if field is not None and isinstance(field.value, dict):
                return reader(field.value)
    raise ValueError("not understood")


def _merged(found: Statement, statement: Statement) -> Statement:
    """The second statement, with what the first knew and it does not."""
    if found == Statement():
        return statement
    return replace(
        found,
        pixel_width=statement.pixel_width,
        pixel_height=statement.pixel_height,
        columns=statement.columns or found.columns,
        databar_top=found.databar_top if found.databar_top is not None else statement.databar_top,
        warnings=(*found.warnings, *statement.warnings),
    )


def _with_common_fields(statement: Statement, page: Directory) -> Statement:
    """Make, model and date of TIFF 6.0 where no maker's own fields say them: beside those, the model is that of a camera."""
    metadata = statement.metadata
    has_maker = metadata.vendor is not None
    return replace(
        statement,
        metadata=replace(
            metadata,
            vendor=metadata.vendor or text_or_none(page.data(MAKE).partition(b" - http")[0]),
            model=metadata.model if has_maker else text_or_none(page.data(MODEL)),
            acquired_at=metadata.acquired_at or moment(decode_text(page.data(DATE_TIME))),
        ),
    )
