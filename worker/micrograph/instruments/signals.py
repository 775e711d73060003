"""What RosettaSciIO hands over of a file: axes with scale and unit, and the maker's own fields."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.domain import Metadata, Stage
from worker.micrograph.pixel_size import Stated
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
)
from worker.micrograph.texts import flatten

# Tags that describe windows, palettes and cameras rather than the image; they would crowd out the others.
UNINTERESTING = (
    "ApplicationBounds", "Page Behavior", "PageSetup", "DocumentObjectList", "Thumbnails", "Image Behavior", "WindowPosition",
    "ImageList.TagGroup0.ImageData.Data", "CLUT",
)  # fmt: skip
DM_TAGS = ("ImageList", "TagGroup0", "ImageTags")
MICROMETRES_TO_MM = 1e-3
# The years 1990 and 2100 in tenths of a microsecond since 1601.
FIRST_TICKS, LAST_TICKS = 1.2275e17, 1.5747e17
# What writers put where an axis was never calibrated.
NO_UNITS = frozenset({"", "<undefined>", "[]", "px", "pixel", "pixels", "points"})


def read_signal_statement(
    signal: Mapping[str, Any], rows: Mapping[str, Any], columns: Mapping[str, Any], file_format: str
) -> Statement:
    """The statement of one image.

    Parameters
    ----------
    signal : mapping
        ``original_metadata`` as the file has it, and ``metadata`` as RosettaSciIO understands it.
    rows, columns : mapping
        The axes along the rows' order and along a row, each with ``scale`` and ``units``.
    file_format : str
        Name of the format.
    """
    original, general = signal.get("original_metadata") or {}, (signal.get("metadata") or {}).get("General", {})
    metadata = _read_hyperspy(signal.get("metadata")) if file_format == "HyperSpy" else _by_format(file_format, original)
    width, height = _sides(file_format, original, columns, rows)
    fields = [item for item in flatten(original) if not item[0].startswith(UNINTERESTING)]
    return Statement(
        metadata=Metadata(
            vendor=metadata.vendor,
            model=metadata.model,
            voltage_kv=metadata.voltage_kv,
            magnification=metadata.magnification,
            detector=metadata.detector,
            acquired_at=metadata.acquired_at or moment(general.get("date"), general.get("time")),
            user=metadata.user,
            working_distance_mm=metadata.working_distance_mm,
            stage=metadata.stage,
            raw=raw_fields(fields),
        ),
        pixel_width=width,
        pixel_height=height,
    )


def _sides(
    file_format: str, original: Mapping[str, Any], columns: Mapping[str, Any], rows: Mapping[str, Any]
) -> tuple[Stated | None, Stated | None]:
    """Sides of a pixel along a row and along a column."""
    if file_format == "ELID":
        # RosettaSciIO takes the first letter of any unit for a prefix, such as the p of px.
        width, height = (_branch(original, name) for name in ("pixelWidth", "pixelHeight"))
        return (
            stated(width.get("value"), text_or_none(width.get("unit")), "ELID pixelWidth"),
            stated(height.get("value"), text_or_none(height.get("unit")), "ELID pixelHeight"),
        )
    return _side(columns, file_format, "x"), _side(rows, file_format, "y")


def _side(axis: Mapping[str, Any], file_format: str, name: str) -> Stated | None:
    """The scale of an axis; one that was never set (1 without a unit) is no statement at all."""
    units = axis.get("units")
    unit = units if isinstance(units, str) and units not in NO_UNITS else None
    if unit is None and axis.get("scale") == 1:
        return None
    scale = axis.get("scale")
    return stated(None if scale is None else float(scale), unit, f"{file_format} scale of {name}")


def _by_format(file_format: str, original: Mapping[str, Any]) -> Metadata:
    if file_format in {"DM3", "DM4"}:
        return _read_dm(_branch(original, *DM_TAGS))
    if file_format == "ELID":
        return _read_phenom(original)
    if file_format == "EMD":
        return _read_berkeley(original)
    return Metadata()


def _read_dm(tags: Mapping[str, Any]) -> Metadata:
    microscope, session, bar = (_branch(tags, name) for name in ("Microscope Info", "Session Info", "DataBar"))
    stage = _branch(microscope, "Stage Position")
    return Metadata(
        vendor="Gatan",
        model=text_or_none(session.get("Microscope"), microscope.get("Microscope"), microscope.get("Name")),
        voltage_kv=kilovolts(microscope.get("Voltage"), 1e-3),
        magnification=number(microscope.get("Indicated Magnification")),
        detector=text_or_none(bar.get("Signal Name"), bar.get("Device Name")),
        # Day and month stand in the order of the operator's country; the system's own time is beyond doubt where it is there.
        acquired_at=_windows_time(bar.get("Acquisition Time (OS)"))
        or moment(text_or_none(bar.get("Acquisition Date")), text_or_none(bar.get("Acquisition Time"))),
        user=text_or_none(session.get("Operator"), microscope.get("Operator")),
        stage=stage_or_none(
            Stage(
                x_mm=number(stage.get("Stage X"), MICROMETRES_TO_MM),
                y_mm=number(stage.get("Stage Y"), MICROMETRES_TO_MM),
                z_mm=number(stage.get("Stage Z"), MICROMETRES_TO_MM),
                tilt_deg=number(stage.get("Stage Alpha")),
            )
        ),
    )


def _windows_time(value: Any) -> str | None:
    """Tenths of a microsecond since 1601, as Windows counts time, in ISO 8601; None where that is no time of a microscope."""
    ticks = number(value)
    if ticks is None or not FIRST_TICKS <= ticks <= LAST_TICKS:
        return None
    return (datetime(1601, 1, 1, tzinfo=UTC) + timedelta(seconds=round(ticks / 1e7))).isoformat()


def _read_berkeley(original: Mapping[str, Any]) -> Metadata:
    """Attributes of the groups microscope and user, in SI units; their names vary with the writer."""
    microscope, user = (
        {name.casefold(): value for name, value in _branch(original, group).items()} for group in ("microscope", "user")
    )
    return Metadata(
        vendor=text_or_none(microscope.get("manufacturer")),
        model=text_or_none(microscope.get("name"), microscope.get("microscope name"), microscope.get("microscope")),
        voltage_kv=kilovolts(microscope.get("high tension", microscope.get("voltage")), 1e-3),
        magnification=positive(number(microscope.get("magnification"))),
        detector=text_or_none(microscope.get("detector"), microscope.get("camera")),
        user=text_or_none(user.get("user name"), user.get("name"), user.get("user")),
    )


def _read_hyperspy(metadata: Any) -> Metadata:
    """HyperSpy's own tree: beam energy in keV, lengths in mm, angles in degrees."""
    instrument = _branch(metadata, "Acquisition_instrument")
    kind = next((name for name in ("TEM", "SEM") if name in instrument), "TEM")
    microscope, stage = _branch(instrument, kind), _branch(instrument, kind, "Stage")
    return Metadata(
        model=text_or_none(microscope.get("microscope")),
        voltage_kv=positive(number(microscope.get("beam_energy"))),
        magnification=positive(number(microscope.get("magnification"))),
        detector=text_or_none(_branch(microscope, "Detector").get("detector_type"), microscope.get("detector")),
        user=text_or_none(_branch(metadata, "General").get("authors")),
        working_distance_mm=positive(number(microscope.get("working_distance"))),
        stage=stage_or_none(
            Stage(
                x_mm=number(stage.get("x")),
                y_mm=number(stage.get("y")),
                z_mm=number(stage.get("z")),
                tilt_deg=number(stage.get("tilt_alpha", microscope.get("tilt_stage"))),
                rotation_deg=number(stage.get("rotation")),
            )
        ),
    )


def _read_phenom(original: Mapping[str, Any]) -> Metadata:
    voltage = _branch(original, "acquisition", "scan", "highVoltage")
    volts = number(voltage.get("value"), {"kV": 1.0, "V": 1e-3}.get(str(voltage.get("unit")), math.nan))
    model = text_or_none(_branch(original, "instrument").get("type"))
    return Metadata(vendor="Phenom", model=model, voltage_kv=volts and abs(volts))


def _branch(tree: Any, *names: str) -> Mapping[str, Any]:
    """A branch of nested mappings, empty where it is missing."""
    for name in names:
        tree = tree.get(name, {}) if isinstance(tree, Mapping) else {}
    return tree if isinstance(tree, Mapping) else {}
