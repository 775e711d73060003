"""What the API takes and gives about what follows from sizes: screening, guidance and arrangement."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.assessments import Arrangement, Guided, Screened
from shared.distributions.guidance import TARGET
from shared.distributions.sample import CountingRule
from shared.distributions.screening import CAVEATS, LIMIT_NM, Verdict
from shared.distributions.summary import Weighting
from shared.pools import Population
from shared.quantities import DIAMETERS
from shared.selection import Excluded
from web.distribution_schemas import MOST_EXCLUDED, CountingQuery, ExcludedAnswer, Interval
from web.selection_schemas import AnalysisSelection

if TYPE_CHECKING:
    DiameterName = str
else:
    DiameterName = Literal[DIAMETERS]

# Stands beside every number of particles.
GUIDANCE_CAVEATS = (
    "Guidance, no value of a standard: it holds for more particles of the same kind.",
    "The number for the geometric mean takes particles as independent and their sizes as log-normal.",
    "With several images, images were resampled: more images help more than more particles of the same ones.",
)


class ScreeningQuery(CountingQuery):
    """How to screen."""


class PoolScreeningQuery(CountingQuery, AnalysisSelection):
    """What to screen; the order of the analyses does not matter."""


class GuidanceQuery(CountingQuery):
    """For which diameter, weighted how, and how sure its percentiles have to be."""

    quantity: DiameterName | None = Field(
        None, description="A diameter of the particles; without, the equivalent circular diameter."
    )
    weighting: Weighting = "number"
    target: float = Field(
        TARGET, ge=0.001, le=0.5, description="Half-width of the interval of 95 % that is aimed at, relative to its middle."
    )


class PoolGuidanceQuery(GuidanceQuery, AnalysisSelection):
    """For which analyses; their order does not matter."""


class _OfPopulation(BaseModel):
    """What was looked at."""

    counting_rule: CountingRule
    n_images: int
    n_counted: int
    n_excluded: int = Field(description="Analyses of the selection that are left out.")
    excluded: list[ExcludedAnswer] = Field(description="The first 100 of them.")
    reason: str | None = Field(description="Why there is no answer; null where there is one.")
    caveats: list[str]


class ScreeningAnswer(_OfPopulation):
    """Screening by Commission Recommendation 2022/C 229/01, by the number-weighted median of the smallest Feret diameter."""

    verdict: Verdict | None = Field(description="`undecided` where the interval of the median holds the limit.")
    limit_nm: float
    x50_nm: float | None
    interval: Interval | None = Field(description="Of the median, 95 %, nm.")

    @classmethod
    def of(cls, found: Screened, rule: CountingRule) -> "ScreeningAnswer":
        """Describe a screening."""
        one = found.screening
        return cls(
            **_of_population(found.population, rule),
            reason=found.reason,
            caveats=list(CAVEATS),
            verdict=one and one.verdict,
            limit_nm=LIMIT_NM,
            x50_nm=one and one.x50_nm,
            interval=one and Interval.model_validate(one.interval),
        )


class HalfWidthsAnswer(BaseModel):
    """Relative half-widths of the intervals of 95 % of a smaller sample that was drawn from this one."""

    model_config = ConfigDict(from_attributes=True)

    n: int
    d10: float
    d50: float
    d90: float


class GuidanceAnswer(_OfPopulation):
    """How many particles it takes; a number is null where the sample is too small to say."""

    quantity: str
    weighting: Weighting
    target: float
    for_geometric_mean: int | None
    for_d10: int | None
    for_d50: int | None
    for_d90: int | None
    curve: list[HalfWidthsAnswer]

    @classmethod
    def of(cls, quantity: str, found: Guided, query: GuidanceQuery) -> "GuidanceAnswer":
        """Describe guidance."""
        one = found.guidance
        return cls(
            **_of_population(found.population, query.counting_rule),
            reason=found.reason,
            caveats=list(GUIDANCE_CAVEATS),
            quantity=quantity,
            weighting=query.weighting,
            target=query.target,
            for_geometric_mean=one and one.for_geometric_mean,
            for_d10=one and one.for_d10,
            for_d50=one and one.for_d50,
            for_d90=one and one.for_d90,
            curve=[HalfWidthsAnswer.model_validate(each) for each in one.curve] if one else [],
        )


class RadialAnswer(BaseModel):
    """g(r) of the centroids, 1 where particles lie independently of each other."""

    unit: Literal["nm", "px"]
    distances: list[float]
    g: list[float]


class ArrangementAnswer(BaseModel):
    """How the particles of an analysis lie in its field."""

    n_particles: int
    coverage: float = Field(description="Share of the field, annotations left out, that particles cover.")
    density_per_um2: float | None = Field(description="Particles per µm² of it; null without a pixel size.")
    radial: RadialAnswer | None = Field(description="Null for too few particles.")
    notes: list[str]

    @classmethod
    def of(cls, found: Arrangement) -> "ArrangementAnswer":
        """Describe an arrangement."""
        radial = None
        if found.radial is not None:
            distances = found.radial.distance_px * (found.nm_per_px or 1)
            unit: Literal["nm", "px"] = "px" if found.nm_per_px is None else "nm"
            radial = RadialAnswer(unit=unit, distances=distances.tolist(), g=found.radial.g.tolist())
        return cls(
            n_particles=found.n_particles,
            coverage=found.coverage,
            density_per_um2=found.density_per_um2,
            radial=radial,
            notes=list(found.notes),
        )


def _of_population(found: Population, rule: CountingRule) -> dict[str, object]:
    first: Sequence[Excluded] = found.excluded[:MOST_EXCLUDED]
    return {
        "counting_rule": rule,
        "n_images": found.sample.n_images,
        "n_counted": len(found.sample),
        "n_excluded": len(found.excluded),
        "excluded": [ExcludedAnswer.model_validate(one) for one in first],
    }
