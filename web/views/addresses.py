"""What the addresses of pages may ask for. What other programs add to an address is ignored."""

from flask import request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.domain import CalibrationStatus
from shared.errors import InputError, NotFoundError
from shared.leases import JobState
from web.paging import LARGEST_ID
from web.selection_schemas import AnalysisQuery, AnalysisSelection, ParticleSearchQuery
from web.validation import Query, problems_of, read_query, sentence_of

# Rows of a page of a list.
ROWS = 50


class ListQuery(BaseModel):
    """Where a list goes on."""

    model_config = ConfigDict(extra="ignore")

    before: int | None = Field(None, ge=1, le=LARGEST_ID)


class JobListQuery(ListQuery):
    """Which jobs to show."""

    state: JobState | None = None
    submission: int | None = Field(None, ge=1, le=LARGEST_ID)
    calibration_status: CalibrationStatus | None = None
    error_code: str | None = Field(None, pattern="^[a-z0-9_]{1,64}$")


class AnalysisListQuery(AnalysisQuery):
    """Which analyses to show, in the words of the API."""

    model_config = ConfigDict(extra="ignore")


class SelectionQuery(AnalysisSelection):
    """Which analyses to pool, in the words of the API; the rest of the address belongs to the page's scripts."""

    model_config = ConfigDict(extra="ignore")


class ParticleListQuery(ParticleSearchQuery):
    """Which particles to show, in the words of the API."""

    model_config = ConfigDict(extra="ignore")


class ResultQuery(BaseModel):
    """Through which job a result is looked at; the rest of the address belongs to the page's scripts."""

    model_config = ConfigDict(extra="ignore")

    job: int | None = Field(None, ge=1, le=LARGEST_ID)


def asked(model: type[Query]) -> Query:
    """Read the query of the address; raises InputError that names what does not fit."""
    try:
        return read_query(model, request.args)
    except ValidationError as error:
        problems = sentence_of(problems_of(error))
        raise InputError(f"The address asks for something that does not exist. {problems}.", code="invalid_request") from error


def known_id(number: int) -> int:
    """Return a number of an address; raises NotFoundError for one that no row can have."""
    if number > LARGEST_ID:
        raise NotFoundError(f"There is nothing with the number {number}.")
    return number
