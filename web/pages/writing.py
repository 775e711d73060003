"""How pages write numbers with their units, times, durations and hashes."""

import math
from dataclasses import dataclass
from datetime import datetime

NARROW_SPACE = "\N{NARROW NO-BREAK SPACE}"
# Enough to tell two files apart by eye; the whole hash stands behind them.
HASH_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of a description: what, the value with its unit, and more to say about it."""

    name: str
    value: str
    note: str = ""
    title: str = ""


def number(value: float | None, digits: int = 4) -> str:
    """Write a number with so many significant digits, never as a power of ten; a dash where there is none."""
    if value is None or not math.isfinite(value):
        return "–"
    magnitude = math.floor(math.log10(abs(value))) if value else 0
    text = f"{value:,.{max(0, digits - 1 - magnitude)}f}"
    return text.replace(",", NARROW_SPACE).replace("-", "−")


def count(value: int) -> str:
    """Write a whole number."""
    return f"{value:,}".replace(",", NARROW_SPACE)


def short(value: float | None, digits: int = 6) -> str:
    """Write a number that somebody set or a file states: to so many digits, without the zeros behind them."""
    text = number(value, digits)
    return text.rstrip("0").rstrip(".") if "." in text else text


def pixel_size(nm_per_px: float) -> str:
    """Write a pixel size to six digits."""
    return f"{short(nm_per_px)} nm/px"


def rate(per_minute: float) -> str:
    """Write how many a minute to two digits: more would change with every look."""
    return number(float(f"{per_minute:.2g}"), 2)


def percent(share: float) -> str:
    """Write a share to two digits, more above 100 %."""
    return f"{number(100 * share, 2)} %"


def mean_and_sd(mean: float | None, sd: float | None, unit: str) -> str:
    """Write mean ± standard deviation, both to the second digit of the deviation."""
    if mean is None:
        return "–"
    if not sd:
        return f"{number(mean)} {unit}"
    decimals = min(6, max(0, 1 - math.floor(math.log10(sd))))
    return f"{mean:,.{decimals}f} ± {sd:,.{decimals}f} {unit}".replace(",", NARROW_SPACE)


def duration(seconds: float) -> str:
    """Write a time span as people say it."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def local_time(value: datetime) -> str:
    """Write a time in the zone of the installation, which is that of its readers."""
    return value.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")


def short_hash(sha256: str | None) -> str:
    """Write the first digits of a hash; a dash where there is none."""
    return sha256[:HASH_DIGITS] if sha256 else "–"


def fixed(value: float | None, decimals: int) -> str:
    """Write a number with so many decimals; a dash where there is none."""
    return "–" if value is None else f"{value:,.{decimals}f}".replace(",", NARROW_SPACE)
