"""What the length of a bar means by its maker: between which points of the drawing it counts.

ZEISS, TESCAN, FEI, Phenom and Hitachi count from centre to centre of the end ticks, which agrees with their metadata to half a
pixel; a bar without ticks counts from edge to edge. The two that do otherwise stand here, as measured on their files.
"""

from worker.analysis.scale_bar.bars import Bar

# JEOL draws a block of floor(true length) + 1 pixels: half a pixel too long on average.
JEOL_EXCESS_PX = 0.5


def length_by_convention(bar: Bar, vendor: str | None) -> float:
    """Length of a bar, px, as the maker of the microscope means it; the common convention where the maker is not known."""
    maker = (vendor or "").casefold()
    if maker == "tvips" and bar.outer is not None:
        return bar.outer[1] - bar.outer[0]
    if maker == "jeol" and bar.kind == "solid":
        return bar.length_px - JEOL_EXCESS_PX
    return bar.length_px
