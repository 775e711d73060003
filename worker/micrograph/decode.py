"""Turns an uploaded file into a grey micrograph, or says why not.

The header is judged first, then the pixels are decoded; nothing is rotated, scaled or filled in. Untrusted files go through
`worker.micrograph.sandbox`, which runs this in a process of its own.
"""

from pathlib import Path

import numpy as np

from shared.domain import Micrograph, Pixels
from shared.errors import InputError
from worker.micrograph.bmp import decode_bmp
from worker.micrograph.container import Header, Samples, Source, damaged, open_source
from worker.micrograph.grey import to_grey
from worker.micrograph.header import judge_header
from worker.micrograph.jpeg import decode_jpeg
from worker.micrograph.limits import DecodeLimits
from worker.micrograph.png import decode_png
from worker.micrograph.tiff_pixels import decode_tiff


def decode(path: Path, limits: DecodeLimits | None = None) -> Micrograph:
    """The first image of a file as grey pixels in their own bit depth.

    Parameters
    ----------
    path : Path
        A PNG, JPEG, BMP or TIFF file, whatever its name.
    limits : DecodeLimits, optional
        Ceilings for pixels and bytes; memory and time are kept by the sandbox.

    Raises
    ------
    InputError
        As `read_header` does, and ``not_finite``, ``constant_image``.
    """
    with open_source(path) as source:
        header = judge_header(source, limits or DecodeLimits())
        samples = _decode_samples(source, header)
    pixels, colour_warnings = to_grey(samples)
    _check_values(pixels)
    return Micrograph(pixels, header.format, (*_header_warnings(header), *colour_warnings))


def _decode_samples(source: Source, header: Header) -> Samples:
    try:
        if header.format == "PNG":
            return decode_png(source, header)
        if header.format == "JPEG":
            return decode_jpeg(source, header)
        if header.format == "BMP":
            return decode_bmp(source)
        return decode_tiff(source)
    except (RuntimeError, ValueError) as error:
        # The codecs derive their errors from RuntimeError; their own words help nobody at a microscope.
        raise damaged("its pixels cannot be unpacked") from error


def _header_warnings(header: Header) -> tuple[str, ...]:
    warnings = []
    if header.n_pages > 1:
        unread = header.n_pages - 1
        pages = "1 was" if unread == 1 else f"{unread:,} were"
        warnings.append(f"The file holds {header.n_pages:,} images; only the first was read, {pages} not.")
    if header.orientation not in {0, 1}:
        warnings.append(
            f"The file asks viewers to turn or mirror the image (orientation {header.orientation}); "
            "it is analysed as it is stored."
        )
    return tuple(warnings)


def _check_values(pixels: Pixels) -> None:
    low, high = pixels.min(), pixels.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        raise InputError(
            "The image holds values that are not numbers (NaN or infinity). Export it as a grey image with 8 or 16 bits.",
            code="not_finite",
        )
    if pixels.size == 1:
        raise InputError("The image is a single pixel (1 × 1): there is nothing to analyse.", code="constant_image")
    if low == high:
        raise InputError(
            f"All {pixels.size:,} pixels have the same value ({low}): the image shows nothing. "
            "Check the detector or the export.",
            code="constant_image",
            value=float(low),
        )
