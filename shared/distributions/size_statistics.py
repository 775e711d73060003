"""The statistics of the particles of one image that stand in its row: what lists show and searches compare."""

from dataclasses import dataclass

import numpy as np

from shared.arrays import FloatArray
from shared.distributions.sample import DEFAULT_COUNTING_RULE, Counted, CountingRule, counted
from shared.distributions.summary import moments, summarise
from shared.quantities import SMALLEST_RELIABLE_PX, ParticleTable, SizeStatistics


@dataclass(frozen=True, slots=True)
class _Diameters:
    """Statistics in the unit of the diameters."""

    mean: float | None = None
    sd: float | None = None
    d10: float | None = None
    d50: float | None = None
    d90: float | None = None
    span: float | None = None
    geometric_mean: float | None = None
    gsd: float | None = None
    d32: float | None = None
    d43: float | None = None


def size_statistics(particles: ParticleTable, specimen_px: int, rule: CountingRule = DEFAULT_COUNTING_RULE) -> SizeStatistics:
    """Describe the equivalent circular diameters of the particles of one image.

    Parameters
    ----------
    particles : ParticleTable
        All particles of the analysed field.
    specimen_px : int
        Pixels of the field that show specimen, above 0.
    rule
        Which of them count, and for how many; see `sample.COUNTING_RULES`.

    Returns
    -------
    SizeStatistics
        None where a statistic is not defined: all of the diameters without a counted particle, standard deviation and GSD with
        one, those in nm without a calibration.

    Notes
    -----
    See `summary.summarise` and `summary.moments`, whose formulas these are.
    """
    of_rule = counted(particles.ecd_px, particles.touches_border, particles.edge_weight, rule)
    px = _describe(of_rule)
    in_nm = particles.ecd_nm
    nm = _Diameters() if in_nm is None else _describe(counted(in_nm, particles.touches_border, particles.edge_weight, rule))
    return SizeStatistics(
        n_particles=len(particles),
        n_touching_border=int(np.count_nonzero(particles.touches_border)),
        n_low_confidence=None if particles.low_confidence is None else int(np.count_nonzero(particles.low_confidence)),
        n_counted=len(of_rule.sample),
        n_small=n_small(particles.ecd_px),
        capped_share=of_rule.capped_share,
        coverage=float(particles.area_px.sum()) / specimen_px,
        ecd_mean_px=px.mean,
        ecd_mean_nm=nm.mean,
        ecd_sd_px=px.sd,
        ecd_sd_nm=nm.sd,
        ecd_d10_px=px.d10,
        ecd_d10_nm=nm.d10,
        ecd_d50_px=px.d50,
        ecd_d50_nm=nm.d50,
        ecd_d90_px=px.d90,
        ecd_d90_nm=nm.d90,
        ecd_span=px.span,
        ecd_geometric_mean_px=px.geometric_mean,
        ecd_geometric_mean_nm=nm.geometric_mean,
        ecd_gsd=px.gsd,
        ecd_d32_px=px.d32,
        ecd_d32_nm=nm.d32,
        ecd_d43_px=px.d43,
        ecd_d43_nm=nm.d43,
    )


def why_missing(n_particles: int, n_counted: int) -> str | None:
    """Say why statistics of the diameters of an image are missing; None where all are there."""
    if n_particles == 0:
        return "No particle was found, so that there are no diameters."
    if n_counted == 0:
        return "No particle counts, so that there are no diameters: all of them touch the border of the analysed field."
    if n_counted == 1:
        return "One particle counts: a standard deviation takes two."
    return None


def n_small(ecd_px: FloatArray) -> int:
    """Count the particles below the smallest reliable diameter, of diameters in px, shape (n,)."""
    return int(np.count_nonzero(ecd_px < SMALLEST_RELIABLE_PX))


def _describe(of_rule: Counted) -> _Diameters:
    found, means = summarise(of_rule.sample, "number"), moments(of_rule.sample)
    return _Diameters(
        mean=found.mean,
        sd=found.sd,
        d10=found.d10,
        d50=found.d50,
        d90=found.d90,
        span=found.span,
        geometric_mean=means.geometric_mean,
        gsd=means.gsd,
        d32=means.d32,
        d43=means.d43,
    )
