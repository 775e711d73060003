"""FEI and Thermo Fisher: the INI text of TIFF tags 34680 and 34682, and the XML of tag 34683 (newer instruments, Phenom).

Field names as the microscopes write them; lengths are in metres, voltages in volts, angles in radians.
"""

import math
from xml.etree import ElementTree as ET

from shared.domain import Metadata, Stage
from worker.micrograph.pixel_size import Stated
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

# Where width of the field / columns and the pixel size differ by more, one of them is wrong.
MAX_CONTRADICTION = 0.02
METRE = "m"


def read_fei_text(text: str, height_px: int) -> Statement:
    """The statement of the INI text of an FEI microscope.

    Parameters
    ----------
    text : str
        Sections [User], [System], [Beam], [Scan], [Image], [PrivateFei] and more.
    height_px : int
        Rows of the image, banner included.
    """
    fields = {name: value for name, value in key_values(text).items() if value}
    beam = fields.get("Beam.Beam", "EBeam")
    width, height, contradiction = _sides(fields, beam)
    columns = whole_number(fields.get("Image.ResolutionX"))
    return Statement(
        metadata=Metadata(
            vendor="FEI",
            model=text_or_none(fields.get("System.SystemType")),
            voltage_kv=kilovolts(fields.get("Beam.HV") or fields.get(f"{beam}.HV"), 1e-3),
            magnification=_magnification(fields),
            detector=text_or_none(fields.get("Detectors.Name")),
            acquired_at=moment(fields.get("PrivateFei.TimeOfCreation"))
            or moment(fields.get("User.Date"), fields.get("User.Time")),
            user=text_or_none(fields.get("User.User"), fields.get("User.UserName")),
            working_distance_mm=positive(number(fields.get(f"{beam}.WD") or fields.get("Stage.WorkingDistance"), 1e3)),
            stage=stage_or_none(
                Stage(
                    x_mm=number(fields.get("Stage.StageX"), 1e3),
                    y_mm=number(fields.get("Stage.StageY"), 1e3),
                    z_mm=number(fields.get("Stage.StageZ"), 1e3),
                    tilt_deg=number(fields.get("Stage.StageT"), 180 / math.pi),
                    rotation_deg=number(fields.get("Stage.StageR"), 180 / math.pi),
                )
            ),
            raw=raw_fields(fields),
        ),
        pixel_width=width,
        pixel_height=height,
        columns=columns,
        databar_top=_databar_top(fields, height_px),
        warnings=contradiction,
    )


def read_fei_xml(root: ET.Element, height_px: int) -> Statement:
    """The statement of the XML of a Thermo Fisher microscope, or of a Phenom (root ``FeiImage``)."""
    if root.tag == "FeiImage":
        return _read_phenom(root, height_px)
    width, height = (_xml_length(root, f"BinaryResult/PixelSize/{axis}") for axis in "XY")
    stage = "StageSettings/StagePosition"
    return Statement(
        metadata=Metadata(
            vendor=text_or_none(root.findtext("Instrument/Manufacturer")) or "Thermo Fisher",
            model=text_or_none(root.findtext("Instrument/InstrumentClass")),
            voltage_kv=kilovolts(root.findtext("Optics/AccelerationVoltage"), 1e-3),
            detector=text_or_none(root.findtext("Detectors/ScanningDetector/DetectorName")),
            acquired_at=moment(root.findtext("Acquisition/AcquisitionDatetime")),
            user=text_or_none(root.findtext("Core/UserID")),
            working_distance_mm=positive(number(root.findtext("Optics/WorkingDistance"), 1e3)),
            stage=stage_or_none(
                Stage(
                    x_mm=number(root.findtext(f"{stage}/X"), 1e3),
                    y_mm=number(root.findtext(f"{stage}/Y"), 1e3),
                    z_mm=number(root.findtext(f"{stage}/Z"), 1e3),
                    tilt_deg=number(root.findtext(f"{stage}/Tilt/Alpha"), 180 / math.pi),
                    rotation_deg=number(root.findtext(f"{stage}/Rotation"), 180 / math.pi),
                )
            ),
            raw=raw_fields(_leaves(root)),
        ),
        pixel_width=width,
        pixel_height=height,
        columns=whole_number(root.findtext("BinaryResult/ImageSize/X")),
    )


def _sides(fields: dict[str, str], beam: str) -> tuple[Stated | None, Stated | None, tuple[str, ...]]:
    """Sides of a pixel: of the scan, or of the camera's field; both must agree where both are there."""
    for section in ("Scan", "EScan", "IScan"):
        width = stated(fields.get(f"{section}.PixelWidth"), METRE, f"[{section}] PixelWidth")
        if width is None:
            continue
        field_m, columns = number(fields.get(f"{section}.HorFieldsize")), number(fields.get("Image.ResolutionX"))
        pixel_m = number(width.text)
        if not columns:
            warning = (
                f"The FEI fields are cut short: [{section}] PixelWidth ({width.written}) stands without [Image] ResolutionX, "
                "the columns it belongs to; it was not used."
            )
            return None, None, (warning,)
        if field_m and pixel_m and abs(pixel_m * columns / field_m - 1) > MAX_CONTRADICTION:
            warning = (
                f"[{section}] PixelWidth ({width.written}) contradicts HorFieldsize ({field_m:g} m on {columns:g} columns); "
                "neither was used."
            )
            return None, None, (warning,)
        return width, stated(fields.get(f"{section}.PixelHeight"), METRE, f"[{section}] PixelHeight"), ()
    sides = []
    for field_name, count in (("HFW", "ResolutionX"), ("VFW", "ResolutionY")):
        n_pixels = number(fields.get(f"Image.{count}"))
        factor = 1 / n_pixels if n_pixels else math.nan
        sides.append(stated(fields.get(f"{beam}.{field_name}"), METRE, f"[{beam}] {field_name} / {count}", factor))
    return sides[0], sides[1], ()


def _magnification(fields: dict[str, str]) -> float | None:
    """Width on the screen by width of the field."""
    screen_m, field_m = number(fields.get("Image.MagCanvasRealWidth")), number(fields.get("Scan.HorFieldsize"))
    return screen_m / field_m if screen_m and field_m else None


def _databar_top(fields: dict[str, str], height_px: int) -> int | None:
    """Rows of the picture, where they and the banner make up the image; a resized image has other rows."""
    bar, rows = whole_number(fields.get("PrivateFei.DatabarHeight")), whole_number(fields.get("Image.ResolutionY"))
    if not bar or bar < 0 or (rows is not None and rows + bar != height_px):
        return None
    return height_px - bar


def _read_phenom(root: ET.Element, height_px: int) -> Statement:
    bar = whole_number(root.findtext("databarHeight"))
    return Statement(
        metadata=Metadata(
            vendor="Phenom",
            model=text_or_none(root.findtext("instrument/edition"), root.findtext("instrument/type")),
            voltage_kv=_phenom_voltage_kv(root),
            detector=text_or_none(root.findtext("acquisition/scan/detector"), root.findtext("detector")),
            acquired_at=moment(root.findtext("time")),
            working_distance_mm=positive(length_mm(_with_unit(root.find("workingDistance")))),
            raw=raw_fields(_leaves(root)),
        ),
        pixel_width=_xml_length(root, "pixelWidth"),
        pixel_height=_xml_length(root, "pixelHeight"),
        databar_top=height_px - bar if bar and bar > 0 else None,
    )


def _phenom_voltage_kv(root: ET.Element) -> float | None:
    element = root.find("acquisition/scan/highVoltage")
    if element is None:
        element = root.find("highVoltage")
    if element is None:
        return None
    factor = {"kV": 1.0, "V": 1e-3}.get(element.get("unit", ""))
    volts = number(element.text, factor or 1.0)
    return None if factor is None or volts is None else abs(volts)


def _xml_length(root: ET.Element, path: str) -> Stated | None:
    element = root.find(path)
    if element is None:
        return None
    # Nobody says what another power would mean.
    unit = element.get("unit") if element.get("unitPrefixPower", "1") == "1" else None
    return stated(element.text, unit, path)


def _with_unit(element: ET.Element | None) -> str | None:
    return None if element is None else f"{element.text or ''} {element.get('unit', '')}"


def _leaves(root: ET.Element, prefix: str = "") -> list[tuple[str, str]]:
    """The texts of an XML tree, named by their path."""
    found: list[tuple[str, str]] = []
    for child in root:
        name = f"{prefix}.{child.tag}" if prefix else str(child.tag)
        if len(child):
            found.extend(_leaves(child, name))
        elif child.text:
            found.append((name, f"{child.text} {child.get('unit', '')}"))
    return found
