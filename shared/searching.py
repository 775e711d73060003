"""What searches of analyses and of particles have in common: conditions as the database reads them, order, and patience."""

import math
import operator
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVarTuple

from psycopg.errors import QueryCanceled
from sqlalchemy import BigInteger, ColumnElement, Integer, Select, false, tuple_
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import InstrumentedAttribute

from shared.conditions import Comparison, Condition
from shared.errors import InputError
from shared.finding_rows import ParticleRow
from shared.models import AnalysisRow

TOO_WIDE = "search_too_wide"
Selected = TypeVarTuple("Selected")
_OPERATORS: dict[Comparison, Callable[[Any, Any], ColumnElement[bool]]] = {
    Comparison.LESS: operator.lt,
    Comparison.AT_MOST: operator.le,
    Comparison.MORE: operator.gt,
    Comparison.AT_LEAST: operator.ge,
    Comparison.EQUAL: operator.eq,
}


@dataclass(frozen=True, slots=True)
class Order:
    """The order of a list: by a column, ties by the number of the row in the same direction, rows without a value last."""

    column: InstrumentedAttribute[Any]
    number: InstrumentedAttribute[int]
    is_descending: bool


@dataclass(frozen=True, slots=True)
class Place:
    """Where a list goes on: behind the row with this value and number."""

    value: Any
    number: int


def fits(condition: Condition, row: type[AnalysisRow | ParticleRow]) -> ColumnElement[bool]:
    """Return whether rows of a table fit a condition; those without a value do not."""
    column: InstrumentedAttribute[Any] = getattr(row, condition.quantity.name)
    value = condition.value
    if isinstance(value, bool):
        return column.is_(value)
    if isinstance(column.type, Integer):
        return _fits_whole(column, condition.comparison, value)
    return _OPERATORS[condition.comparison](column, value)


def in_order(query: Select[*Selected], order: Order, after: Place | None) -> Iterator[Select[*Selected]]:
    """Yield the queries whose rows, one after the other, are those of a query in this order behind a place.

    Rows with a value and rows without are two queries: so an index of the column serves in both directions, on every database.
    """
    column, number = order.column, order.number
    if after is None or after.value is not None:
        valued = query.where(column.is_not(None)) if column.nullable else query
        if after is not None:
            key, seen = tuple_(column, number), (after.value, after.number)
            valued = valued.where(key < seen if order.is_descending else key > seen)
        yield valued.order_by(*(each.desc() if order.is_descending else each.asc() for each in (column, number)))
    if column.nullable:
        without = query.where(column.is_(None))
        if after is not None and after.value is None:
            without = without.where(number < after.number if order.is_descending else number > after.number)
        yield without.order_by(number.desc() if order.is_descending else number.asc())


@contextmanager
def patiently() -> Iterator[None]:
    """Say that a search is too wide where the database gave it up; raises InputError ``search_too_wide``."""
    try:
        yield
    except DBAPIError as error:
        if not isinstance(error.orig, QueryCanceled):
            raise
        message = (
            "This search looks at more than the database can go through in the time that a page may take. Narrow it: by "
            "project, submission, sample, instrument or date."
        )
        raise InputError(message, code=TOO_WIDE) from error


def _fits_whole(column: InstrumentedAttribute[int], comparison: Comparison, value: float) -> ColumnElement[bool]:
    """Compare whole numbers with a whole number that has the same effect, so that an index of them serves."""
    largest = 2**63 - 1 if isinstance(column.type, BigInteger) else 2**31 - 1
    if abs(value) > largest:
        is_met = comparison in ((Comparison.LESS, Comparison.AT_MOST) if value > 0 else (Comparison.MORE, Comparison.AT_LEAST))
        return column.is_not(None) if is_met else false()
    if comparison is Comparison.EQUAL and value != math.floor(value):
        return false()
    rounded = math.ceil(value) if comparison in (Comparison.LESS, Comparison.AT_LEAST) else math.floor(value)
    return _OPERATORS[comparison](column, rounded)
