"""Numbers as they are written for people: as many digits as a size can have, and a dash where there is no number."""

import math

DIGITS = 4
NONE = "–"
# Beyond these powers of ten a number is written with its power.
SMALLEST_POWER, LARGEST_POWER = -4, 9


def number(value: float | None, digits: int = DIGITS) -> str:
    """Write a number with so many significant digits, thousands apart; a dash for None."""
    if value is None:
        return NONE
    if value == 0:
        return "0"
    # Rounding may add a digit: 9.9996 is 10.00.
    rounded = float(f"{value:.{digits - 1}e}")
    power = math.floor(math.log10(abs(rounded)))
    if not SMALLEST_POWER <= power <= LARGEST_POWER:
        return _signed(f"{rounded:.{digits - 1}e}")
    return _signed(f"{rounded:,.{max(digits - 1 - power, 0)}f}")


def percent(share: float | None) -> str:
    """Write a share in percent, of small ones two digits."""
    if share is None:
        return NONE
    return "0 %" if share == 0 else f"{number(100 * share, 3 if share >= 0.01 else 2)} %"


def count(n: int, noun: str) -> str:
    """Write a number of things: 1 particle, 1,200 particles."""
    return f"{n:,} {noun if n == 1 else noun + 's'}"


def _signed(written: str) -> str:
    return written.replace("-", "−", 1) if written.startswith("-") else written
