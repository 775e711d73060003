"""TESCAN: lines ``Name=value`` in TIFF tag 50431, or in the side-car ``.hdr`` under [MAIN] and [SEM]. Lengths are in metres."""

import struct

from shared.domain import Metadata, Stage
from worker.micrograph.statement import (
    Statement,
    kilovolts,
    moment,
    number,
    positive,
    raw_fields,
    stage_or_none,
    stated,
    text_or_none,
    whole_number,
)
from worker.micrograph.texts import decode_text, key_values, whole_lines

# Tag 50431 is a row of blocks: length in bytes of what follows, kind, content. Kind 1 is a thumbnail, the others are texts; an
# empty block ends the row.
LENGTH, KIND = struct.Struct("<I"), struct.Struct("<H")
THUMBNAIL = 1
METRE = "m"


def read_tescan_tag(data: bytes, height_px: int) -> Statement:
    """The statement of TIFF tag 50431; ``height_px`` are the rows of the image, banner included."""
    # Whole lines only: behind each text the next one begins, and the last may be cut short.
    return read_tescan_text("".join(f"{line}\n" for text in _texts(data) for line in whole_lines(text)), height_px)


def read_tescan_text(text: str, height_px: int | None) -> Statement:
    """The statement of the lines, under headings or not; ``height_px`` is None where the image is not at hand."""
    fields = {name.rpartition(".")[2]: value for name, value in reversed(key_values(text).items()) if value}
    strip = whole_number(fields.get("ImageStripSize"))
    return Statement(
        metadata=Metadata(
            vendor="TESCAN",
            model=text_or_none(fields.get("Device"), fields.get("DeviceModel")),
            voltage_kv=kilovolts(fields.get("HV") or fields.get("AcceleratorVoltage"), 1e-3),
            magnification=number(fields.get("Magnification")),
            detector=text_or_none(fields.get("Detector"), fields.get("Detector0")),
            acquired_at=moment(fields.get("Date"), fields.get("Time")),
            user=text_or_none(fields.get("UserName"), fields.get("FullUserName")),
            working_distance_mm=positive(number(fields.get("WD"), 1e3)),
            stage=stage_or_none(
                Stage(
                    x_mm=number(fields.get("StageX"), 1e3),
                    y_mm=number(fields.get("StageY"), 1e3),
                    z_mm=number(fields.get("StageZ"), 1e3),
                    tilt_deg=number(fields.get("StageTilt")),
                    rotation_deg=number(fields.get("StageRotation")),
                )
            ),
            raw=raw_fields(fields),
        ),
        pixel_width=stated(fields.get("PixelSizeX"), METRE, "PixelSizeX"),
        pixel_height=stated(fields.get("PixelSizeY"), METRE, "PixelSizeY"),
        databar_top=height_px - strip if strip and strip > 0 and height_px is not None else None,
    )


def _texts(data: bytes) -> list[str]:
    """The texts of the blocks, up to where the blocks are cut short."""
    found, position = [], 0
    while position + LENGTH.size + KIND.size <= len(data):
        (length,), (kind,) = LENGTH.unpack_from(data, position), KIND.unpack_from(data, position + LENGTH.size)
        start = position + LENGTH.size + KIND.size
        position += LENGTH.size + max(length, KIND.size)
        if kind != THUMBNAIL and b"=" in data[start:position]:
            found.append(decode_text(data[start:position]))
    return found
