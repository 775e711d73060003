"""Where pixels become nanometres: which column follows from which, for tables in memory and for rows of the database."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from shared.quantities import PARTICLE_QUANTITIES, STATISTIC_QUANTITIES, ParticleTable, Quantity

POWERS = {"nm": 1, "nm²": 2}


@dataclass(frozen=True, slots=True)
class Conversion:
    """How a quantity in nanometres follows from its twin in pixels: ``px_name`` × nm_per_px ** ``power``."""

    name: str
    px_name: str
    power: int


def _conversions(quantities: Iterable[Quantity]) -> tuple[Conversion, ...]:
    in_nm = [quantity for quantity in quantities if quantity.unit in POWERS]
    return tuple(Conversion(q.name, f"{q.name.rpartition('_')[0]}_px", POWERS[q.unit]) for q in in_nm)


PARTICLE_CONVERSIONS = _conversions(PARTICLE_QUANTITIES)
STATISTIC_CONVERSIONS = _conversions(STATISTIC_QUANTITIES)


def calibrate(particles: ParticleTable, nm_per_px: float) -> ParticleTable:
    """Fill the ``_nm`` and ``_nm2`` columns from the ``_px`` columns.

    Parameters
    ----------
    particles : ParticleTable
        With or without nm columns; those it has are replaced.
    nm_per_px : float
        Pixel size, nm; finite and above 0.

    Returns
    -------
    ParticleTable
        Lengths × nm_per_px, areas × nm_per_px²; None where the column in pixels is.

    Raises
    ------
    ValueError
        If the pixel size is not a positive number.
    """
    if not (np.isfinite(nm_per_px) and nm_per_px > 0):
        raise ValueError(f"nm_per_px is {nm_per_px}: a pixel size is a positive number")
    in_nm = {
        conversion.name: in_px.astype(np.float64) * nm_per_px**conversion.power
        for conversion in PARTICLE_CONVERSIONS
        if (in_px := getattr(particles, conversion.px_name)) is not None
    }
    return replace(particles, **in_nm)
