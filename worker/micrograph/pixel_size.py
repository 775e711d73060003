"""From what a file writes about its pixels to nanometres, or to a reason why not. Pure rules, never a guess.

A pixel size counts only with a unit of length, within what microscopes can do, for as many columns as the image really has.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from shared.domain import MAX_NM_PER_PX, MIN_NM_PER_PX

# Nanometres of each unit, by its name in lower case without spaces, points and underscores; mu has become u before. Inches and
# centimetres are missing on purpose: they are the units of a print resolution, never of a micrograph.
NM_PER_UNIT: Mapping[str, float] = MappingProxyType(
    {"m": 1e9, "meter": 1e9, "meters": 1e9, "metre": 1e9, "metres": 1e9,
     "mm": 1e6, "millimeter": 1e6, "millimeters": 1e6, "millimetre": 1e6, "millimetres": 1e6,
     "um": 1e3, "micron": 1e3, "microns": 1e3, "micrometer": 1e3, "micrometers": 1e3, "micrometre": 1e3, "micrometres": 1e3,
     "nm": 1.0, "nanometer": 1.0, "nanometers": 1.0, "nanometre": 1.0, "nanometres": 1.0,
     "å": 0.1, "a": 0.1, "ang": 0.1, "angstrom": 0.1, "angstroms": 0.1, "ångström": 0.1, "ångstrom": 0.1, "angström": 0.1,
     "pm": 1e-3, "picometer": 1e-3, "picometers": 1e-3, "picometre": 1e-3,
     "fm": 1e-6}
)  # fmt: skip
# Greek mu, micro sign, and what is left of them where Latin-1 was read as UTF-8, or UTF-8, Shift-JIS or DOS characters as
# Latin-1.
MICRO_SIGNS = ("Âµ", "Â\xb5", "Î¼", "μ", "µ", "\ufffd", "ƒÊ", "æ")
ESCAPED = re.compile(r"\\u00[bB]5")
RECIPROCAL = re.compile(r"^1/|/(nm|um|å|a|m|pm|mm)$|\^-1|\*\*-1|⁻¹|-1$|^rad|^mrad", re.IGNORECASE)
NUMBER = re.compile(r"[+-]?(?:\d+(?:[.,]\d+)*|[.,]\d+)(?:[eE][+-]?\d+)?")
# What may stand before a length; a sign further away belongs to the number all the same.
BEFORE_NUMBER = re.compile(r"[\s=:]*(?P<sign>[+-]?)\s*(?=[\d.,])")
MINUS_SIGNS = str.maketrans("−–", "--")
# Thousands in groups of three, by a comma or a point, and decimals behind the other one.
GROUPED = re.compile(
    r"(?P<whole>[+-]?\d{1,3}(?:(?P<group>[.,])\d{3})(?:(?P=group)\d{3})*)(?:(?!(?P=group))[.,](?P<decimals>\d+))?"
    r"(?P<exponent>[eE][+-]?\d+)?"
)
# Also as Windows programs print them: 1.#QNAN, 1.#INF.
NOT_A_NUMBER = re.compile(r"\b(nan|inf|infinity)\b|#", re.IGNORECASE)
# The two sides of a pixel differ by less than this where a writer rounded them; more is a scan with unequal steps.
SQUARE_TOLERANCE = 1e-3
# One side more than so many times the other is no scan but a mistake, and resampling would invent the picture.
MAX_ASPECT = 20.0


@dataclass(frozen=True, slots=True)
class Stated:
    """One length as a file states it.

    Attributes
    ----------
    text : str
        The number as written, with its unit if that is written beside it.
    unit : str or None
        The unit: as written, or the one the format fixes for this tag; None where nothing says it.
    tag : str
        Where it was read.
    factor : float
        What the number is multiplied with, such as 1024 / columns where it stands for another raster.
    """

    text: str
    unit: str | None
    tag: str
    factor: float = 1.0

    @property
    def written(self) -> str:
        """Number and unit, as a person would quote them."""
        unit = self.unit or ""
        return self.text if not unit or self.text.endswith(unit) else f"{self.text} {unit}"


@dataclass(frozen=True, slots=True)
class PixelSize:
    """The pixel size that holds after the rules.

    Attributes
    ----------
    nm_per_px : float or None
        Size of a pixel along a row, nm.
    aspect : float
        Height of a pixel by its width; other than 1 the image must be resampled before it is measured.
    warnings : tuple of str
        Why a statement does not count, naming its tag.
    """

    nm_per_px: float | None = None
    text: str | None = None
    tag: str | None = None
    aspect: float = 1.0
    warnings: tuple[str, ...] = ()


def parse_number(text: str) -> float | None:
    """The first number of a text, with a decimal point or a decimal comma; None where there is none.

    Examples
    --------
    >>> parse_number("158,7 nm"), parse_number("1.024e-9"), parse_number("1,280,000"), parse_number("none")
    (158.7, 1.024e-09, 1280000.0, None)
    """
    if NOT_A_NUMBER.search(text):
        return None
    match = NUMBER.search(text)
    if match is None:
        return None
    digits = _with_decimal_point(match.group())
    number = math.inf if digits is None else float(digits)
    return number if math.isfinite(number) else None


def _with_decimal_point(digits: str) -> str | None:
    """A number as Python writes it; None where commas or points stand where no country puts them, as in 1.5.3."""
    if digits.count(",") == 1 and "." not in digits:
        return digits.replace(",", ".")
    if digits.count(",") + digits.count(".") < 2:
        return digits
    match = GROUPED.fullmatch(digits)
    if match is None:
        return None
    whole = match["whole"].replace(match["group"], "")
    return f"{whole}.{match['decimals'] or '0'}{match['exponent'] or ''}"


def unit_after_number(text: str) -> str | None:
    """The word behind the first number of a text; None where nothing stands there."""
    match = NUMBER.search(text)
    words = [] if match is None else text[match.end() :].split()
    return (words[0].split("[")[0].split("(")[0] or None) if words else None


def nm_per_unit(unit: str) -> float | None:
    """Nanometres of a unit of length in any of its spellings; None for any other, such as the 1/nm of a diffraction pattern.

    Examples
    --------
    >>> nm_per_unit("µm"), nm_per_unit("μm"), nm_per_unit("um"), nm_per_unit("n_m"), nm_per_unit("1/nm")
    (1000.0, 1000.0, 1000.0, 1.0, None)
    """
    plain = unit.strip().strip("[]()\"'").strip()
    plain = ESCAPED.sub("u", plain)
    for sign in MICRO_SIGNS:
        plain = plain.replace(sign, "u")
    plain = plain.replace("Å", "å").replace("\u212b", "å").replace(" ", "").replace("_", "").replace(".", "")
    if RECIPROCAL.search(plain):
        return None
    if plain in {"M", "Mm", "MM"}:
        # A capital M is mega, not milli; nobody means it, and nobody may guess what was meant.
        return 1e6 if plain == "MM" else None
    return NM_PER_UNIT.get(plain.lower())


def is_reciprocal(unit: str) -> bool:
    """Whether a unit belongs to a diffraction pattern or a Fourier transform, which has no length scale."""
    return bool(RECIPROCAL.search(unit.strip().replace(" ", "").replace("_", "")))


def length_nm(stated: Stated) -> tuple[float | None, str | None]:
    """A stated length in nm, or None and the reason why it does not count."""
    number = _length(stated.text)
    if number is None:
        return None, f"The pixel size in {stated.tag} is not a number ({stated.text!r}); it was not used."
    if stated.unit is None or not stated.unit.strip():
        return None, f"The pixel size in {stated.tag} ({stated.text}) has no unit; it was not used."
    factor = nm_per_unit(stated.unit)
    if factor is None:
        if is_reciprocal(stated.unit):
            return None, f"The pixels of a diffraction pattern have no length ({stated.tag}: {stated.written})."
        return None, f"The pixel size in {stated.tag} has a unit that is no length ({stated.unit!r}); it was not used."
    size = number * factor * stated.factor
    if not MIN_NM_PER_PX <= size <= MAX_NM_PER_PX:
        return None, f"The pixel size in {stated.tag} ({stated.written}) is impossible for a microscope; it was not used."
    return size, None


def _length(text: str) -> float | None:
    """The number that a text begins with, its sign included; None where it begins otherwise, as "about 5 nm" does."""
    plain = text.translate(MINUS_SIGNS)
    before = BEFORE_NUMBER.match(plain)
    if before is None:
        return None
    number = parse_number(plain[before.end() :])
    return -number if number is not None and before["sign"] == "-" else number


def pixel_size(width: Stated | None, height: Stated | None, stated_columns: int | None, columns: int) -> PixelSize:
    """Judge what a file states about the sides of its pixels.

    Parameters
    ----------
    width, height : Stated or None
        Size of a pixel along a row and along a column.
    stated_columns : int or None
        Columns the image had when it was recorded, where the file says so.
    columns : int
        Columns of the image as it is stored.
    """
    if width is None:
        return PixelSize()
    width_nm, reason = length_nm(width)
    if width_nm is None:
        return PixelSize(warnings=(str(reason),))
    if stated_columns is not None and stated_columns != columns:
        return PixelSize(
            warnings=(
                f"The image has {columns:,} columns, but was recorded with {stated_columns:,}: it was resampled or cut "
                f"afterwards, and the pixel size in {width.tag} ({width.written}) no longer holds.",
            )
        )
    if height is None:
        return PixelSize(width_nm, width.written, width.tag)
    height_nm, reason = length_nm(height)
    if height_nm is None:
        return PixelSize(warnings=(str(reason),))
    aspect = height_nm / width_nm
    if abs(aspect - 1) <= SQUARE_TOLERANCE:
        aspect = 1.0
    return PixelSize(width_nm, width.written, width.tag, aspect)


def confirmed(readings: list[Stated], tolerance: float) -> tuple[Stated | None, tuple[str, ...]]:
    """The first of several statements of one length that another one confirms; the only one where there is one.

    Parameters
    ----------
    readings : list of Stated
        The most precise first.
    tolerance : float
        Relative difference up to which two of them agree.

    Returns
    -------
    reading : Stated or None
        None where all contradict each other; where none is usable, the first, to be judged by `pixel_size`.
    warnings : tuple of str
        The contradiction.
    """
    usable = [(reading, size) for reading in readings if (size := length_nm(reading)[0]) is not None]
    if len(usable) < 2:
        return (usable[0][0] if usable else readings[0] if readings else None), ()
    for position, (reading, size) in enumerate(usable):
        others = (other for index, (_, other) in enumerate(usable) if index != position)
        if any(abs(other / size - 1) <= tolerance for other in others):
            return reading, ()
    listed = ", ".join(f"{reading.tag}: {size:.4g} nm" for reading, size in usable)
    return None, (f"The pixel sizes in the file contradict each other ({listed}); none was used.",)
