"""Filters of analyses as rows keep them: what is asked for alone, conditions as people write them."""

from dataclasses import fields, replace
from typing import Any

from pydantic import TypeAdapter

from shared.analysis_filter import AnalysisFilter
from shared.conditions import read_condition
from shared.errors import InputError
from shared.quantities import STATISTIC_QUANTITIES

_FILTER = TypeAdapter(AnalysisFilter)
CONDITIONS = "where"


def kept(wanted: AnalysisFilter) -> dict[str, Any]:
    """Return a filter as JSON.

    >>> kept(AnalysisFilter(submission_id=12))
    {'submission_id': 12}
    """
    values: dict[str, Any] = _FILTER.dump_python(wanted, mode="json", exclude={CONDITIONS}, exclude_defaults=True)
    return values | ({CONDITIONS: [str(one) for one in wanted.where]} if wanted.where else {})


def restored(values: dict[str, Any]) -> AnalysisFilter:
    """Read a filter back.

    Raises
    ------
    InputError
        ``unknown_criterion`` where another release has kept a criterion that this one does not know: without it, more would be
        selected; ``unknown_quantity`` for a condition on such a quantity.
    """
    unknown = values.keys() - {one.name for one in fields(AnalysisFilter)}
    if unknown:
        message = f"Another release of SAEMI has selected by {', '.join(sorted(unknown))}. Ask for the file again."
        raise InputError(message, code="unknown_criterion")
    wanted = _FILTER.validate_python({name: value for name, value in values.items() if name != CONDITIONS})
    return replace(wanted, where=tuple(read_condition(text, STATISTIC_QUANTITIES) for text in values.get(CONDITIONS, ())))
