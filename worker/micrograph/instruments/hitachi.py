"""Hitachi SEMs: the side-car ``.txt`` with lines ``Name=value`` under [SemImageFile]. PixelSize is in nm."""

from shared.domain import Metadata, Stage
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
    text_or_none,
    whole_number,
)
from worker.micrograph.texts import key_values

SECTIONS = ("[SemImageFile]", "[TemImageFile]")
NANOMETRES_TO_MM = 1e-6
CUT_SHORT = "[SemImageFile] PixelSize stands without DataSize, the columns it belongs to; it was not used."


def is_hitachi_text(text: str) -> bool:
    """Whether a text is of a Hitachi microscope."""
    return any(line.strip() in SECTIONS for line in text.splitlines()[:20])


def read_hitachi_text(text: str, width_px: int | None, height_px: int | None) -> Statement:
    """The statement of the lines; the size of the image is None where it is not at hand."""
    fields = {name.rpartition(".")[2]: value for name, value in key_values(text).items() if value}
    columns, _, rows = fields.get("DataSize", "").partition("x")
    picture_rows = whole_number(rows)
    # Without the columns it belongs to, nothing tells whether the image was resampled.
    is_cut = width_px is not None and "PixelSize" in fields and whole_number(columns) is None
    return Statement(
        metadata=Metadata(
            vendor="Hitachi",
            model=text_or_none(fields.get("InstructName")),
            voltage_kv=kilovolts(fields.get("AcceleratingVoltage"), 1e-3),
            magnification=number(fields.get("Magnification")),
            detector=text_or_none(fields.get("SignalName")),
            acquired_at=moment(fields.get("Date"), fields.get("Time")),
            working_distance_mm=positive(length_mm(fields.get("WorkingDistance"))),
            stage=stage_or_none(
                Stage(
                    x_mm=number(fields.get("StagePositionX"), NANOMETRES_TO_MM),
                    y_mm=number(fields.get("StagePositionY"), NANOMETRES_TO_MM),
                )
            ),
            raw=raw_fields(fields),
        ),
        pixel_width=None if is_cut else stated(fields.get("PixelSize"), "nm", "[SemImageFile] PixelSize"),
        columns=whole_number(columns),
        warnings=(CUT_SHORT,) if is_cut else (),
        databar_top=picture_rows if picture_rows and height_px and picture_rows < height_px else None,
    )
