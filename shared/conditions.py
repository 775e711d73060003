"""Conditions on quantities as people write them: ``ecd_d50_nm<40``, ``touches_border=true``.

Nothing here knows a database: a condition is read by the vocabulary of what it is asked of, and says what is wrong with it.
"""

import difflib
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import get_args, get_type_hints

from shared.arrays import Mask
from shared.errors import InputError
from shared.quantities import ParticleTable, Quantity

FORM = "NAME OP NUMBER, such as ecd_d50_nm<40"
_PARTS = re.compile(r"([^<>=≤≥!]*)([<>=≤≥!]+)(.*)", re.DOTALL)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_TRUTH = {"true": True, "false": False}


class Comparison(StrEnum):
    """How a quantity is compared with a number; what has no value fits none."""

    LESS = "<"
    AT_MOST = "<="
    MORE = ">"
    AT_LEAST = ">="
    EQUAL = "="


@dataclass(frozen=True, slots=True)
class Condition:
    """A quantity that is to be less than, more than or equal to a number, or to be true or false."""

    quantity: Quantity
    comparison: Comparison
    value: float | bool

    def __str__(self) -> str:
        return f"{self.quantity.name}{self.comparison}{self.written_value}"

    @property
    def written_value(self) -> str:
        """The shortest text that is read back as the same value."""
        return str(self.value).lower() if isinstance(self.value, bool) else repr(self.value).removesuffix(".0")


def read_condition(text: str, quantities: Sequence[Quantity]) -> Condition:
    """Read a condition on one of some quantities.

    Raises
    ------
    InputError
        ``unknown_quantity``, with the name that is nearest to what was written; ``invalid_condition`` where there is no
        comparison or no number, or where what is true or false is compared. The message names the part that is wrong.
    """
    parts = _PARTS.fullmatch(text)
    if parts is None:
        raise _invalid(f"{text!r} compares nothing: {FORM} is needed")
    name, sign, value = (part.strip() for part in parts.groups())
    quantity = _quantity(name, quantities)
    if sign not in set(Comparison):
        raise _invalid(f"{sign!r} in {text!r} is no comparison: there are {', '.join(Comparison)}")
    comparison = Comparison(sign)
    if is_truth(quantity):
        return Condition(quantity, comparison, _truth(quantity, comparison, value))
    return Condition(quantity, comparison, _number(quantity, value))


def is_truth(quantity: Quantity) -> bool:
    """Whether a quantity is true or false and no number."""
    return quantity.name in _TRUTHS


def _quantity(name: str, quantities: Sequence[Quantity]) -> Quantity:
    known = {quantity.name: quantity for quantity in quantities}
    if not name:
        raise _invalid(f"A condition begins with the name of a quantity: {FORM}")
    if name not in known:
        alike = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.5)
        near = [*alike, *(each for each in known if name.lower() in each)]
        hint = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(known)}."
        raise InputError(f"There is no quantity {name!r} here. {hint}", code="unknown_quantity")
    return known[name]


def _truth(quantity: Quantity, comparison: Comparison, value: str) -> bool:
    if comparison is not Comparison.EQUAL or value not in _TRUTH:
        raise _invalid(f"{quantity.name} is true or false: {quantity.name}=true or {quantity.name}=false is needed")
    return _TRUTH[value]


def _number(quantity: Quantity, text: str) -> float:
    if _NUMBER.fullmatch(text) is None:
        without = f", without the unit {quantity.unit}" if quantity.unit else ""
        raise _invalid(f"{text!r} behind {quantity.name} is no number: digits with a point are needed{without}")
    number = float(text)
    if not math.isfinite(number):
        raise _invalid(f"{text} behind {quantity.name} is larger than any number that is stored")
    return number


def _invalid(message: str) -> InputError:
    return InputError(f"{message}.", code="invalid_condition")


def _truths() -> frozenset[str]:
    hints = get_type_hints(ParticleTable)
    return frozenset(name for name, hint in hints.items() if hint == Mask or Mask in get_args(hint))


_TRUTHS = _truths()
