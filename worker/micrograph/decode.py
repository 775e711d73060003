"""Turns an uploaded file into a grey micrograph with its metadata, or says why not.

The header is judged first, then the pixels are decoded; nothing is rotated or filled in, and only pixels that are not square
are resampled. Untrusted files go through `worker.micrograph.sandbox`, which runs this in a process of its own.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from shared.arrays import Pixels
from shared.domain import Metadata, Micrograph
from shared.errors import InputError
from worker.micrograph.container import Samples, damaged, open_source
from worker.micrograph.grey import to_grey
from worker.micrograph.limits import DecodeLimits
from worker.micrograph.readers import Described, SideCars, describe
from worker.micrograph.resampling import to_square_pixels
from worker.micrograph.statement import conclude

# A banner that is looked for is found within so many rows.
BANNER_TOLERANCE_ROWS = 3
RESIZED = (
    "The banner is not where the file says: the image was resized or cut after it was recorded. Neither its banner's row nor "
    "its pixel size was used."
)


def decode(
    path: Path,
    limits: DecodeLimits | None = None,
    side_cars: SideCars | None = None,
    index: int = 0,
    name: str | None = None,
) -> Micrograph:
    """An image of a file as grey pixels in their own bit depth, with what the file states about it.

    Parameters
    ----------
    path : Path
        The file, whatever its name.
    limits : DecodeLimits, optional
        Ceilings for pixels and bytes; memory and time are kept by the sandbox.
    side_cars : mapping of str to Path, optional
        Files that belong to the image, by their original names; those beside it where none are named.
    index : int
        Which image of the file, from 0; ``Micrograph.n_images`` tells how many there are.
    name : str, optional
        The file's original name, where it lies under another one.

    Raises
    ------
    InputError
        As `worker.micrograph.readers.describe` does, and ``not_finite``, ``constant_image``, ``non_square_pixels``.
    """
    micrograph = _read(path, limits or DecodeLimits(), side_cars, index, name)
    refusal = _refusal(micrograph.pixels)
    if refusal is not None:
        raise refusal
    return micrograph


def inspect(
    path: Path,
    limits: DecodeLimits | None = None,
    side_cars: SideCars | None = None,
    index: int = 0,
    name: str | None = None,
) -> Micrograph:
    """The same as `decode` gives, also of an image that shows nothing: the reason stands in its warnings."""
    micrograph = _read(path, limits or DecodeLimits(), side_cars, index, name)
    refusal = _refusal(micrograph.pixels)
    return micrograph if refusal is None else replace(micrograph, warnings=(*micrograph.warnings, refusal.message))


def count_images(path: Path, limits: DecodeLimits | None = None, side_cars: SideCars | None = None) -> int:
    """How many images a file holds, by its headers alone; raises InputError as `decode` does."""
    limits = limits or DecodeLimits()
    with open_source(path) as source:
        return describe(path, source, limits, side_cars).header.n_images


def _read(path: Path, limits: DecodeLimits, side_cars: SideCars | None, index: int, name: str | None) -> Micrograph:
    with open_source(path) as source:
        described = describe(path, source, limits, side_cars, index, name=name)
        samples = _load(described)
    pixels, colour_warnings = to_grey(samples)
    conclusion = conclude(described.statement, described.header.width_px, described.header.height_px)
    warnings = [*described.warnings, *colour_warnings, *conclusion.warnings]
    metadata = conclusion.metadata
    if described.statement.columns is None and _contradicts_its_banner(metadata, pixels):
        warnings.append(RESIZED)
        metadata = replace(metadata, nm_per_px=None, databar_top=None)
    if conclusion.aspect != 1:
        rows = pixels.shape[0]
        pixels = to_square_pixels(pixels, conclusion.aspect)
        warnings.append(
            f"The pixels are not square (height / width = {conclusion.aspect:.4g}); "
            f"{rows:,} rows were resampled to {pixels.shape[0]:,}."
        )
        metadata = replace(metadata, databar_top=None)
    header, stated = described.header, None if metadata == Metadata() else metadata
    return Micrograph(pixels, header.format, tuple(warnings), stated, header.n_images, index)


def _contradicts_its_banner(metadata: Metadata, pixels: Pixels) -> bool:
    """Whether the banner is seen at another row than the file states, which tells that the image was resized or cut."""
    if metadata.databar_top is None:
        return False
    # Needed for the files that say nothing of the columns they were recorded with, such as TESCAN's.
    from worker.analysis.banner import find_banner  # noqa: PLC0415

    seen = find_banner(pixels)
    return seen is not None and abs(seen.top - metadata.databar_top) > BANNER_TOLERANCE_ROWS


def _load(described: Described) -> Samples:
    try:
        return described.load()
    except (RuntimeError, ValueError) as error:
        # The codecs derive their errors from RuntimeError; their own words help nobody at a microscope.
        raise damaged("its pixels cannot be unpacked") from error


def _refusal(pixels: Pixels) -> InputError | None:
    """Why an image cannot be analysed, None where it can."""
    low, high = pixels.min(), pixels.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        return InputError(
            "The image holds values that are not numbers (NaN or infinity). Export it as a grey image with 8 or 16 bits.",
            code="not_finite",
        )
    if pixels.size == 1:
        return InputError("The image is a single pixel (1 × 1): there is nothing to analyse.", code="constant_image")
    if low == high:
        return InputError(
            f"All {pixels.size:,} pixels have the same value ({low}): the image shows nothing. "
            "Check the detector or the export.",
            code="constant_image",
            value=float(low),
        )
    return None
