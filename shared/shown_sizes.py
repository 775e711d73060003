"""The distribution of an analysis or a selection as it was asked for: what is read, what is made of it, and what is missing.

Reading takes the session first; what is made of it needs none, so that no connection waits for it.
"""

from dataclasses import dataclass, replace
from typing import Literal

from sqlalchemy.orm import Session

from shared import pools, results
from shared.distributions.describe import Distribution, Look, describe
from shared.distributions.pooled import describe_pool
from shared.distributions.sample import CountingRule
from shared.errors import InputError
from shared.pools import Population, StoredPool
from shared.quantities import DIAMETERS
from shared.selection import Excluded, Selection

# What a distribution is made from: all particles, or what is stored of each analysis.
Source = Literal["particles", "analyses"]
# Reading so many takes half a second; of more, what is stored of each analysis answers unless particles are asked for.
MOST_READ_UNASKED = 100_000
POOLED_QUANTITY = "ecd_nm"


@dataclass(frozen=True, slots=True)
class Shown:
    """A distribution with what a reader must know beside it; ``notes`` say why something is not there."""

    quantity: str
    rule: CountingRule
    source: Source
    distribution: Distribution
    n_particles: int
    n_small: int
    smallest_reliable: float | None
    capped_share: float | None
    excluded: tuple[Excluded, ...]
    notes: tuple[str, ...]


def read_analysis(session: Session, analysis_id: int, quantity: str | None, rule: CountingRule) -> tuple[str, Population]:
    """Read a quantity of the particles of one analysis, its diameter where none is named; returns its name with it.

    Raises
    ------
    InputError
        As `results.particles_page` does for its order; ``not_measured`` where the rule needs weights that a release before did
        not make.
    """
    row = results.analysis(session, analysis_id)
    diameter = "ecd_px" if row.nm_per_px is None else "ecd_nm"
    name = diameter if quantity is None else quantity
    results.require_quantity(session, analysis_id, name)
    if rule == "exclude-border-weighted":
        results.require_quantity(session, analysis_id, "edge_weight")
    return name, pools.population(session, Selection(analysis_ids=(analysis_id,)), name, rule)


def read_selection(
    session: Session, selection: Selection, quantity: str | None, rule: CountingRule, source: Source | None
) -> tuple[str, Population | StoredPool]:
    """Read a quantity of a selection, the diameter in nm where none is named; returns its name with it.

    Without a source, particles are read where they are few or the quantity is another than the diameter.

    Raises
    ------
    InputError
        ``unknown_quantity``, ``too_many_particles``; ``not_stored`` where another quantity than the diameter in nm is asked for
        from analyses.
    """
    name = POOLED_QUANTITY if quantity is None else quantity
    if source == "analyses" and name != POOLED_QUANTITY:
        raise InputError(f"Of each analysis {POOLED_QUANTITY} is stored, not {name}.", code="not_stored")
    if source is None and name == POOLED_QUANTITY and pools.n_particles(session, selection) > MOST_READ_UNASKED:
        source = "analyses"
    if source == "analyses":
        return name, pools.stored_pool(session, selection, rule)
    return name, pools.population(session, selection, name, rule)


def shown(quantity: str, found: Population | StoredPool, rule: CountingRule, look: Look) -> Shown:
    """Describe what was read.

    Raises
    ------
    InputError
        ``weighting_not_defined`` for a weighting by area or volume of what is no diameter; ``not_positive`` where a logarithmic
        axis, fits or intervals are asked for and a value is not above 0.
    """
    if look.weighting != "number" and quantity not in DIAMETERS:
        message = f"By {look.weighting} a distribution of diameters can be weighted, {quantity} is none."
        raise InputError(message, code="weighting_not_defined")
    if isinstance(found, StoredPool):
        distribution = describe_pool(found.bins, found.sums, look)
        return Shown(
            quantity=quantity,
            rule=rule,
            source="analyses",
            distribution=distribution,
            n_particles=found.n_particles,
            n_small=found.n_small,
            smallest_reliable=None,
            capped_share=None,
            excluded=found.excluded,
            notes=(*_notes(distribution, look), *_notes_of_pool(look)),
        )
    try:
        distribution = describe(found.sample, replace(look, truncated_at=found.smallest_reliable or 0.0))
    except ValueError as error:
        message = f"Not all values of {quantity} are above 0: it has no logarithmic axis, no fits and no intervals."
        raise InputError(message, code="not_positive") from error
    return Shown(
        quantity=quantity,
        rule=rule,
        source="particles",
        distribution=distribution,
        n_particles=found.n_particles,
        n_small=found.n_small,
        smallest_reliable=found.smallest_reliable,
        capped_share=found.capped_share,
        excluded=found.excluded,
        notes=_notes(distribution, look),
    )


def _notes(found: Distribution, look: Look) -> tuple[str, ...]:
    """Say why statistics are missing."""
    if found.n_counted == 0:
        return ("No particle counts by this rule, so that there are no statistics.",)
    notes = []
    if found.n_counted == 1:
        notes.append("One particle counts: there is no standard deviation, no GSD and no interval.")
    elif look.with_intervals and found.n_images > 1:
        notes.append(f"Intervals are for other images of the same kind: {found.n_images} images were resampled.")
    elif look.with_intervals:
        notes.append("Intervals are for other particles of this one image; how images differ it cannot say.")
    return tuple(notes)


def _notes_of_pool(look: Look) -> tuple[str, ...]:
    made = "Made from what is stored of each analysis: percentiles are right to 1.2 %."
    return (made, "Fits are made from particles.") if look.families else (made,)
