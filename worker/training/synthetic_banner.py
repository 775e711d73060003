"""Banners of synthetic micrographs: white with black text as ZEISS writes them, dark with white text as TESCAN does."""

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

# Height and text of the banner follow the width of the image; drawn for this one.
DESIGN_WIDTH_PX = 1024
DESIGN_HEIGHT_PX = 68
FONT = cv2.FONT_HERSHEY_SIMPLEX
# Below this letters are no longer letters.
MIN_FONT_SCALE = 0.3


def banner_height_px(columns: int) -> int:
    """Rows of the banner of an image of this width, px."""
    return max(24, round(DESIGN_HEIGHT_PX * columns / DESIGN_WIDTH_PX))


def draw_banner(
    random: np.random.Generator, strip: NDArray[np.uint8], bar_px: int, bar_value_nm: float, style: Literal["sem", "tem"]
) -> None:
    """Draw a banner over the rows of the strip, which are changed.

    Parameters
    ----------
    random : numpy Generator
        Chooses the maker and the settings that the text states.
    strip : ndarray of uint8, shape (banner rows, columns)
        The rows to draw on.
    bar_px : int
        Length of the scale bar, px: from centre to centre of its end ticks (ZEISS), or all its pixels (TESCAN).
    bar_value_nm : float
        Length that the bar stands for, nm.
    style : {"sem", "tem"}
        Kind of instrument, for the text.
    """
    bar_text = f"{bar_value_nm / 1000:g} um" if bar_value_nm >= 1000 else f"{bar_value_nm:g} nm"
    voltage = f"{random.choice([2, 3, 5, 10, 15, 20])}.00 kV" if style == "sem" else "200 kV"
    distance = f"WD = {random.uniform(2.5, 9.5):.1f} mm" if style == "sem" else f"Spot = {random.integers(1, 6)}"
    magnification = f"{random.uniform(10, 120):.2f} K X"
    date = f"{random.integers(1, 29)} Mar {random.integers(2012, 2025)}"
    if random.random() < 0.5:
        left = [f"EHT = {voltage}", distance]
        right = ["Signal A = InLens" if style == "sem" else "Signal A = BF", f"Mag = {magnification}"]
        _draw_zeiss(strip, bar_px, bar_text, (left, right, [f"Date :{date}", "Sample S-17"]))
    else:
        detector = "Det: SE" if style == "sem" else "Det: BF"
        left = [f"HV: {voltage}", distance.replace(" =", ":")]
        _draw_tescan(strip, bar_px, bar_text, (left, [detector, f"Mag: {magnification}"], ["SAEMI", f"Date: {date}"]))


def _draw_zeiss(strip: NDArray[np.uint8], bar_px: int, bar_text: str, columns: tuple[list[str], ...]) -> None:
    """White, a black frame, the bar with end ticks below its text at the left."""
    rows, width = strip.shape
    unit = width / DESIGN_WIDTH_PX
    strip[:] = 255
    cv2.rectangle(strip, (0, 0), (width - 1, rows - 1), 0, 1)
    left = round(24 * unit)
    middle, tick = round(0.70 * rows), max(3, round(5 * unit))
    cv2.line(strip, (left, middle), (left + bar_px, middle), 0, 1)
    for x in (left, left + bar_px):
        cv2.line(strip, (x, middle - tick), (x, middle + tick), 0, 1)
    _write(strip, bar_text, (left, round(0.42 * rows)), 0)
    # The text begins behind the longest bar.
    for number, lines in enumerate(columns):
        x = round((280 + 245 * number) * unit)
        for line, text in enumerate(lines):
            _write(strip, text, (x, round((0.42 + 0.38 * line) * rows)), 0)


def _draw_tescan(strip: NDArray[np.uint8], bar_px: int, bar_text: str, columns: tuple[list[str], ...]) -> None:
    """Dark grey with cells, the solid white bar below its text at the right."""
    rows, width = strip.shape
    unit = width / DESIGN_WIDTH_PX
    strip[:] = 38
    strip[0] = 90
    strip[rows // 2, : round(750 * unit)] = 70
    for number, lines in enumerate(columns):
        x = round((16 + 245 * number) * unit)
        strip[:, round((4 + 245 * number) * unit)] = 70
        for line, text in enumerate(lines):
            _write(strip, text, (x, round((0.36 + 0.48 * line) * rows)), 235)
    right = width - round(30 * unit)
    thickness = max(2, round(3 * unit))
    middle = round(0.68 * rows)
    strip[middle : middle + thickness, right - bar_px : right] = 255
    text_width = cv2.getTextSize(bar_text, FONT, _font_scale(width), 1)[0][0]
    _write(strip, bar_text, (right - (bar_px + text_width) // 2, round(0.48 * rows)), 255)


def _write(strip: NDArray[np.uint8], text: str, position: tuple[int, int], grey: int) -> None:
    """Write one line with its baseline beginning at (x, y), smoothed at the edges."""
    cv2.putText(strip, text, position, FONT, _font_scale(strip.shape[1]), grey, 1, cv2.LINE_AA)


def _font_scale(width_px: int) -> float:
    return max(MIN_FONT_SCALE, 0.55 * width_px / DESIGN_WIDTH_PX)
