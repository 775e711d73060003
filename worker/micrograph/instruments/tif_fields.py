"""Makers that keep a few fields of their own in a TIFF: Gatan, TVIPS, Olympus SIS, ImageJ and OME."""

from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree as ET

from shared.domain import Metadata
from worker.micrograph.pixel_size import Stated
from worker.micrograph.statement import Statement, moment, number, positive, raw_fields, stated, text_or_none, whole_number
from worker.micrograph.texts import whole_lines

# OME-XML, schema 2016-06: the unit of PhysicalSizeX where none is written.
OME_DEFAULT_UNIT = "µm"
MAX_TEM_KV = 2000.0
OME_SIZE = ("PhysicalSizeX", "PhysicalSizeXUnit", "PhysicalSizeY", "PhysicalSizeYUnit", "SizeX")
OME_AMBIGUOUS = "The OME-XML describes several images and does not say which one this is; its pixel sizes were not used."
# ImageJ takes these over from the print resolution of whatever file it has opened.
PRINT_UNITS = frozenset({"inch", "inches", "in", "cm", "pixel", "pixels", ""})


def read_gatan(unit_x: bytes, unit_y: bytes, size_x: float | None, size_y: float | None) -> Statement:
    """The statement of Gatan's tags 65003 and 65004 (units) and 65009 and 65010 (pixel sizes)."""
    return Statement(
        metadata=Metadata(vendor="Gatan"),
        pixel_width=stated(size_x, text_or_none(unit_x), "Gatan tag 65009"),
        pixel_height=stated(size_y, text_or_none(unit_y), "Gatan tag 65010"),
    )


def read_tvips(header: Mapping[str, Any]) -> Statement:
    """The statement of TIFF tag 37706 of TVIPS cameras, as tifffile parses it; PixelSizeX is in nm."""
    return Statement(
        metadata=Metadata(
            vendor="TVIPS",
            model=text_or_none(header.get("TemType")),
            voltage_kv=tvips_kilovolts(header.get("TemHighTension")),
            magnification=number(header.get("TemMagnification")),
            detector=text_or_none(header.get("CameraType")),
            raw=raw_fields((name, value) for name, value in header.items() if isinstance(value, (str, int, float))),
        ),
        pixel_width=stated(header.get("PixelSizeX"), "nm", "TVIPS PixelSizeX"),
        pixel_height=stated(header.get("PixelSizeY"), "nm", "TVIPS PixelSizeY"),
        columns=whole_number(header.get("ImageSizeX")) or None,
    )


def tvips_kilovolts(value: Any) -> float | None:
    """A high tension, kV, of TVIPS, which writes volts or kilovolts: no TEM has less than 2 kV or more than 2 MV."""
    found = positive(number(value))
    return None if found is None else found / 1e3 if found > MAX_TEM_KV else found


def read_olympus_sis(fields: Mapping[str, Any], camera: str | None) -> Statement:
    """The statement of TIFF tag 33560 or 33471 of Olympus Soft Imaging Solutions, as tifffile parses it, in metres.

    The model that such a TIFF names is its camera.
    """
    return Statement(
        metadata=Metadata(
            vendor="Olympus SIS",
            magnification=number(fields.get("magnification")),
            detector=text_or_none(fields.get("cameraname"), camera),
            acquired_at=moment(fields.get("datetime")),
            raw=raw_fields(fields),
        ),
        pixel_width=stated(fields.get("pixelsizex"), "m", "Olympus SIS pixelsizex"),
        pixel_height=stated(fields.get("pixelsizey"), "m", "Olympus SIS pixelsizey"),
    )


def read_imagej(description: str, pixels_per_unit_x: float | None, pixels_per_unit_y: float | None) -> Statement:
    """The statement of a description that begins with ``ImageJ=``; its unit is the one XResolution counts in."""
    fields = dict(line.partition("=")[::2] for line in whole_lines(description) if "=" in line)
    unit = fields.get("unit", "").strip()
    sides: list[Stated | None] = []
    for axis, density in (("X", pixels_per_unit_x), ("Y", pixels_per_unit_y)):
        # The unit of the other side is written where it differs.
        unit = fields.get(f"{axis.lower()}unit", unit).strip()
        size = None if not density else 1 / density
        sides.append(stated(size, unit or None, f"ImageJ unit / {axis}Resolution") if unit not in PRINT_UNITS else None)
    return Statement(metadata=Metadata(raw=raw_fields(fields)), pixel_width=sides[0], pixel_height=sides[1])


def read_ome(root: ET.Element, page_index: int) -> Statement:
    """The statement of OME-XML about one page of the file, counted from 0."""
    images = [image for image in _named(root, "Image") if _first(image, "Pixels") is not None]
    if not images:
        return Statement()
    image = _image_of_page(images, page_index)
    if image is None:
        return Statement(warnings=(OME_AMBIGUOUS,))
    pixels = _named(image, "Pixels")[0]
    microscope, acquired = _first(root, "Microscope"), _first(image, "AcquisitionDate")
    return Statement(
        metadata=Metadata(
            vendor=None if microscope is None else text_or_none(microscope.get("Manufacturer")),
            model=None if microscope is None else text_or_none(microscope.get("Model")),
            acquired_at=None if acquired is None else moment(acquired.text),
            raw=raw_fields(pixels.attrib),
        ),
        pixel_width=stated(pixels.get("PhysicalSizeX"), pixels.get("PhysicalSizeXUnit", OME_DEFAULT_UNIT), "OME PhysicalSizeX"),
        pixel_height=stated(
            pixels.get("PhysicalSizeY"), pixels.get("PhysicalSizeYUnit", OME_DEFAULT_UNIT), "OME PhysicalSizeY"
        ),
        columns=whole_number(pixels.get("SizeX")),
    )


def _image_of_page(images: list[ET.Element], page_index: int) -> ET.Element | None:
    """The one image whose planes lie on a page; the first where all have one size; None where nothing tells."""
    on_page = [image for image in images if any(_is_on_page(planes, page_index) for planes in _named(image, "TiffData"))]
    if len(on_page) == 1:
        return on_page[0]
    sizes = {tuple(_named(image, "Pixels")[0].get(name) for name in OME_SIZE) for image in images}
    return images[0] if len(sizes) == 1 else None


def _is_on_page(planes: ET.Element, page_index: int) -> bool:
    """Whether a TiffData element covers a page (OME-XML 2016-06: without IFD all pages, with it one, or PlaneCount)."""
    first, count = whole_number(planes.get("IFD")), whole_number(planes.get("PlaneCount"))
    if first is None:
        return count is None or page_index < count
    return first <= page_index < first + (1 if count is None else count)


def _named(root: ET.Element, name: str) -> list[ET.Element]:
    """The elements of a name in any namespace."""
    return [element for element in root.iter() if element.tag.rpartition("}")[2] == name]


def _first(root: ET.Element, name: str) -> ET.Element | None:
    return next(iter(_named(root, name)), None)
