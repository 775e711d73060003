"""Numbers as they are written for people: as many digits as a size can have, and a reason where there is no number."""

import math

DIGITS = 4
NONE = "–"


def number(value: float | None, digits: int = DIGITS) -> str:
    """Write a number with so many significant digits, thousands apart; a dash for None."""
    if value is None:
        return NONE
    if value == 0:
        return "0"
    decimals = digits - 1 - math.floor(math.log10(abs(value)))
    # Rounding up may add a digit: 9.9996 is 10.00.
    rounded = round(value, decimals)
    decimals = digits - 1 - math.floor(math.log10(abs(rounded)))
    if decimals > 6 or decimals < -6:
        return f"{rounded:.{digits - 1}e}"
    return f"{rounded:,.{max(decimals, 0)}f}"


def percent(share: float | None) -> str:
    """Write a share in percent."""
    if share is None:
        return NONE
    return "0 %" if share == 0 else f"{number(100 * share, 3 if share >= 0.01 else 2)} %"


def count(n: int, noun: str, plural: str | None = None) -> str:
    """Write a number of things: 1 particle, 1,200 particles."""
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}"
