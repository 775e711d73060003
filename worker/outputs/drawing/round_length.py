"""How long a scale bar is: a round length that suits the width of a picture."""

import math
from dataclasses import dataclass

# A bar takes at most this share of the picture's width.
LARGEST_SHARE = 0.25
ROUNDING = 1e-9
ROUND = (5.0, 2.0, 1.0)
UNITS = (("mm", 1e6), ("µm", 1e3), ("nm", 1.0))


@dataclass(frozen=True, slots=True)
class RoundLength:
    """Length of a bar: 1, 2 or 5 × 10ⁿ nm, in pixels of the image, and as it is written beside the bar."""

    nm: float
    px: float
    text: str


def round_length(nm_per_px: float, width_px: int) -> RoundLength:
    """Return the longest round length that takes at most a quarter of the width."""
    most = LARGEST_SHARE * width_px * nm_per_px
    exponent = math.floor(math.log10(most))
    # A bar of exactly the quarter fits, however its quotient was rounded.
    factor = next((factor for factor in ROUND if factor * 10.0**exponent <= most * (1 + ROUNDING)), 1.0)
    nm = factor * 10.0**exponent
    return RoundLength(nm, nm / nm_per_px, _written(nm))


def _written(nm: float) -> str:
    unit, of_nm = next((pair for pair in UNITS if nm >= pair[1]), UNITS[-1])
    return f"{nm / of_nm:g} {unit}"
