"""Statistics of the sizes of the particles of one micrograph, each particle counting once (number-weighted)."""

import numpy as np

from shared.arrays import FloatArray
from shared.quantities import ParticleTable, SizeStatistics

PERCENTILES = (10, 50, 90)


def size_statistics(particles: ParticleTable) -> SizeStatistics:
    """Number-weighted statistics of the equivalent circular diameter.

    Parameters
    ----------
    particles : ParticleTable
        Every row counts, whether or not it touches the border (counting rule ``all``).

    Returns
    -------
    SizeStatistics
        None where a statistic is not defined: all without particles, the standard deviation with one, those in nm without a
        calibration.

    Notes
    -----
    - mean = Σd/n, standard deviation = √(Σ(d − mean)²/(n − 1)).
    - Percentiles by linear interpolation between the ordered diameters, the p-th at position (n − 1)·p/100 counted from 0:
      numpy's ``linear``, type 7 of R. J. Hyndman and Y. Fan, Sample quantiles in statistical packages, The American
      Statistician 50 (1996) 361.
    """
    mean_px, sd_px, (d10_px, d50_px, d90_px) = _moments_and_percentiles(particles.ecd_px)
    mean_nm, sd_nm, (d10_nm, d50_nm, d90_nm) = _moments_and_percentiles(particles.ecd_nm)
    return SizeStatistics(
        n_particles=len(particles),
        n_touching_border=int(np.count_nonzero(particles.touches_border)),
        n_low_confidence=None if particles.low_confidence is None else int(np.count_nonzero(particles.low_confidence)),
        ecd_mean_px=mean_px,
        ecd_mean_nm=mean_nm,
        ecd_sd_px=sd_px,
        ecd_sd_nm=sd_nm,
        ecd_d10_px=d10_px,
        ecd_d10_nm=d10_nm,
        ecd_d50_px=d50_px,
        ecd_d50_nm=d50_nm,
        ecd_d90_px=d90_px,
        ecd_d90_nm=d90_nm,
    )


def _moments_and_percentiles(
    diameters: FloatArray | None,
) -> tuple[float | None, float | None, tuple[float, float, float] | tuple[None, None, None]]:
    """Mean, standard deviation and D10, D50, D90 in the unit of the diameters, shape (n,)."""
    if diameters is None or len(diameters) == 0:
        return None, None, (None, None, None)
    d10, d50, d90 = (float(value) for value in np.percentile(diameters, PERCENTILES))
    sd = float(diameters.std(ddof=1)) if len(diameters) > 1 else None
    return float(diameters.mean()), sd, (d10, d50, d90)
