"""ZEISS and LEO SEMs: the text of TIFF tag 34118, a list of numbers and then pairs of lines ``AP_NAME`` and ``Label = value``.

AP_PIXEL_SIZE and the fourth number of the list stand for a raster of 1,024 columns whatever the image has;
AP_IMAGE_PIXEL_SIZE and AP_WIDTH stand for the image.
"""

from shared.domain import Metadata, Stage
from worker.micrograph.pixel_size import Stated, confirmed
from worker.micrograph.statement import (
    Statement,
    length_mm,
    moment,
    number,
    raw_fields,
    stage_or_none,
    stated,
    stated_with_unit,
    text_or_none,
    whole_number,
)

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
            voltage_kv=_kilovolts(fields.get("AP_ACTUALKV") or fields.get("AP_MANUALKV")),
            magnification=_magnification(fields.get("AP_MAG")),
            detector=text_or_none(fields.get("DP_DETECTOR_CHANNEL"), fields.get("DP_DETECTOR_TYPE")),
            acquired_at=moment(fields.get("AP_DATE"), fields.get("AP_TIME")),
            user=text_or_none(fields.get("SV_USER_NAME")),
            working_distance_mm=length_mm(fields.get("AP_WD")),
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
    for line in text.splitlines():
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
    """The most precise statement that another one confirms; nothing where all contradict each other."""
    per_reference = REFERENCE_COLUMNS / columns
    first = numbers[PIXEL_SIZE_INDEX] if len(numbers) > PIXEL_SIZE_INDEX else None
    readings = [
        stated(first, "m", "CZ_SEM[3] × 1024 / columns", per_reference),
        stated_with_unit(fields.get("AP_IMAGE_PIXEL_SIZE"), "AP_IMAGE_PIXEL_SIZE"),
        stated_with_unit(fields.get("AP_WIDTH"), "AP_WIDTH / columns", 1 / columns),
        stated_with_unit(fields.get("AP_PIXEL_SIZE"), "AP_PIXEL_SIZE × 1024 / columns", per_reference),
    ]
    return confirmed([reading for reading in readings if reading is not None], AGREEMENT)


def _store_columns(fields: dict[str, str]) -> int | None:
    """Columns of "1024 * 768"."""
    return whole_number(fields.get("DP_IMAGE_STORE", "").partition("*")[0])


def _kilovolts(text: str | None) -> float | None:
    if not text:
        return None
    unit = text.split()[-1].casefold()
    return number(text, {"kv": 1.0, "v": 1e-3}[unit]) if unit in {"kv", "v"} else None


def _magnification(text: str | None) -> float | None:
    """The factor of "704 X" or "50.00 K X"."""
    thousands = text is not None and "K" in text.upper().split()
    return number(text, 1e3 if thousands else 1.0)
