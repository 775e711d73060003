"""What the API takes and gives about distributions of sizes."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from shared.distributions.bootstrap import Intervals
from shared.distributions.describe import MOST_BINS, Curve, FittedCurve, Look
from shared.distributions.fits import Family
from shared.distributions.sample import DEFAULT_COUNTING_RULE, CountingRule
from shared.distributions.summary import MOMENT_QUANTITIES, SUMMARY_QUANTITIES, Weighting
from shared.quantities import PARTICLE_QUANTITIES, Quantity
from shared.selection import Reason
from shared.shown_sizes import Shown, Source
from web.analysis_schemas import QuantityName
from web.selection_schemas import AnalysisSelection

UNITS = {quantity.name: quantity.unit for quantity in PARTICLE_QUANTITIES}
# The list of analyses, filtered by calibration, has all of them.
MOST_EXCLUDED = 100


def _defined(quantities: Sequence[Quantity], name: str) -> Any:
    """Describe a number of an answer by its definition."""
    return Field(description={quantity.name: quantity.definition for quantity in quantities}[name])


class CountingQuery(BaseModel):
    """Which particles count."""

    model_config = ConfigDict(extra="forbid")

    counting_rule: CountingRule = DEFAULT_COUNTING_RULE


class LookQuery(CountingQuery):
    """Which quantity, counted and shown how."""

    quantity: QuantityName | None = Field(
        None, description="Column of the particles; without, the equivalent circular diameter."
    )
    weighting: Weighting = Field("number", description="By area and volume, diameters only.")
    bins: int | None = Field(None, ge=1, le=MOST_BINS, description="Equal bins; without, as many as suit the data.")
    log_axis: bool = Field(default=False, description="Bins of equal ratio instead of equal width.")
    fit: list[Family] = Field([], max_length=3, description="Curves to fit. Again for more.")
    intervals: bool = Field(default=False, description="With confidence intervals of 95 %.")

    @property
    def look(self) -> Look:
        """The same as the statistics take it."""
        return Look(self.weighting, self.bins, self.log_axis, tuple(dict.fromkeys(self.fit)), self.intervals)


class PoolQuery(LookQuery, AnalysisSelection):
    """Which analyses to pool, and how; their order does not matter."""

    made_from: Source | None = Field(
        None,
        description="`particles`: exactly, up to a million of them. `analyses`: at once from what is stored of each, `ecd_nm` "
        "only, percentiles to 1.2 %. Without, particles where they are few.",
    )


class Interval(BaseModel):
    """Ends of a confidence interval of 95 %."""

    model_config = ConfigDict(from_attributes=True)

    low: float
    high: float


class IntervalsAnswer(BaseModel):
    """Confidence intervals by the bootstrap, with images as the unit where there are several."""

    model_config = ConfigDict(from_attributes=True)

    mean: Interval
    d10: Interval
    d50: Interval
    d90: Interval
    geometric_mean: Interval
    gsd: Interval


class SummaryAnswer(BaseModel):
    """Statistics in the chosen weighting; null where not defined."""

    model_config = ConfigDict(from_attributes=True)

    mean: float | None = _defined(SUMMARY_QUANTITIES, "mean")
    sd: float | None = _defined(SUMMARY_QUANTITIES, "sd")
    cv: float | None = _defined(SUMMARY_QUANTITIES, "cv")
    d10: float | None = _defined(SUMMARY_QUANTITIES, "d10")
    d50: float | None = _defined(SUMMARY_QUANTITIES, "d50")
    d90: float | None = _defined(SUMMARY_QUANTITIES, "d90")
    span: float | None = _defined(SUMMARY_QUANTITIES, "span")
    mode: float | None = _defined(SUMMARY_QUANTITIES, "mode")


class MomentsAnswer(BaseModel):
    """Moment means, and log-normal measures by number; null where not defined."""

    model_config = ConfigDict(from_attributes=True)

    d10_mean: float | None = _defined(MOMENT_QUANTITIES, "d10_mean")
    d32: float | None = _defined(MOMENT_QUANTITIES, "d32")
    d43: float | None = _defined(MOMENT_QUANTITIES, "d43")
    geometric_mean: float | None = _defined(MOMENT_QUANTITIES, "geometric_mean")
    gsd: float | None = _defined(MOMENT_QUANTITIES, "gsd")
    skewness: float | None = _defined(MOMENT_QUANTITIES, "skewness")


class BinsAnswer(BaseModel):
    """Particles between edges: bin i holds [`edges[i]`, `edges[i+1]`), the last edge included."""

    edges: list[float]
    counts: list[int] = Field(description="Counted particles, each once.")
    shares: list[float] = Field(description="Of the whole, in the weighting and with the weights of the rule; sum 1.")


class CurveAnswer(BaseModel):
    """Shares over sizes."""

    sizes: list[float]
    shares: list[float]

    @classmethod
    def of(cls, curve: Curve) -> "CurveAnswer":
        """Describe a curve."""
        return cls(sizes=curve.sizes.tolist(), shares=curve.shares.tolist())


class FitAnswer(BaseModel):
    """A fitted curve, or the reason why there is none."""

    family: Family
    reason: str | None = None
    location: float | None = Field(None, description="Median (lognormal), mean (normal) or scale (weibull).")
    shape: float | None = Field(None, description="GSD (lognormal), SD (normal) or exponent (weibull).")
    truncated_at: float | None = Field(None, description="Sizes from here on were fitted.")
    n: int | None = None
    ks_distance: float | None = None
    aic: float | None = None
    curve: CurveAnswer | None = Field(None, description="The share that a bin as wide as those beside it would hold.")
    cumulative: CurveAnswer | None = Field(None, description="The share that lies below, in the chosen weighting.")


class ExcludedAnswer(BaseModel):
    """An analysis that is not in the pool."""

    model_config = ConfigDict(from_attributes=True)

    analysis_id: int
    reason: Reason


class DistributionAnswer(BaseModel):
    """A distribution with how it was made."""

    quantity: str
    unit: str
    weighting: Weighting
    counting_rule: CountingRule
    made_from: Source
    n_images: int
    n_particles: int = Field(description="Found in these images.")
    n_counted: int = Field(description="Of these, by the counting rule.")
    n_small: int = Field(description="Of these, below the smallest reliable diameter of 8 px.")
    smallest_reliable: float | None = Field(description="That diameter, of several images the largest one; fits begin there.")
    capped_share: float | None = Field(description="Share of the counted particles whose edge weight was cut to 5.")
    n_excluded: int = Field(description="Analyses of the selection that are not in the pool.")
    excluded: list[ExcludedAnswer] = Field(description="The first 100 of them.")
    notes: list[str] = Field(description="Why something is not there, and how to read what is.")
    summary: SummaryAnswer
    moments: MomentsAnswer | None
    intervals: IntervalsAnswer | None
    bins: BinsAnswer
    cumulative: CurveAnswer
    fits: list[FitAnswer]

    @classmethod
    def of(cls, shown: Shown) -> "DistributionAnswer":
        """Describe what is shown."""
        found = shown.distribution
        return cls(
            quantity=shown.quantity,
            unit=UNITS[shown.quantity],
            weighting=found.summary.weighting,
            counting_rule=shown.rule,
            made_from=shown.source,
            n_images=found.n_images,
            n_particles=shown.n_particles,
            n_counted=found.n_counted,
            n_small=shown.n_small,
            smallest_reliable=shown.smallest_reliable,
            capped_share=shown.capped_share,
            n_excluded=len(shown.excluded),
            excluded=[ExcludedAnswer.model_validate(one) for one in shown.excluded[:MOST_EXCLUDED]],
            notes=list(shown.notes),
            summary=SummaryAnswer.model_validate(found.summary),
            moments=None if found.moments is None else MomentsAnswer.model_validate(found.moments),
            intervals=_intervals(found.intervals),
            bins=BinsAnswer(
                edges=found.bins.edges.tolist(), counts=found.bins.counts.tolist(), shares=found.bins.shares.tolist()
            ),
            cumulative=CurveAnswer.of(found.cumulative),
            fits=[_fit(one) for one in found.fits],
        )


def _intervals(found: Intervals | None) -> IntervalsAnswer | None:
    return None if found is None else IntervalsAnswer.model_validate(found)


def _fit(found: object) -> FitAnswer:
    if isinstance(found, FittedCurve):
        names = ("family", "location", "shape", "truncated_at", "n", "ks_distance", "aic")
        curves = {"curve": CurveAnswer.of(found.curve), "cumulative": CurveAnswer.of(found.cumulative)}
        return FitAnswer(**{name: getattr(found.fit, name) for name in names}, **curves)
    return FitAnswer.model_validate(found, from_attributes=True)
