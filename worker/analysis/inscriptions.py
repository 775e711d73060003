"""Everything that is written or drawn on a micrograph: banner, scale bar, annotations; and the field that is left."""

from dataclasses import dataclass

from shared.calibration import calibration
from shared.domain import Calibration, Micrograph, ScaleBar
from shared.geometry import AnalysedField, Banner, Box
from worker.analysis.annotations import find_annotations
from worker.analysis.banner import locate_banner
from worker.analysis.banner_strip import grey_range, to_8_bit
from worker.analysis.lettering import TextReader
from worker.analysis.padding import analysed_field
from worker.analysis.panels import count_panels
from worker.analysis.scale_bar.reading import read_scale_bar

# A line of text with a bar needs about this many rows and columns.
MIN_SIDE_PX = 32
SEVERAL_PANELS = (
    "The image seems to be a figure of {} panels: no scale bar was read, because one panel's scale need not hold for the "
    "others. Cut the panels apart and hand them in one by one."
)


@dataclass(frozen=True, slots=True)
class Inscriptions:
    """What is written or drawn on a micrograph.

    Attributes
    ----------
    banner : Banner or None
        Rows of the instrument's banner.
    field : AnalysedField
        The rectangle beside it.
    scale_bar : ScaleBar or None
        The scale bar where one could be read with certainty.
    annotations : tuple of Box
        Burnt-in text, labels and bars within the field.
    warnings : tuple of str
        What was seen and not used.
    """

    banner: Banner | None
    field: AnalysedField
    scale_bar: ScaleBar | None = None
    annotations: tuple[Box, ...] = ()
    warnings: tuple[str, ...] = ()


def read_inscriptions(micrograph: Micrograph, reader: TextReader | None) -> Inscriptions:
    """Find the banner and, with a reader of text, the scale bar and all annotations.

    Parameters
    ----------
    micrograph : Micrograph
        The decoded image, shape (rows, columns).
    reader : TextReader or None
        Without one nothing is read: no scale bar, no annotations.
    """
    banner = locate_banner(micrograph)
    field = analysed_field(micrograph.pixels.shape, banner)
    n_panels = count_panels(micrograph.pixels, banner)
    warnings = () if n_panels == 1 else (SEVERAL_PANELS.format(n_panels),)
    if reader is None or min(micrograph.pixels.shape) < MIN_SIDE_PX:
        return Inscriptions(banner, field, warnings=warnings)
    grey = to_8_bit(micrograph.pixels, *grey_range(micrograph.pixels))
    lines = reader.lines(grey)
    vendor = None if micrograph.metadata is None else micrograph.metadata.vendor
    reading = read_scale_bar(grey, banner, lines, reader, vendor)
    annotations = find_annotations(grey, lines, reading.marks, field)
    # One panel's bar says nothing about the others.
    scale_bar = reading.scale_bar if n_panels == 1 else None
    return Inscriptions(banner, field, scale_bar, annotations, (*warnings, *reading.warnings))


def calibrate(micrograph: Micrograph, scale_bar: ScaleBar | None, manual: float | None) -> Calibration:
    """Choose the pixel size of a micrograph: a person's value, nm, else what its file states and its scale bar shows."""
    stated = None if micrograph.metadata is None else micrograph.metadata.nm_per_px
    return calibration(manual, stated, None if scale_bar is None else scale_bar.nm_per_px)
