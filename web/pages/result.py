"""One analysis as its page shows it: statistics, columns of its table, and how it was made.

Nothing in this package asks the database, so that a template can only show what a view has read.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from shared.distributions.sample import COUNTING_RULES
from shared.domain import DEFAULT_MIN_CONFIDENCE
from shared.models import AnalysisRow
from shared.quantities import PARTICLE_QUANTITIES, SMALLEST_RELIABLE_PX, STATISTIC_QUANTITIES, Quantity
from web.pages import pixel_size
from web.pages.retention import original_fact
from web.pages.writing import Fact, count, duration, fixed, local_time, mean_and_sd, percent, short_hash

LABELS = {
    "label": "Particle",
    "centroid_y_px": "Centre y",
    "centroid_x_px": "Centre x",
    "area": "Area",
    "ecd": "Diameter (ECD)",
    "perimeter": "Perimeter",
    "feret_max": "Feret max",
    "feret_min": "Feret min",
    "feret_mean": "Feret mean",
    "major_axis": "Major axis",
    "minor_axis": "Minor axis",
    "orientation_deg": "Orientation",
    "aspect_ratio": "Aspect ratio",
    "elongation": "Elongation",
    "circularity": "Circularity",
    "roundness": "Roundness",
    "solidity": "Solidity",
    "convexity": "Convexity",
    "extent": "Extent",
    "eccentricity": "Eccentricity",
    "mean_intensity": "Grey mean",
    "sd_intensity": "Grey SD",
    "nnd": "Neighbour, centre",
    "nn_gap": "Neighbour, gap",
    "touches_border": "At border",
    "edge_weight": "Edge weight",
    "confidence": "Confidence",
    "low_confidence": "Low confidence",
}
# In the order of a reader's interest; lengths and areas come in nm where the image is calibrated, else in px.
TABLE_COLUMNS = ("label", "ecd", "area", "perimeter", "feret_max", "feret_min", "aspect_ratio", "circularity", "solidity")
PLACE_COLUMNS = ("centroid_x_px", "centroid_y_px", "touches_border")
CONFIDENCE_COLUMNS = ("confidence", "low_confidence")
# Of the card on top of the page, by their labels.
SIZE_STATISTICS = {
    "Mean": "ecd_mean_{unit}",
    "SD": "ecd_sd_{unit}",
    "D10": "ecd_d10_{unit}",
    "D50": "ecd_d50_{unit}",
    "D90": "ecd_d90_{unit}",
    "Span": "ecd_span",
    "GSD": "ecd_gsd",
}
COUNTS = {"n_counted": "counted", "n_touching_border": "at the border", "n_small": f"below {SMALLEST_RELIABLE_PX:g} px"}
NOT_PLOTTED = {"label", "centroid_y_px", "centroid_x_px", "touches_border", "low_confidence"}


@dataclass(frozen=True, slots=True)
class Column:
    """A quantity as the head of a table or the entry of a choice."""

    name: str
    label: str
    unit: str
    definition: str
    is_number: bool


@dataclass(frozen=True, slots=True)
class Figure:
    """A number beside its name, with its definition."""

    name: str
    value: str
    unit: str
    definition: str


def counting_rule_text(name: str) -> str:
    """Say what a counting rule counts; a rule of another release has its name only."""
    return {str(rule): text for rule, text in COUNTING_RULES.items()}.get(name, name)


def length_unit(analysis: AnalysisRow) -> str:
    """Name the unit in which sizes of an analysis are shown."""
    return "px" if analysis.nm_per_px is None else "nm"


def statistics(analysis: AnalysisRow) -> list[Figure]:
    """List the size statistics of an analysis, those of sizes in its unit."""
    unit = length_unit(analysis)
    names = {name: label.format(unit=unit) for name, label in SIZE_STATISTICS.items()}
    sizes = [value for name in names.values() if name.endswith(unit) and (value := getattr(analysis, name)) is not None]
    decimals = max(0, 3 - math.floor(math.log10(max(sizes)))) if sizes else 0
    return [
        _figure(name, label, fixed(getattr(analysis, name), decimals if name.endswith(unit) else 3))
        for label, name in names.items()
    ]


def counts(analysis: AnalysisRow) -> list[Figure]:
    """List what was counted in an image; a dash for what a release of SAEMI did not count."""
    written = [
        _figure(name, label, "–" if (value := getattr(analysis, name)) is None else count(value))
        for name, label in COUNTS.items()
    ]
    coverage = "–" if analysis.coverage is None else percent(analysis.coverage)
    return [*written, _figure("coverage", "covered", coverage)]


def _figure(name: str, label: str, value: str) -> Figure:
    quantity = next(quantity for quantity in STATISTIC_QUANTITIES if quantity.name == name)
    return Figure(label, value, quantity.unit, quantity.definition)


def provenance(analysis: AnalysisRow) -> list[Fact]:
    """List how an analysis was made, enough to make it again."""
    rows = f"rows {analysis.field_top} to {analysis.field_bottom - 1}"
    columns = f"columns {analysis.field_left} to {analysis.field_right - 1}"
    top, bottom = analysis.banner_top, analysis.banner_bottom
    banner = "none found" if top is None or bottom is None else f"rows {top} to {bottom - 1}, not measured"
    # A threshold means nothing where the model gives no confidence.
    chosen = {key: value for key, value in analysis.parameters.items() if key != "min_confidence" or _has_confidence(analysis)}
    holds = pixel_size.holds(analysis)
    weights = [_hash_fact("Model SHA-256", analysis.model_sha256)] if analysis.model_sha256 else []
    return [
        Fact("Model", f"{analysis.model_name}, version {analysis.model_version}"),
        *weights,
        *([_confidence_fact(analysis)] if _has_confidence(analysis) else []),
        Fact("Parameters", ", ".join(f"{key} = {_plain(value)}" for key, value in chosen.items())),
        Fact("Parameters hash", analysis.parameters_sha256, "SHA-256 over the parameters and the version of the pipeline"),
        Fact("Software", f"SAEMI {analysis.software_version}"),
        Fact("Counting rule", analysis.counting_rule, counting_rule_text(analysis.counting_rule)),
        Fact("Calibration", holds.value, holds.note),
        Fact("File", f"{analysis.format}, {analysis.bit_depth} bit, {analysis.width_px} × {analysis.height_px} px"),
        Fact("Analysed field", f"{rows}, {columns}"),
        Fact("Banner", banner),
        Fact("Analysis took", duration(analysis.duration_s)),
        Fact("Made", local_time(analysis.created_at)),
        Fact("Image SHA-256", analysis.image_sha256),
        *([original] if (original := original_fact(analysis.image)) else []),
    ]


def table_columns(analysis: AnalysisRow) -> list[Column]:
    """Choose the columns of the particle table in the unit of the analysis."""
    known = {quantity.name: quantity for quantity in PARTICLE_QUANTITIES}
    lengths = {"nm": ("_nm", "_nm2"), "px": ("_px",)}[length_unit(analysis)]
    in_unit = {q.name.rsplit("_", 1)[0]: q for q in known.values() if q.name.endswith(lengths) and q.name not in LABELS}
    names = (*TABLE_COLUMNS, *(CONFIDENCE_COLUMNS if _has_confidence(analysis) else ()), *PLACE_COLUMNS)
    return [column(in_unit.get(name) or known[name]) for name in names]


def plotted_columns(analysis: AnalysisRow, measured: Collection[str]) -> list[Column]:
    """List the quantities of which a histogram says something, of those that the particles of the analysis have."""
    calibrated = analysis.nm_per_px is not None
    left_out = NOT_PLOTTED if _has_confidence(analysis) else {*NOT_PLOTTED, *CONFIDENCE_COLUMNS}
    shown = [q for q in PARTICLE_QUANTITIES if q.name not in left_out and q.name in measured]
    return [column(q) for q in shown if calibrated or not q.name.endswith(("_nm", "_nm2"))]


def low_confidence(analysis: AnalysisRow) -> str:
    """Say how many particles lie below the threshold of an analysis; empty where the model gives no confidence."""
    return unsure(analysis) if _has_confidence(analysis) else ""


def min_confidence(analysis: AnalysisRow) -> float:
    """Return the threshold below which particles of an analysis are marked."""
    return float(analysis.parameters.get("min_confidence", DEFAULT_MIN_CONFIDENCE))


def _has_confidence(analysis: AnalysisRow) -> bool:
    return analysis.n_low_confidence is not None


def unsure(analysis: AnalysisRow) -> str:
    """Count the particles below the threshold in words."""
    return f"{count(analysis.n_low_confidence or 0)} below confidence {min_confidence(analysis):g}"


def _confidence_fact(analysis: AnalysisRow) -> Fact:
    share = f"{count(analysis.n_low_confidence or 0)} of {count(analysis.n_particles)} particles lie below"
    return Fact("Confidence threshold", f"{min_confidence(analysis):g}", f"{share}; they are marked and counted.")


def _hash_fact(name: str, sha256: str) -> Fact:
    return Fact(name, short_hash(sha256), title=sha256)


def column(quantity: Quantity) -> Column:
    """Describe a quantity as a column."""
    label = LABELS.get(quantity.name) or LABELS[quantity.name.rsplit("_", 1)[0]]
    is_number = quantity.name not in ("touches_border", "low_confidence")
    return Column(quantity.name, label, quantity.unit, quantity.definition, is_number)


def method(analysis: AnalysisRow) -> str:
    """Name the model and the counting rule."""
    return f"{analysis.model_name} {analysis.model_version}, counting {analysis.counting_rule}"


def size(analysis: AnalysisRow) -> str:
    """Write the mean diameter with its deviation, in the unit of the analysis."""
    unit = length_unit(analysis)
    return mean_and_sd(getattr(analysis, f"ecd_mean_{unit}"), getattr(analysis, f"ecd_sd_{unit}"), unit)


def _plain(value: Any) -> str:
    return "not stated" if value is None else f"{value}"
