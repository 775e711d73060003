"""Perimeters by the Crofton formula."""

import numpy as np

from shared.arrays import FloatArray, IntArray
from worker.analysis.label_map import Runs
from worker.analysis.measurement.moments import by_particle


def crofton_perimeters(runs: Runs) -> FloatArray:
    """Perimeters of all particles by the Crofton formula over four directions.

    P = π/8 · (t₀ + t₉₀ + (t₄₅ + t₁₃₅)/√2), where t counts the pairs of neighbouring pixels, in that direction, of which
    exactly one belongs to the particle; lines at 45° lie 1/√2 px apart. The other pixel may be background, another particle
    or beyond the edge of the map. Every pixel of the A of a particle has two neighbours in a direction, and is counted for each
    that is none of the particle: t = 2·(A − s), with s the pairs of which both belong to it. Equals
    `skimage.measure.perimeter_crofton(directions=4)` for each particle alone.

    Returns
    -------
    ndarray of float64, shape (n,)
        Perimeters, px.

    References
    ----------
    S. Rigollet, Étude et réalisation de fonctions de mesures stéréologiques (2004); G. Lehmann and D. Legland, Efficient
    N-dimensional surface estimation using Crofton formula and run-length encoding, Insight Journal (2012).
    """
    length = runs.stop - runs.start
    area = by_particle(runs, length)
    # Along a row, all pixels of a run but its last one have a neighbour of the same particle.
    within_rows = by_particle(runs, length - 1)
    upper, lower = _pairs_across_rows(runs)
    across_rows = [_common_columns(runs, upper, lower, shift) for shift in (0, 1, -1)]
    sides = [2 * (area - common) for common in (within_rows, *across_rows)]
    return np.asarray(np.pi / 8 * (sides[0] + sides[1] + (sides[2] + sides[3]) * np.sqrt(0.5)), dtype=np.float64)


def _pairs_across_rows(runs: Runs) -> tuple[IntArray, IntArray]:
    """Pairs of runs of the same particle in neighbouring rows that touch, also at a corner only; the upper, and the lower."""
    # Places in the image written out row by row, with room for a column beyond each end of a row.
    width = int(runs.stop.max(initial=0)) + 2
    start, stop = runs.row * width + runs.start, runs.row * width + runs.stop
    first = np.searchsorted(stop, start + width, side="left")
    after = np.searchsorted(start, stop + width, side="right")
    n_below = np.maximum(after - first, 0)
    upper = np.repeat(np.arange(len(start)), n_below)
    lower = np.arange(len(upper)) - np.repeat(np.cumsum(n_below) - n_below - first, n_below)
    same = runs.particle[upper] == runs.particle[lower]
    return upper[same], lower[same]


def _common_columns(runs: Runs, upper: IntArray, lower: IntArray, shift: int) -> FloatArray:
    """Pixels of each particle that have one of the same particle a row below and `shift` columns to the right, shape (n,)."""
    first = np.maximum(runs.start[upper], runs.start[lower] - shift)
    after = np.minimum(runs.stop[upper], runs.stop[lower] - shift)
    common = np.bincount(runs.particle[upper], weights=np.maximum(after - first, 0), minlength=len(runs.numbers))
    return np.asarray(common, dtype=np.float64)
