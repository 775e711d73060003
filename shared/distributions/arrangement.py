"""How particles lie in the field: coverage, number density, and whether they keep away from or gather near each other."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import KDTree

from shared.arrays import FloatArray
from shared.quantities import Meaning

# Below it g(r) shows chance.
SMALLEST_NUMBER = 40
# Distances up to a quarter of the field's shorter side, in so many steps.
N_DISTANCES = 50
LARGEST_SHARE = 0.25
ARRANGEMENT = {
    "coverage": Meaning("", "Share of the analysed field that particles cover; those at the border included."),
    "number_density_per_um2": Meaning("µm⁻²", "Particles over the analysed field."),
    "g": Meaning(
        "",
        "Radial distribution function of the centroids at the distance r: pairs that far apart, over those of independent "
        f"particles. 1 where particles lie independently, below 1 where they keep away, above 1 where they gather. From "
        f"{SMALLEST_NUMBER} particles on, up to a quarter of the field's shorter side; pairs that the border hides are made up "
        "for (translation correction).",
    ),
}
# Where so many pairs lie nearer than that, they do: of 20,000 particles distances up to several neighbours remain.
MOST_PAIRS = 2_000_000


@dataclass(frozen=True, slots=True)
class RadialDistribution:
    """g(r) at the middle of each ring, in px; 1 where particles lie independently of each other. Shape (50,) each.

    Up to a quarter of the field's shorter side, less far where particles are very many.
    """

    distance_px: FloatArray
    g: FloatArray


def coverage(area_px: FloatArray, field_area_px: float) -> float:
    """Return the share of the analysed field that particles cover."""
    return float(area_px.sum()) / field_area_px


def number_density_per_um2(n_particles: int, field_area_px: float, nm_per_px: float) -> float:
    """Return particles per µm² of the analysed field."""
    return n_particles / (field_area_px * (nm_per_px / 1000) ** 2)


def radial_distribution(y_px: FloatArray, x_px: FloatArray, height_px: float, width_px: float) -> RadialDistribution | None:
    """Return g(r) of centroids in a field; None for fewer than 40.

    Each ordered pair at the distance r counts 1/((height − |Δy|)(width − |Δx|)), the area that the field shares with itself
    moved by the pair's difference: pairs that a border hides are made up for (translation correction; D. Stoyan and H. Stoyan,
    Fractals, Random Shapes and Point Fields, Wiley 1994). g(r) is the sum over a ring, over 2πr·Δr·λ², λ² = n(n − 1)/area².
    """
    n = len(y_px)
    if n < SMALLEST_NUMBER:
        return None
    points = np.column_stack([y_px, x_px])
    tree = KDTree(points)
    reach_of_pairs = np.sqrt(2 * MOST_PAIRS * height_px * width_px / np.pi) / n
    reach = min(LARGEST_SHARE * min(height_px, width_px), float(reach_of_pairs))
    # Where particles gather. Counted are ordered pairs, each point with itself included.
    while (tree.count_neighbors(tree, reach) - n) / 2 > MOST_PAIRS:
        reach *= 0.8
    edges = np.linspace(0, reach, N_DISTANCES + 1)
    one, other = tree.query_pairs(reach, output_type="ndarray").T
    between = np.abs(points[one] - points[other])
    overlap = (height_px - between[:, 0]) * (width_px - between[:, 1])
    counted, _ = np.histogram(np.hypot(between[:, 0], between[:, 1]), bins=edges, weights=2 / overlap)
    middle = (edges[:-1] + edges[1:]) / 2
    squared_density = n * (n - 1) / (height_px * width_px) ** 2
    return RadialDistribution(middle, counted / (2 * np.pi * middle * np.diff(edges) * squared_density))
