"""How wide figures are in journals, and how fine pictures are printed."""

SINGLE_MM, DOUBLE_MM = 85.0, 170.0
MM_PER_INCH = 25.4
PNG_DPI = 300


def pixels(mm: float, dpi: float = PNG_DPI) -> int:
    """Return how many pixels a length takes in print."""
    return max(1, round(mm / MM_PER_INCH * dpi))
