"""What is stored of the sizes of an image so that they can be pooled without their particles: a histogram and sums.

From three numbers of a bin follow all counting rules: particles that the border leaves alone, those that it cuts, and the edge
weights of the former.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from shared.arrays import FloatArray, IntArray, Mask
from shared.distributions import log_grid
from shared.distributions.sample import COUNTING_RULES, CountingRule, counted

# The form of the stored bytes, little-endian; one record for each bin that holds a particle.
BIN = np.dtype([("bin", "<u2"), ("inside", "<u4"), ("at_border", "<u4"), ("weight", "<f4")])
# Of each rule, in the order of `COUNTING_RULES`: Σw, Σwd, Σwd², Σwd³, Σwd⁴, Σw·ln d, Σw·(ln d)², d in px.
N_SUMS = 7
SUM = np.dtype("<f8")


def pack_bins(ecd_nm: FloatArray, touches_border: Mask, edge_weight: FloatArray) -> bytes:
    """Write the histogram of the diameters of one image, nm, on the grid of `log_grid`; arrays of shape (n,)."""
    place = log_grid.bins_of(ecd_nm)
    inside = ~touches_border
    counts = {
        "inside": np.bincount(place[inside], minlength=log_grid.N_BINS),
        "at_border": np.bincount(place[touches_border], minlength=log_grid.N_BINS),
        "weight": np.bincount(place[inside], weights=edge_weight[inside], minlength=log_grid.N_BINS),
    }
    occupied = np.flatnonzero(counts["inside"] + counts["at_border"])
    records = np.empty(len(occupied), dtype=BIN)
    records["bin"] = occupied
    for name, values in counts.items():
        records[name] = values[occupied]
    return records.tobytes()


@dataclass(frozen=True, slots=True)
class BinRecords:
    """Occupied bins of several images under a counting rule, arrays of shape (records,).

    Attributes
    ----------
    image : ndarray of int64
        Position of the image, 0 to ``n_images`` − 1.
    place : ndarray of int64
        The bin.
    number : ndarray of int64
        Particles that count; 0 where all of the bin's are left out.
    weight : ndarray of float64
        Sum of their weights.
    n_images : int
        Images that were looked at, those without particles included.
    """

    image: IntArray
    place: IntArray
    number: IntArray
    weight: FloatArray
    n_images: int

    @property
    def histogram(self) -> FloatArray:
        """Sum of the weights of each bin over all images, shape (700,)."""
        return np.bincount(self.place, weights=self.weight, minlength=log_grid.N_BINS).astype(np.float64)


def unpack_bins(packed: Sequence[bytes], rule: CountingRule) -> BinRecords:
    """Read the histograms of images under a counting rule."""
    records = np.frombuffer(b"".join(packed), dtype=BIN)
    lengths = [len(one) // BIN.itemsize for one in packed]
    number = records["inside"].astype(np.int64)
    if rule == "all":
        number += records["at_border"]
    weight = records["weight"] if rule == "exclude-border-weighted" else number
    return BinRecords(
        image=np.repeat(np.arange(len(packed)), lengths),
        place=records["bin"].astype(np.int64),
        number=number,
        weight=weight.astype(np.float64),
        n_images=len(packed),
    )


def pack_sums(ecd_px: FloatArray, touches_border: Mask, edge_weight: FloatArray) -> bytes:
    """Write the sums of the diameters of one image, px, for each counting rule; arrays of shape (n,)."""
    rows = []
    for rule in COUNTING_RULES:
        sample = counted(ecd_px, touches_border, edge_weight, rule).sample
        logarithms = np.log(sample.sizes)
        powers = (np.ones(len(sample)), *(sample.sizes**power for power in (1, 2, 3, 4)), logarithms, logarithms**2)
        rows.append([float(sample.weights @ power) for power in powers])
    return np.array(rows, dtype=SUM).tobytes()


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums over the counted particles of several images, nm: Σw, Σwdᵏ (k = 1 … 4), Σw·ln d and Σw·(ln d)²."""

    weight: float
    powers: tuple[float, float, float, float]
    logarithms: float
    squared_logarithms: float


def unpack_sums(packed: Sequence[bytes], nm_per_px: FloatArray, rule: CountingRule) -> Sums:
    """Add sums up under a counting rule, each in the nanometres that the pixel size of its image gives, shape (images,)."""
    stored = np.frombuffer(b"".join(packed), dtype=SUM).reshape(len(packed), len(COUNTING_RULES), N_SUMS)
    of_rule = stored[:, list(COUNTING_RULES).index(rule)]
    weight, logarithms, squares = of_rule[:, 0], of_rule[:, 5], of_rule[:, 6]
    shift = np.log(nm_per_px)
    one, two, three, four = (float((of_rule[:, power] * nm_per_px**power).sum()) for power in (1, 2, 3, 4))
    return Sums(
        weight=float(weight.sum()),
        powers=(one, two, three, four),
        logarithms=float((logarithms + weight * shift).sum()),
        squared_logarithms=float((squares + 2 * shift * logarithms + shift**2 * weight).sum()),
    )
