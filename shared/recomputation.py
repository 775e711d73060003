"""Rows of analyses and particles for another pixel size: all that is in nanometres follows from what is in pixels.

Functions take the session first and never commit.
"""

import functools
import itertools
import operator
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from sqlalchemy import Double, bindparam, select, update
from sqlalchemy.orm import Session

from shared.distributions.stored import pack_bins
from shared.finding_rows import ParticleRow
from shared.models import AnalysisRow
from shared.nanometres import PARTICLE_CONVERSIONS, STATISTIC_CONVERSIONS, Conversion


def recompute(session: Session, new_values: Sequence[dict[str, Any]], changed: Sequence[int]) -> None:
    """Give analyses another calibration.

    Parameters
    ----------
    new_values
        For each analysis ``row_id``, ``new_nm_per_px``, ``new_source``, ``new_status`` and ``new_decision_id``.
    changed
        Those of them whose pixel size is another than before.
    """
    session.connection().execute(UPDATE_ANALYSIS, new_values)
    if changed:
        session.connection().execute(UPDATE_PARTICLES.where(ParticleRow.analysis_id.in_(changed)))
        _renew_bins(session, changed)


def _renew_bins(session: Session, ids: Sequence[int]) -> None:
    """Make the histograms of analyses anew from their particles, whose diameters in nanometres are others now.

    A shift along the logarithmic grid would do, if pixel sizes were whole numbers of bins apart.
    """
    query = select(AnalysisRow.id, AnalysisRow.nm_per_px.is_not(None)).where(AnalysisRow.id.in_(ids))
    bins: dict[int, bytes | None] = {number: b"" if is_calibrated else None for number, is_calibrated in session.execute(query)}
    p = ParticleRow
    sizes = select(p.analysis_id, p.ecd_nm, p.touches_border, p.edge_weight).where(p.analysis_id.in_(ids))
    rows = session.execute(sizes.order_by(p.analysis_id))
    for number, particles in itertools.groupby(rows, key=lambda row: row[0]):
        _, ecd_nm, at_border, weight = zip(*particles, strict=True)
        # Releases before did not weigh: what they found is not pooled from its row.
        can_pool = bins[number] is not None and None not in weight
        bins[number] = pack_bins(np.array(ecd_nm), np.array(at_border), np.array(weight)) if can_pool else None
    session.connection().execute(UPDATE_BINS, [{"row_id": number, "new_bins": packed} for number, packed in bins.items()])


def _in_nm(conversions: Iterable[Conversion], row: type[ParticleRow | AnalysisRow], nm_per_px: Any) -> dict[str, Any]:
    """Return each quantity in nanometres as its twin in pixels × nm_per_px ** power; NULL where there is no pixel size."""
    return {c.name: functools.reduce(operator.mul, [nm_per_px] * c.power, getattr(row, c.px_name)) for c in conversions}


_NEW_NM_PER_PX: Any = bindparam("new_nm_per_px", type_=Double())
UPDATE_ANALYSIS = (
    update(AnalysisRow)
    .where(AnalysisRow.id == bindparam("row_id"))
    .values(
        nm_per_px=_NEW_NM_PER_PX,
        calibration_source=bindparam("new_source"),
        calibration_status=bindparam("new_status"),
        decision_id=bindparam("new_decision_id"),
        **_in_nm(STATISTIC_CONVERSIONS, AnalysisRow, _NEW_NM_PER_PX),
    )
)
UPDATE_BINS = update(AnalysisRow).where(AnalysisRow.id == bindparam("row_id")).values(ecd_bins=bindparam("new_bins"))
UPDATE_PARTICLES = (
    update(ParticleRow)
    .where(ParticleRow.analysis_id == AnalysisRow.id)
    .values(_in_nm(PARTICLE_CONVERSIONS, ParticleRow, AnalysisRow.nm_per_px))
)
