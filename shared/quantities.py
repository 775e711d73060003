"""The numbers that SAEMI reports: particle columns and size statistics, each declared once with unit and definition.

Tables, JSON keys, CSV headers and help texts follow them.
"""

from dataclasses import dataclass, fields
from typing import Annotated, get_type_hints

from shared.arrays import FloatArray, IntArray, Mask


@dataclass(frozen=True, slots=True)
class Meaning:
    """Unit and definition of a number that SAEMI reports; the unit of a ratio is empty."""

    unit: str
    definition: str


# A particle that nearly spans the field would stand for very many.
MAX_EDGE_WEIGHT = 5.0
# The smallest reliable diameter: one row of pixels more or less is an eighth of it. Drawn discs of 8 px come out 1 % wrong by
# counting pixels; what a segmenter adds to that is in the figures of the model.
SMALLEST_RELIABLE_PX = 8.0
RELIABLE_DEFINITION = (
    f"{SMALLEST_RELIABLE_PX:g} px across. Smaller particles are found and counted, but one row of pixels more or less changes "
    "their size by more than an eighth; their number is stated, and curves are fitted to larger ones only."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ParticleTable:
    """Measurements of the particles of one micrograph, one array of shape (n,) for each quantity.

    The ``_nm`` and ``_nm2`` columns are None where the micrograph has no calibration, ``confidence`` and ``low_confidence``
    where the model gives none, the grey values where there is a label map without its image, and the distances to neighbours
    where there are fewer than two particles.
    """

    label: Annotated[IntArray, Meaning("", "Number of the particle in the label map.")]
    centroid_y_px: Annotated[FloatArray, Meaning("px", "Row of the centroid in the coordinates of the uploaded image.")]
    centroid_x_px: Annotated[FloatArray, Meaning("px", "Column of the centroid in the coordinates of the uploaded image.")]
    area_px: Annotated[IntArray, Meaning("px²", "Number of pixels of the particle.")]
    area_nm2: Annotated[FloatArray | None, Meaning("nm²", "Pixel count × nm_per_px².")] = None
    ecd_px: Annotated[FloatArray, Meaning("px", "Equivalent circular diameter √(4A/π).")]
    ecd_nm: Annotated[FloatArray | None, Meaning("nm", "Equivalent circular diameter √(4A/π).")] = None
    perimeter_px: Annotated[FloatArray, Meaning("px", "Perimeter by the Crofton formula over four directions.")]
    perimeter_nm: Annotated[FloatArray | None, Meaning("nm", "Perimeter by the Crofton formula over four directions.")] = None
    feret_max_px: Annotated[FloatArray, Meaning("px", "Largest caliper width over all directions.")]
    feret_max_nm: Annotated[FloatArray | None, Meaning("nm", "Largest caliper width over all directions.")] = None
    feret_min_px: Annotated[FloatArray, Meaning("px", "Smallest caliper width over all directions.")]
    feret_min_nm: Annotated[FloatArray | None, Meaning("nm", "Smallest caliper width over all directions.")] = None
    feret_mean_px: Annotated[
        FloatArray, Meaning("px", "Mean caliper width over all directions: perimeter of the convex hull / π.")
    ]
    feret_mean_nm: Annotated[
        FloatArray | None, Meaning("nm", "Mean caliper width over all directions: perimeter of the convex hull / π.")
    ] = None
    major_axis_px: Annotated[FloatArray, Meaning("px", "Long axis of the ellipse with the same second moments.")]
    major_axis_nm: Annotated[FloatArray | None, Meaning("nm", "Long axis of the ellipse with the same second moments.")] = None
    minor_axis_px: Annotated[FloatArray, Meaning("px", "Short axis of the ellipse with the same second moments.")]
    minor_axis_nm: Annotated[FloatArray | None, Meaning("nm", "Short axis of the ellipse with the same second moments.")] = None
    orientation_deg: Annotated[
        FloatArray,
        Meaning("°", "Angle of the major axis from the x axis, counter-clockwise on the screen, above −90° up to 90°."),
    ]
    aspect_ratio: Annotated[FloatArray, Meaning("", "feret_min / feret_max, at most 1 (ISO 9276-6).")]
    elongation: Annotated[FloatArray, Meaning("", "1 − aspect_ratio.")]
    circularity: Annotated[FloatArray, Meaning("", "4πA / P², not clipped; 1 for a disc.")]
    roundness: Annotated[FloatArray, Meaning("", "4A / (π·feret_max²); 1 for a disc.")]
    solidity: Annotated[FloatArray, Meaning("", "Area / area of the convex hull.")]
    convexity: Annotated[FloatArray, Meaning("", "Perimeter of the convex hull / perimeter.")]
    extent: Annotated[FloatArray, Meaning("", "Area / area of the smallest rectangle around the particle.")]
    eccentricity: Annotated[FloatArray, Meaning("", "√(1 − (minor_axis / major_axis)²); 0 for a circle.")]
    mean_intensity: Annotated[FloatArray | None, Meaning("grey", "Mean of the original grey values inside the particle.")] = (
        None
    )
    sd_intensity: Annotated[
        FloatArray | None, Meaning("grey", "Standard deviation of the original grey values inside the particle.")
    ] = None
    nnd_px: Annotated[
        FloatArray | None, Meaning("px", "Distance from the centroid to the nearest centroid of another particle.")
    ] = None
    nnd_nm: Annotated[
        FloatArray | None, Meaning("nm", "Distance from the centroid to the nearest centroid of another particle.")
    ] = None
    nn_gap_px: Annotated[
        FloatArray | None, Meaning("px", "Distance from the edge to the nearest edge of another particle.")
    ] = None
    nn_gap_nm: Annotated[
        FloatArray | None, Meaning("nm", "Distance from the edge to the nearest edge of another particle.")
    ] = None
    touches_border: Annotated[
        Mask, Meaning("", "Whether any pixel lies on the edge of the analysed field or beside an annotation in it.")
    ]
    edge_weight: Annotated[
        FloatArray,
        Meaning(
            "",
            "How many particles this one stands for where those at the border are left out: W·H / ((W − d_x)(H − d_y)), W × H "
            "the analysed field, d_x × d_y the bounding box of the particle; at most 5.",
        ),
    ]
    confidence: Annotated[
        FloatArray | None,
        Meaning("", "Calibrated probability that the particle is one and outlined as a person would (IoU ≥ 0.5)."),
    ] = None
    low_confidence: Annotated[
        Mask | None, Meaning("", "Whether the confidence lies below the threshold of the analysis; such particles are counted.")
    ] = None

    def __len__(self) -> int:
        return len(self.label)


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeStatistics:
    """Statistics of the equivalent circular diameters d of the particles that count, each with its weight of the counting rule.

    By number, where no other weighting is named. A statistic is None where it is not defined: all of the diameters without a
    particle that counts, those of the spread with one, the ``_nm`` ones without a calibration.
    """

    n_particles: Annotated[int, Meaning("", "Number of particles in the analysed field.")]
    n_touching_border: Annotated[
        int, Meaning("", "Number of them that touch the edge of the analysed field or an annotation in it.")
    ]
    n_low_confidence: Annotated[int | None, Meaning("", "Number of them with a confidence below the threshold.")]
    n_counted: Annotated[int | None, Meaning("", "Number of them that count by the counting rule.")]
    n_small: Annotated[
        int | None,
        Meaning("", f"Number of them below the smallest reliable diameter, which is {SMALLEST_RELIABLE_PX:g} px across."),
    ]
    capped_share: Annotated[
        float | None,
        Meaning(
            "", f"Share of the counted particles whose edge weight would be above {MAX_EDGE_WEIGHT:g} and was cut to that."
        ),
    ]
    coverage: Annotated[
        float | None,
        Meaning("", "Share of the analysed field, annotations left out, that particles cover; those at the border included."),
    ]
    ecd_mean_px: Annotated[float | None, Meaning("px", "Arithmetic mean Σd/n, D[1,0].")]
    ecd_mean_nm: Annotated[float | None, Meaning("nm", "Arithmetic mean Σd/n, D[1,0].")]
    ecd_sd_px: Annotated[float | None, Meaning("px", "Standard deviation of the sample (n − 1).")]
    ecd_sd_nm: Annotated[float | None, Meaning("nm", "Standard deviation of the sample (n − 1).")]
    ecd_d10_px: Annotated[float | None, Meaning("px", "Diameter below which 10 % of the particles lie, by number.")]
    ecd_d10_nm: Annotated[float | None, Meaning("nm", "Diameter below which 10 % of the particles lie, by number.")]
    ecd_d50_px: Annotated[float | None, Meaning("px", "Median diameter: half of the particles lie below, by number.")]
    ecd_d50_nm: Annotated[float | None, Meaning("nm", "Median diameter: half of the particles lie below, by number.")]
    ecd_d90_px: Annotated[float | None, Meaning("px", "Diameter below which 90 % of the particles lie, by number.")]
    ecd_d90_nm: Annotated[float | None, Meaning("nm", "Diameter below which 90 % of the particles lie, by number.")]
    ecd_span: Annotated[float | None, Meaning("", "Width of the distribution (D90 − D10) / D50, by number.")]
    ecd_geometric_mean_px: Annotated[float | None, Meaning("px", "Geometric mean exp(mean of ln d).")]
    ecd_geometric_mean_nm: Annotated[float | None, Meaning("nm", "Geometric mean exp(mean of ln d).")]
    ecd_gsd: Annotated[float | None, Meaning("", "Geometric standard deviation exp(SD of ln d); 1 for equal diameters.")]
    ecd_d32_px: Annotated[float | None, Meaning("px", "Surface-weighted mean Σd³ / Σd², D[3,2], Sauter diameter.")]
    ecd_d32_nm: Annotated[float | None, Meaning("nm", "Surface-weighted mean Σd³ / Σd², D[3,2], Sauter diameter.")]
    ecd_d43_px: Annotated[float | None, Meaning("px", "Volume-weighted mean Σd⁴ / Σd³, D[4,3].")]
    ecd_d43_nm: Annotated[float | None, Meaning("nm", "Volume-weighted mean Σd⁴ / Σd³, D[4,3].")]


@dataclass(frozen=True, slots=True)
class Quantity:
    """Name, unit and definition of one number, as tables, files and help texts show it."""

    name: str
    unit: str
    definition: str


def quantities_of(record: type) -> tuple[Quantity, ...]:
    """List the numbers that a dataclass declares with their meaning."""
    hints = get_type_hints(record, include_extras=True)
    meanings = {name: meaning for name, hint in hints.items() for meaning in getattr(hint, "__metadata__", ())}
    declared = ((f.name, meanings[f.name]) for f in fields(record) if f.name in meanings)
    return tuple(Quantity(name, meaning.unit, meaning.definition) for name, meaning in declared)


PARTICLE_QUANTITIES = quantities_of(ParticleTable)
# Diameters: what a distribution can be weighted by area or volume with, and the smallest reliable diameter is a limit of.
DIAMETERS = tuple(
    f"{name}_{unit}"
    for name in ("ecd", "feret_max", "feret_min", "feret_mean", "major_axis", "minor_axis")
    for unit in ("px", "nm")
)
STATISTIC_QUANTITIES = quantities_of(SizeStatistics)
