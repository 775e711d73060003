"""What a file states about how its image was taken, in words and with units."""

from shared.finding_rows import RecordingRow
from shared.models import AnalysisRow
from web.pages.writing import Fact, short

UNREAD = "–"
# Between what must not be torn apart at the end of a line.
TOGETHER = "\N{NO-BREAK SPACE}"


def facts(analysis: AnalysisRow) -> list[Fact]:
    """List the typed fields of a recording, a dash where the file is silent; nothing for an analysis without recording."""
    row = analysis.recording
    if row is None:
        return []
    return [
        Fact("Instrument", row.instrument or UNREAD),
        Fact("Voltage", _with_unit(row.voltage_kv, "kV")),
        Fact("Magnification", f"{short(row.magnification)}×" if row.magnification is not None else UNREAD),
        Fact("Detector", row.detector or UNREAD),
        Fact("Taken", taken(row) or UNREAD),
        Fact("Operator", row.operator or UNREAD),
        Fact("Working distance", _with_unit(row.working_distance_mm, "mm")),
        Fact("Stage", _stage(row) or UNREAD),
    ]


def taken(row: RecordingRow) -> str:
    """Write when an image was taken, as far as the file says; without time zone, because files have none."""
    return (row.acquired_at or "").replace("T", " ")


def is_silent(analysis: AnalysisRow) -> bool:
    """Tell whether the file states nothing of how its image was taken."""
    return all(fact.value == UNREAD for fact in facts(analysis))


def _stage(row: RecordingRow) -> str:
    lengths = (("x", row.stage_x_mm), ("y", row.stage_y_mm), ("z", row.stage_z_mm))
    angles = (("tilt", row.stage_tilt_deg), ("rotation", row.stage_rotation_deg))
    parts = [f"{name}{TOGETHER}{short(value)}{TOGETHER}mm" for name, value in lengths if value is not None]
    return ", ".join(parts + [f"{name}{TOGETHER}{short(value)}°" for name, value in angles if value is not None])


def _with_unit(value: float | None, unit: str) -> str:
    return UNREAD if value is None else f"{short(value)} {unit}"
