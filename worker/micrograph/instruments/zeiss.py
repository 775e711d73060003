"""ZEISS and LEO SEMs: the text of TIFF tag 34118, a list of numbers and then pairs of lines ``AP_NAME`` and ``Label = value``.

AP_PIXEL_SIZE and the fourth number of the list stand for a raster of 1,024 columns whatever the image has;
AP_IMAGE_PIXEL_SIZE and AP_WIDTH stand for the image.
"""

from shared.domain import Metadata, Stage
from worker.micrograph.pixel_size import Stated, confirmed
from worker.micrograph.statement import (
    Statement,
    kilovolts,
    length_mm,
    moment,
    number,
    positive,
    raw_fields,
    stage_or_none,
    stated,
    stated_with_unit,
    text_or_none,
    whole_number,
)
from worker.micrograph.texts import whole_lines

# The raster that the list of numbers and AP_PIXEL_SIZE stand for.
REFERENCE_COLUMNS = 1024
# The labelled values have four digits, and the width is rounded too; a wrong raster is off by far more.
AGREEMENT = 0.01
PIXEL_SIZE_INDEX = 3


def read_zeiss(text: str, width_px: int) -> Statement:
    """The statement of a ZEISS microscope; ``width_px`` are the columns of the image."""
    numbers, fields = _parse(text)
    columns = _store_columns(fields)
    width, warnings = _pixel_width(numbers, fields, columns or width_px)
    return Statement(
        metadata=Metadata(
            vendor="ZEISS",
            model=text_or_none(fields.get("DP_SEM"), fields.get("SV_SERIAL_NUMBER")),
            voltage_kv=kilovolts(fields.get("AP_ACTUALKV") or fields.get("AP_MANUALKV"), 1.0),
            magnification=_magnification(fields.get("AP_MAG")),
            detector=text_or_none(fields.get("DP_DETECTOR_CHANNEL"), fields.get("DP_DETECTOR_TYPE")),
            acquired_at=moment(fields.get("AP_DATE"), fields.get("AP_TIME")),
            user=text_or_none(fields.get("SV_USER_NAME")),
            working_distance_mm=positive(length_mm(fields.get("AP_WD"))),
            stage=stage_or_none(
                Stage(
                    x_mm=length_mm(fields.get("AP_STAGE_AT_X")),
                    y_mm=length_mm(fields.get("AP_STAGE_AT_Y")),
                    z_mm=length_mm(fields.get("AP_STAGE_AT_Z")),
                    tilt_deg=number(fields.get("AP_STAGE_AT_T")),
                    rotation_deg=number(fields.get("AP_STAGE_AT_R")),
                )
            ),
            raw=raw_fields(fields),
        ),
        pixel_width=width,
        columns=columns,
        warnings=warnings,
    )


def _parse(text: str) -> tuple[list[str], dict[str, str]]:
    """The numbers at the beginning, and the values by their names in capitals."""
    numbers: list[str] = []
    fields: dict[str, str] = {}
    name = ""
    for line in whole_lines(text):
        stripped = line.strip()
        if stripped.isupper() and " " not in stripped and "_" in stripped:
            name = stripped
        elif name:
            # Dates and times stand behind a colon.
            sign = "=" if "=" in stripped else ":"
            fields.setdefault(name, stripped.partition(sign)[2].strip())
            name = ""
        elif not fields:
            numbers.append(stripped)
    return numbers, fields


def _pixel_width(numbers: list[str], fields: dict[str, str], columns: int) -> tuple[Stated | None, tuple[str, ...]]:
    """The most precise statement that another one confirms; nothing where all contradict each other, or where one is alone.

    ZEISS writes the size at least twice. Where it stands once, the text was cut short, and what would have told that the image
    was resampled may be missing too.
    """
    per_reference = REFERENCE_COLUMNS / columns
    first = numbers[PIXEL_SIZE_INDEX] if len(numbers) > PIXEL_SIZE_INDEX else None
    readings = [
        stated(first, "m", "CZ_SEM[3] × 1024 / columns", per_reference),
        stated_with_unit(fields.get("AP_IMAGE_PIXEL_SIZE"), "AP_IMAGE_PIXEL_SIZE"),
        stated_with_unit(fields.get("AP_WIDTH"), "AP_WIDTH / columns", 1 / columns),
        stated_with_unit(fields.get("AP_PIXEL_SIZE"), "AP_PIXEL_SIZE × 1024 / columns", per_reference),
    ]
    present = [reading for reading in readings if reading is not None]
    if len(present) == 1:
        return None, (f"The ZEISS fields are cut short: only {present[0].tag} is left of the pixel sizes; it was not used.",)
    return confirmed(present, AGREEMENT)


def _store_columns(fields: dict[str, str]) -> int | None:
    """Columns of "1024 * 768"."""
    return whole_number(fields.get("DP_IMAGE_STORE", "").partition("*")[0])


def _magnification(text: str | None) -> float | None:
    """The factor of "704 X" or "50.00 K X"."""
    thousands = text is not None and "K" in text.upper().split()
    return number(text, 1e3 if thousands else 1.0)
