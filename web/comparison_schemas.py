"""What the API takes and gives about comparisons of selections."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from shared.compared_sizes import Pair
from shared.distributions.comparison import Verdict
from shared.distributions.describe import cumulative
from shared.distributions.sample import DEFAULT_COUNTING_RULE, CountingRule
from shared.distributions.summary import summarise
from shared.pools import Population
from shared.quantities import DIAMETERS
from web.analysis_schemas import QuantityName
from web.distribution_schemas import MOST_EXCLUDED, UNITS, CurveAnswer, ExcludedAnswer, Interval
from web.selection_schemas import LONGEST_SELECTION
from web.validation import Line

MOST_COMPARED = 4
# Medians that differ by less are the same for most purposes; a facility knows better.
DEFAULT_LIMIT = 0.05


class ComparisonQuery(BaseModel):
    """Which selections to compare, in which quantity."""

    model_config = ConfigDict(extra="forbid")

    selection: list[Annotated[Line, Field(max_length=LONGEST_SELECTION)]] = Field(
        min_length=2,
        max_length=MOST_COMPARED,
        description="The query of an address of `/api/v1/analyses`, such as `sample=gold`. Again for each.",
    )
    quantity: QuantityName = Field("ecd_nm", description=f"A diameter: {', '.join(DIAMETERS)}.")
    counting_rule: CountingRule = DEFAULT_COUNTING_RULE
    limit: float = Field(DEFAULT_LIMIT, gt=0, le=1, description="Largest relative difference of medians that does not matter.")


class ComparedAnswer(BaseModel):
    """One of the selections."""

    selection: str
    n_images: int
    n_particles: int
    n_counted: int
    n_excluded: int
    excluded: list[ExcludedAnswer] = Field(description="The first 100 of the analyses without the quantity.")
    median: float | None
    cumulative: CurveAnswer = Field(description="By number.")

    @classmethod
    def of(cls, selection: str, found: Population) -> "ComparedAnswer":
        """Describe what was read of a selection."""
        return cls(
            selection=selection,
            n_images=found.sample.n_images,
            n_particles=found.n_particles,
            n_counted=len(found.sample),
            n_excluded=len(found.excluded),
            excluded=[ExcludedAnswer.model_validate(one) for one in found.excluded[:MOST_EXCLUDED]],
            median=summarise(found.sample, "number").d50,
            cumulative=CurveAnswer.of(cumulative(found.sample, "number")),
        )


class PairAnswer(BaseModel):
    """Two of the selections, by their places from 0; null where one has too few particles, as `reason` says."""

    one: int
    other: int
    difference: float | None = Field(description="Median of the other − median of the one.")
    interval: Interval | None = Field(description="Of the difference, 95 %, images resampled.")
    ratio: float | None = Field(description="Median of the other / median of the one.")
    ratio_interval: Interval | None = Field(description="Of the ratio, 90 %: that of two one-sided tests at 5 %.")
    verdict: Verdict | None = Field(description="Whether the ratio lies within 1/(1 + limit) and 1 + limit.")
    ks_distance: float | None = Field(description="Largest distance of the cumulative curves.")
    ks_p: float | None = Field(description="Its chance if both were of one distribution, particles taken for independent.")
    ks_p_adjusted: float | None = Field(description="The same, adjusted for the number of pairs (Holm).")
    reason: str | None

    @classmethod
    def of(cls, pair: Pair) -> "PairAnswer":
        """Describe a pair."""
        difference, equal, test = pair.difference, pair.equivalence, pair.test
        return cls(
            one=pair.one,
            other=pair.other,
            difference=difference and difference.difference,
            interval=None if difference is None else Interval.model_validate(difference.interval),
            ratio=equal and equal.ratio,
            ratio_interval=None if equal is None else Interval.model_validate(equal.interval),
            verdict=None if equal is None else equal.verdict,
            ks_distance=None if test is None else test.distance,
            ks_p=None if test is None else test.p,
            ks_p_adjusted=pair.adjusted_p,
            reason=pair.reason,
        )


class ComparisonAnswer(BaseModel):
    """Selections against each other."""

    quantity: str
    unit: str
    counting_rule: CountingRule
    limit: float
    selections: list[ComparedAnswer]
    pairs: list[PairAnswer]

    @classmethod
    def of(cls, query: ComparisonQuery, written: list[str], found: list[Population], pairs: list[Pair]) -> "ComparisonAnswer":
        """Describe a comparison."""
        return cls(
            quantity=query.quantity,
            unit=UNITS[query.quantity],
            counting_rule=query.counting_rule,
            limit=query.limit,
            selections=[ComparedAnswer.of(text, one) for text, one in zip(written, found, strict=True)],
            pairs=[PairAnswer.of(pair) for pair in pairs],
        )
