"""Which analyses, or which of their particles, are asked for: a selection, written as the query of an address."""

from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field

from shared.analysis_filter import AnalysisFilter
from shared.analysis_lists import SORTS
from shared.conditions import Condition, read_condition
from shared.distributions.fitness import VERDICTS, Verdict
from shared.domain import CalibrationSource, CalibrationStatus
from shared.errors import InputError
from shared.moments import MOMENT, begin_of, is_moment
from shared.quantities import PARTICLE_QUANTITIES, STATISTIC_QUANTITIES, Quantity
from web.manifest_schemas import FilesQuery
from web.paging import LARGEST_ID, PageQuery
from web.validation import Line

MAX_CONDITIONS = 20
ANY_QUANTITIES = (*PARTICLE_QUANTITIES, *STATISTIC_QUANTITIES)
_OF_PARTICLES = frozenset(quantity.name for quantity in PARTICLE_QUANTITIES)
_SELECTED_BY = frozenset(field.name for field in fields(AnalysisFilter)) - {"files", "where"}

SortName = Literal[SORTS]  # type: ignore[valid-type]  # made from the vocabulary


def _moment(text: str) -> str:
    if not is_moment(text):
        raise ValueError(f"{MOMENT.words} is needed")
    return text


def _day_of_calendar(text: str) -> str:
    try:
        begin_of(text)
    except ValueError as error:
        raise ValueError(f"{text} is in no calendar") from error
    return text


def _condition_on(quantities: Sequence[Quantity]) -> Callable[[str], str]:
    def written(text: str) -> str:
        try:
            return str(read_condition(text, quantities))
        except InputError as error:
            raise ValueError(error.message.removesuffix(".")) from error

    return written


Moment = Annotated[str, AfterValidator(_moment), Field(json_schema_extra={"pattern": f"^{MOMENT.pattern}$"})]
Day = Annotated[Moment, AfterValidator(_day_of_calendar)]
AnalysisCondition = Annotated[Line, Field(max_length=200), AfterValidator(_condition_on(STATISTIC_QUANTITIES))]
AnyCondition = Annotated[Line, Field(max_length=200), AfterValidator(_condition_on(ANY_QUANTITIES))]


class _Selection(FilesQuery):
    """What analyses are selected by; all that is given holds. Texts are found in any part, in any case."""

    model_config = ConfigDict(extra="forbid")

    project: Line | None = Field(None, min_length=1, max_length=200, description="Part of its name.")
    person: Line | None = Field(None, min_length=1, max_length=200, description="Who handed the image in.")
    group: Line | None = Field(None, min_length=1, max_length=200, description="Whose turns in the queue it took.")
    submission_id: int | None = Field(None, ge=1, le=LARGEST_ID)
    file_name: Line | None = Field(
        None, min_length=1, max_length=200, description="Part of the name it was handed in under, folders included."
    )
    instrument: Line | None = Field(None, min_length=1, max_length=200, description="Part of vendor and model.")
    operator: Line | None = Field(None, min_length=1, max_length=200, description="As the file says.")
    detector: Line | None = Field(None, min_length=1, max_length=200, description="As the file says.")
    text: Line | None = Field(
        None, min_length=1, max_length=200, description="Part of a name or a value of the file's own fields."
    )
    model: Line | None = Field(
        None,
        min_length=1,
        max_length=200,
        description="Name, or name and version such as `particlenet-2`; exactly.",
    )
    calibration_status: CalibrationStatus | None = None
    calibration_source: CalibrationSource | None = None
    fitness: list[Verdict] = Field(
        [], max_length=len(VERDICTS), description="Whether sizes can be read; again for more, of which one has to hold."
    )
    acquired_from: Moment | None = Field(None, description="Year, month, day or time (ISO 8601) from which on it was taken.")
    acquired_to: Moment | None = Field(
        None, description="Year, month, day or time up to which it was taken, all of it included."
    )
    analysed_from: Day | None = Field(
        None, description="Year, month, day or time from which on it was analysed, in the zone of the installation."
    )
    analysed_to: Day | None = Field(None, description="The same up to which it was analysed, all of it included.")

    def _filter(self, where: tuple[Condition, ...]) -> AnalysisFilter:
        chosen: dict[str, Any] = self.model_dump(include=set(_SELECTED_BY)) | {"fitness": tuple(self.fitness)}
        return AnalysisFilter(**chosen, files=self.files, where=where)


class AnalysisSelection(_Selection):
    """Analyses, in an order."""

    where: list[AnalysisCondition] = Field(
        [],
        max_length=MAX_CONDITIONS,
        description="`NAME OP NUMBER` on a statistic, such as `ecd_d50_nm<40`; OP is <, <=, >, >= or =. Again for more.",
    )
    sort: SortName = Field("created_at", description="Any statistic, or `created_at`: when the analysis was made.")
    order: Literal["asc", "desc"] = Field("desc", description="Analyses without a value stand at the end of either.")

    @property
    def filter(self) -> AnalysisFilter:
        """The same as the database functions take it."""
        return self._filter(tuple(read_condition(text, STATISTIC_QUANTITIES) for text in self.where))


class AnalysisQuery(AnalysisSelection, PageQuery):
    """Which analyses to list."""


class ParticleSelection(_Selection):
    """Particles of the analyses of a selection."""

    where: list[AnyCondition] = Field(
        [],
        max_length=MAX_CONDITIONS,
        description="`NAME OP NUMBER` on a quantity of the particles, such as `circularity<0.5` or `touches_border=false`, or "
        "on a statistic of their analyses. Again for more.",
    )

    @property
    def filter(self) -> AnalysisFilter:
        """The analyses whose particles are looked through."""
        return self._filter(tuple(each for each in self._conditions if each.quantity.name not in _OF_PARTICLES))

    @property
    def about_particles(self) -> list[Condition]:
        """What is asked of the particles."""
        return [each for each in self._conditions if each.quantity.name in _OF_PARTICLES]

    @property
    def _conditions(self) -> list[Condition]:
        return [read_condition(text, ANY_QUANTITIES) for text in self.where]


class ParticleSearchQuery(ParticleSelection, PageQuery):
    """Which particles to list."""
