"""JEOL TEMs with SightX software: an XML document ``TemReporter`` in the ImageDescription of a TIFF.

The resolution of the TIFF is that of the camera; divided by the magnification it is the pixel size on the specimen.
"""

from xml.etree import ElementTree as ET

from shared.domain import Metadata
from worker.micrograph.pixel_size import Stated
from worker.micrograph.statement import Statement, kilovolts, moment, number, raw_fields, text_or_none

METRES_PER_UNIT = {2: 0.0254, 3: 0.01}  # TIFF's ResolutionUnit: inch, centimetre


def read_jeol_tem(root: ET.Element, pixels_per_unit: float | None, resolution_unit: int) -> Statement:
    """The statement of a ``TemReporter``.

    Parameters
    ----------
    root : Element
        The XML document.
    pixels_per_unit : float or None
        XResolution of the TIFF.
    resolution_unit : int
        ResolutionUnit of the TIFF: 2 inch, 3 centimetre.
    """
    imaging = "ImageFormingSystem"
    selector = number(root.findtext(f"{imaging}/SelectorValue"))
    selector_unit = (root.findtext(f"{imaging}/SelectorUnitString") or "").strip().upper()
    is_tem = root.findtext("Eos/EosMode") == "eosTEM"
    unit_m = METRES_PER_UNIT.get(resolution_unit)
    width: Stated | None = None
    warnings: tuple[str, ...] = ()
    if selector_unit in {"MM", "CM", "M"}:
        warnings = ("The file is a diffraction pattern (TemReporter: camera length); its pixels have no length.",)
    elif is_tem and selector_unit == "X" and selector and pixels_per_unit and unit_m:
        size_m = unit_m / pixels_per_unit / selector
        width = Stated(f"{size_m:.7g}", "m", "XResolution / TemReporter SelectorValue")
    return Statement(
        metadata=Metadata(
            vendor="JEOL",
            model=text_or_none(root.findtext("Instruments")),
            voltage_kv=kilovolts(root.findtext("ElectronGun/AccelerationVoltage"), 1e-3),
            magnification=selector if selector_unit == "X" else None,
            detector=text_or_none(root.findtext(".//Modelname"), root.findtext(".//ImageSourceDetector")),
            acquired_at=moment(root.findtext("DateTime")),
            user=text_or_none(root.findtext("Operator")),
            raw=raw_fields([(child.tag, child.text) for child in root.iter() if child.text and not len(child)]),
        ),
        pixel_width=width,
        warnings=warnings,
    )
