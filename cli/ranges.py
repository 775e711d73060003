"""Numbers that options take."""

import math
from typing import Any

import click


class NumberRange(click.FloatRange):
    """A number between two limits. Click's own range lets NaN through, which is smaller and larger than nothing."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read a number and refuse NaN."""
        number: float = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail("nan is no number.", param, ctx)
        return number


NM_PER_PX = NumberRange(min=1e-4, max=1e6)
PROBABILITY = NumberRange(min=0, max=1)
