"""Sizes of all particles of a selection: at once from the rows of its analyses, or exactly from its particles.

Functions take the session first and never commit.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shared.arrays import FloatArray, IntArray, Mask
from shared.distributions.sample import CountingRule, Sample, counted
from shared.distributions.size_statistics import n_small
from shared.distributions.stored import BinRecords, Sums, unpack_bins, unpack_sums
from shared.errors import InputError
from shared.finding_rows import ParticleRow
from shared.models import AnalysisRow
from shared.quantities import DIAMETERS, SMALLEST_RELIABLE_PX, ParticleTable
from shared.selection import Excluded, Selection, reason_without_nm

# Reading so many takes seconds; what is stored of each analysis gives a pool of more at once.
MOST_PARTICLES = 1_000_000
IN_NM = ("_nm", "_nm2")


@dataclass(frozen=True, slots=True)
class StoredPool:
    """A pool of equivalent circular diameters, nm, from rows of analyses.

    ``n_particles`` were found in the ``bins.n_images`` images, and ``n_counted`` of them count by the rule.
    """

    bins: BinRecords
    sums: Sums
    n_particles: int
    n_counted: int
    n_small: int
    excluded: tuple[Excluded, ...]


@dataclass(frozen=True, slots=True)
class Population:
    """The particles of a selection in one quantity.

    Attributes
    ----------
    sample : Sample
        What counts by the rule.
    n_particles : int
        Found in the images of the sample.
    n_small : int
        Of these, below the smallest reliable diameter.
    smallest_reliable : float or None
        That diameter in the unit of a quantity that is one, the largest of all images; None for others and without images.
    capped_share : float
        Share of the counted particles whose weight was cut.
    excluded : tuple of Excluded
        Analyses without this quantity.
    """

    sample: Sample
    n_particles: int
    n_small: int
    smallest_reliable: float | None
    capped_share: float
    excluded: tuple[Excluded, ...]


def stored_pool(session: Session, selection: Selection, rule: CountingRule) -> StoredPool:
    """Pool the diameters of a selection without reading a particle; percentiles are right to 1.2 %."""
    a = AnalysisRow
    columns = (a.id, a.nm_per_px, a.calibration_status, a.n_particles, a.n_small, a.ecd_bins, a.ecd_sums)
    rows = session.execute(selection.narrow(session, select(*columns))).all()
    pooled = [row for row in rows if row.ecd_bins is not None and row.ecd_sums is not None]
    bins = unpack_bins([row.ecd_bins for row in pooled], rule)
    nm_per_px = np.array([row.nm_per_px for row in pooled], dtype=np.float64)
    return StoredPool(
        bins=bins,
        sums=unpack_sums([row.ecd_sums for row in pooled], nm_per_px, rule),
        n_particles=sum(row.n_particles for row in pooled),
        n_counted=int(bins.number.sum()),
        n_small=sum(row.n_small or 0 for row in pooled),
        excluded=tuple(
            Excluded(row.id, reason_without_nm(row.calibration_status) if row.nm_per_px is None else "not measured")
            for row in rows
            if row.ecd_bins is None or row.ecd_sums is None
        ),
    )


def n_particles(session: Session, selection: Selection) -> int:
    """Return how many particles were found in all images of a selection."""
    return session.scalar(selection.narrow(session, select(func.sum(AnalysisRow.n_particles)))) or 0


def population(session: Session, selection: Selection, quantity: str, rule: CountingRule) -> Population:
    """Read a quantity of all particles of a selection.

    Raises
    ------
    InputError
        ``unknown_quantity``; ``too_many_particles`` for more than a million.
    """
    if quantity not in {field.name for field in fields(ParticleTable)}:
        raise InputError(f"Particles have no quantity {quantity!r}.", code="unknown_quantity")
    found = n_particles(session, selection)
    if found > MOST_PARTICLES:
        message = f"The selection has {found:,} particles, and {MOST_PARTICLES:,} can be read at once: narrow it."
        raise InputError(message, code="too_many_particles")
    a, p = AnalysisRow, ParticleRow
    of_analyses = (a.id, a.nm_per_px, a.calibration_status, a.n_particles)
    analyses = session.execute(selection.narrow(session, select(*of_analyses)).order_by(a.id)).all()
    ids = selection.narrow(session, select(a.id))
    of_particles = (p.analysis_id, getattr(p, quantity), p.touches_border, p.edge_weight, p.ecd_px)
    query = select(*of_particles).where(p.analysis_id.in_(ids)).order_by(p.analysis_id, p.label)
    values = _values(session.execute(query).all())
    image = np.searchsorted(np.array([row.id for row in analyses], dtype=np.int64), values.analysis_id)
    is_missing = np.isnan(values.value) | (np.isnan(values.edge_weight) & (rule == "exclude-border-weighted"))
    is_excluded = np.bincount(image[is_missing], minlength=len(analyses)) > 0
    is_excluded |= np.array([quantity.endswith(IN_NM) and row.nm_per_px is None for row in analyses], dtype=np.bool_)
    keeps = ~is_excluded[image]
    place = np.cumsum(~is_excluded) - 1
    pooled = [row for row, excluded in zip(analyses, is_excluded.tolist(), strict=True) if not excluded]
    of_rule = counted(
        values.value[keeps],
        values.touches_border[keeps],
        values.edge_weight[keeps],
        rule,
        image=place[image[keeps]],
        n_images=len(pooled),
    )
    return Population(
        sample=of_rule.sample,
        n_particles=sum(row.n_particles for row in pooled),
        n_small=n_small(values.ecd_px[keeps]),
        smallest_reliable=_smallest_reliable(quantity, [row.nm_per_px for row in pooled]),
        capped_share=of_rule.capped_share,
        excluded=tuple(
            Excluded(row.id, reason_without_nm(row.calibration_status) if row.nm_per_px is None else "not measured")
            for row, excluded in zip(analyses, is_excluded.tolist(), strict=True)
            if excluded
        ),
    )


def _smallest_reliable(quantity: str, nm_per_px: Sequence[float | None]) -> float | None:
    """Return the smallest reliable diameter in the unit of a quantity; of several images, the largest one."""
    if quantity not in DIAMETERS:
        return None
    if quantity.endswith("_px"):
        return SMALLEST_RELIABLE_PX
    known = [one for one in nm_per_px if one is not None]
    return SMALLEST_RELIABLE_PX * max(known) if known else None


@dataclass(frozen=True, slots=True)
class _Values:
    """Columns of particles in the order of their analyses, shape (n,); a missing number is NaN."""

    analysis_id: IntArray
    value: FloatArray
    touches_border: Mask
    edge_weight: FloatArray
    ecd_px: FloatArray


def _values(rows: Sequence[Any]) -> _Values:
    analysis_id, value, touches_border, edge_weight, ecd_px = zip(*rows, strict=True) if rows else ((), (), (), (), ())
    return _Values(
        analysis_id=np.array(analysis_id, dtype=np.int64),
        value=np.array(value, dtype=np.float64),
        touches_border=np.array(touches_border, dtype=np.bool_),
        edge_weight=np.array(edge_weight, dtype=np.float64),
        ecd_px=np.array(ecd_px, dtype=np.float64),
    )
