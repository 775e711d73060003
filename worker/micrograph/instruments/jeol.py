"""JEOL SEMs: lines ``$NAME value`` in the side-car ``.txt``, or in UTF-16 in the Exif MakerNote of the image itself.

$CM_PIXEL_SIZE and $CM_FIELD_OF_VIEW are exact. Older instruments state the magnification only, and $$SM_MICRON_BAR, the length
of the bar cut to whole pixels: too coarse to measure by, but enough to tell which picture width the magnification refers to.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from shared.domain import Metadata, Stage
from worker.micrograph.pixel_size import Stated, confirmed, length_nm, unit_after_number
from worker.micrograph.statement import (
    Statement,
    kilovolts,
    moment,
    number,
    positive,
    raw_fields,
    stage_or_none,
    stated_with_unit,
    text_or_none,
)
from worker.micrograph.texts import whole_lines

# Picture widths that JEOL's magnifications refer to: the 120 mm of a Polaroid photograph, the 128 mm of newer instruments.
REFERENCE_WIDTHS_NM = (120e6, 128e6)
# The bar is cut to whole pixels, by some releases rounded.
BAR_TOLERANCE_PX = 1.0
AGREEMENT = 0.01


@dataclass(frozen=True, slots=True)
class _Raster:
    """Columns and rows the image was recorded with, and those it has."""

    full_columns: int | None
    full_rows: int | None
    columns: int | None
    rows: int | None

    @property
    def is_whole_picture(self) -> bool:
        """Whether the image shows the whole recorded field, perhaps on fewer columns, with a banner below or without."""
        if not (self.full_columns and self.full_rows and self.columns and self.rows):
            return True
        return self.rows >= self.full_rows * self.columns / self.full_columns - 1

    @property
    def databar_top(self) -> int | None:
        """Rows of the picture, where the image has more."""
        if not (self.full_columns and self.full_rows and self.columns and self.rows):
            return None
        top, rest = divmod(self.full_rows * self.columns, self.full_columns)
        return top if rest == 0 and top < self.rows else None


def is_jeol_text(text: str) -> bool:
    """Whether a text is of a JEOL microscope."""
    return any(line.startswith(("$CM_", "$SEM_DATA_VERSION", "$$SM_")) for line in text.splitlines()[:20])


def read_jeol_text(text: str, width_px: int | None, height_px: int | None) -> Statement:
    """The statement of the lines; the size of the image is None where it is not at hand."""
    fields = dict(_parse(text))
    raster = _raster(fields, width_px, height_px)
    width, warnings = _pixel_width(fields, raster)
    x_mm, y_mm, z_mm = (*map(number, fields.get("CM_STAGE_POS", fields.get("CM_STAGE_POSITION", "")).split()), *[None] * 3)[:3]
    return Statement(
        metadata=Metadata(
            vendor="JEOL",
            model=text_or_none(fields.get("CM_INSTRUMENT")),
            voltage_kv=kilovolts(fields.get("CM_ACCEL_VOLT"), 1.0),
            magnification=number(fields.get("CM_MAG")),
            detector=text_or_none(fields.get("CM_DETECTOR_NAME"), fields.get("CM_DETECTOR"), fields.get("CM_SIGNAL_NAME")),
            acquired_at=moment(fields.get("CM_DATE"), fields.get("CM_TIME")),
            user=text_or_none(fields.get("CM_OPERATOR")),
            working_distance_mm=positive(number(fields.get("SM_WD"))),
            stage=stage_or_none(Stage(x_mm=x_mm, y_mm=y_mm, z_mm=z_mm)),
            raw=raw_fields(fields),
        ),
        pixel_width=width,
        # A cut-out is refused by the rule for images that were changed afterwards; without an image nobody knows.
        columns=None if width_px is not None and raster.is_whole_picture else raster.full_columns,
        databar_top=raster.databar_top,
        warnings=warnings,
    )


def _parse(text: str) -> Iterator[tuple[str, str]]:
    for line in whole_lines(text):
        name, _, value = line.strip().partition(" ")
        if name.startswith("$"):
            yield name.lstrip("$"), value.strip()


def _raster(fields: dict[str, str], width_px: int | None, height_px: int | None) -> _Raster:
    sizes = [number(part) for part in fields.get("CM_FULL_SIZE", fields.get("CM_IMAGE_SIZE", "")).split()]
    full = [int(size) if size and size > 0 else None for size in (*sizes, None, None)[:2]]
    return _Raster(full[0], full[1], width_px or full[0], height_px or full[1])


def _pixel_width(fields: dict[str, str], raster: _Raster) -> tuple[Stated | None, tuple[str, ...]]:
    by_magnification, warnings = _by_magnification(fields, raster)
    readings = [*_by_pixel_size(fields, raster), *_by_field_of_view(fields, raster), *by_magnification]
    if not readings:
        return None, warnings
    if raster.full_columns is None:
        # JEOL images are saved at other sizes than they were recorded with.
        return None, (f"{readings[0].tag} stands without $CM_FULL_SIZE, the columns it belongs to; it was not used.",)
    was_scaled = raster.full_columns not in {None, raster.columns}
    if was_scaled and "CM_PIXEL_SIZE" in fields and len(readings) == 2:
        # Two readings of one field, for the recorded and for the saved columns: nothing tells which one is meant.
        message = (
            f"$CM_PIXEL_SIZE ({fields['CM_PIXEL_SIZE']}) does not say whether it stands for the {raster.full_columns} columns "
            f"recorded or the {raster.columns} saved; it was not used."
        )
        return None, (message,)
    return confirmed(readings, AGREEMENT)


def _by_pixel_size(fields: dict[str, str], raster: _Raster) -> list[Stated]:
    """$CM_PIXEL_SIZE; of an image saved with other columns it may stand for either."""
    reading = stated_with_unit(fields.get("CM_PIXEL_SIZE"), "$CM_PIXEL_SIZE")
    if reading is None:
        return []
    if raster.full_columns and raster.columns and raster.full_columns != raster.columns:
        scaled = stated_with_unit(
            fields["CM_PIXEL_SIZE"], "$CM_PIXEL_SIZE × recorded / saved columns", raster.full_columns / raster.columns
        )
        return [reading] if scaled is None else [reading, scaled]
    return [reading]


def _by_field_of_view(fields: dict[str, str], raster: _Raster) -> list[Stated]:
    if raster.columns is None:
        return []
    reading = stated_with_unit(
        fields.get("CM_FIELD_OF_VIEW", "").partition(" ")[0], "$CM_FIELD_OF_VIEW / columns", 1 / raster.columns
    )
    return [] if reading is None else [reading]


def _by_magnification(fields: dict[str, str], raster: _Raster) -> tuple[list[Stated], tuple[str, ...]]:
    """Picture width / $CM_MAG / columns, for the one picture width that the bar confirms."""
    magnification, bar_px = number(fields.get("CM_MAG")), number(fields.get("SM_MICRON_BAR"))
    marker = fields.get("SM_MICRON_MARKER", "")
    marker_nm = length_nm(Stated(marker, unit_after_number(marker), "$$SM_MICRON_MARKER"))[0]
    if not (magnification and magnification > 0 and raster.columns):
        return [], ()
    if not (bar_px and marker_nm and raster.full_columns):
        return [], ("The side-car states a magnification but no bar to confirm it by ($$SM_MICRON_BAR); it was not used.",)
    widths = [
        width_nm
        for width_nm in REFERENCE_WIDTHS_NM
        if abs(marker_nm * magnification * raster.full_columns / width_nm - bar_px) <= BAR_TOLERANCE_PX
    ]
    if len(widths) != 1:
        return [], (
            f"$CM_MAG ({magnification:g}) and $$SM_MICRON_BAR ({bar_px:g} px for {marker}) do not confirm each other; "
            "neither was used.",
        )
    size_nm = widths[0] / magnification / raster.columns
    return [Stated(f"{size_nm:.7g}", "nm", f"{widths[0] / 1e6:g} mm / $CM_MAG / columns")], ()
