"""Plain values for the templates: numbers with their units, times, durations and links, prepared from rows.

Nothing here asks the database, so that a template can only show what a view has read.
"""

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared import cards, registry
from shared.cards import CardFigure
from shared.domain import DEFAULT_MIN_CONFIDENCE, PARTICLE_QUANTITIES, STATISTIC_QUANTITIES, Quantity
from shared.leases import JobState
from shared.models import AnalysisRow, JobRow, ModelRow, SubmissionRow
from shared.submissions import JobCounts, ListedJob

NARROW_SPACE = "\N{NARROW NO-BREAK SPACE}"
STATE_TEXT = {JobState.QUEUED: "Queued", JobState.RUNNING: "Running", JobState.DONE: "Done", JobState.FAILED: "Failed"}
SOURCE_TEXT = {"metadata": "from the file's metadata", "scale_bar": "from the scale bar", "manual": "stated by hand"}
COUNTING_RULE_TEXT = {"all": "Every particle in the analysed field counts, those that touch its border included."}
LABELS = {
    "label": "Particle",
    "centroid_y_px": "Centre y",
    "centroid_x_px": "Centre x",
    "area": "Area",
    "ecd": "Diameter (ECD)",
    "perimeter": "Perimeter",
    "feret_max": "Feret max",
    "feret_min": "Feret min",
    "aspect_ratio": "Aspect ratio",
    "circularity": "Circularity",
    "solidity": "Solidity",
    "touches_border": "At border",
    "confidence": "Confidence",
    "low_confidence": "Low confidence",
}
# In the order of a reader's interest; lengths and areas come in nm where the image is calibrated, else in px.
TABLE_COLUMNS = ("label", "ecd", "area", "perimeter", "feret_max", "feret_min", "aspect_ratio", "circularity", "solidity")
PLACE_COLUMNS = ("centroid_x_px", "centroid_y_px", "touches_border")
CONFIDENCE_COLUMNS = ("confidence", "low_confidence")
NOT_PLOTTED = {"label", "centroid_y_px", "centroid_x_px", "touches_border", "low_confidence"}
# Enough to tell two files apart by eye; the whole hash stands behind them.
HASH_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Column:
    """A quantity as the head of a table or the entry of a choice."""

    name: str
    label: str
    unit: str
    definition: str
    is_number: bool


@dataclass(frozen=True, slots=True)
class JobLine:
    """A job as one row of a table."""

    id: int
    source_name: str
    submission_id: int
    project: str
    sample: str | None
    state: str
    state_text: str
    analysis_id: int | None
    n_particles: str
    unsure: str
    size: str
    method: str
    created_at: datetime
    duration: str
    error_message: str | None
    error_reference: str | None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the jobs of a submission are, with the shares of a bar in %."""

    counts: JobCounts
    done_percent: float
    failed_percent: float

    @property
    def ended(self) -> int:
        """Jobs that came to an end."""
        return self.counts.done + self.counts.failed


@dataclass(frozen=True, slots=True)
class SubmissionLine:
    """A submission as one row of a table or the head of its page."""

    id: int
    project: str
    sample: str | None
    created_at: datetime
    model: str
    min_confidence: float
    pixel_size: str
    progress: Progress


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of a description: what, the value with its unit, and more to say about it."""

    name: str
    value: str
    note: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True)
class ModelLine:
    """A model as an entry of a choice or of the page of models."""

    reference: str
    is_default: bool
    sha256: str
    short_sha256: str
    added_at: datetime
    architecture: str
    description: str
    main_figures: dict[str, str]
    figures: list[CardFigure]
    facts: list[Fact]


def number(value: float | None, digits: int = 4) -> str:
    """Write a number with so many significant digits, never as a power of ten; a dash where there is none."""
    if value is None or not math.isfinite(value):
        return "–"
    magnitude = math.floor(math.log10(abs(value))) if value else 0
    text = f"{value:,.{max(0, digits - 1 - magnitude)}f}"
    return text.replace(",", NARROW_SPACE).replace("-", "−")


def count(value: int) -> str:
    """Write a whole number."""
    return f"{value:,}".replace(",", NARROW_SPACE)


def mean_and_sd(mean: float | None, sd: float | None, unit: str) -> str:
    """Write mean ± standard deviation, both to the second digit of the deviation."""
    if mean is None:
        return "–"
    if not sd:
        return f"{number(mean)} {unit}"
    decimals = min(6, max(0, 1 - math.floor(math.log10(sd))))
    return f"{mean:,.{decimals}f} ± {sd:,.{decimals}f} {unit}".replace(",", NARROW_SPACE)


def duration(seconds: float) -> str:
    """Write a time span as people say it."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def local_time(value: datetime) -> str:
    """Write a time in the zone of the installation, which is that of its readers."""
    return value.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")


def job_line(listed: ListedJob) -> JobLine:
    """Describe a job."""
    job, analysis = listed.job, listed.analysis
    return JobLine(
        id=job.id,
        source_name=job.source_name,
        submission_id=job.submission_id,
        project=listed.submission.project,
        sample=listed.submission.sample,
        state=job.state,
        state_text=STATE_TEXT[JobState(job.state)],
        analysis_id=job.analysis_id,
        n_particles=count(analysis.n_particles) if analysis else "",
        unsure=_unsure(analysis) if analysis and analysis.n_low_confidence else "",
        size=_size(analysis) if analysis else "",
        method=_method(analysis) if analysis else "",
        created_at=job.created_at,
        duration=_job_duration(job),
        error_message=job.error_message,
        error_reference=job.error_reference,
    )


def submission_line(row: SubmissionRow, counts: JobCounts) -> SubmissionLine:
    """Describe a submission."""
    nm_per_px = row.parameters.get("nm_per_px")
    total = max(counts.total, 1)
    return SubmissionLine(
        id=row.id,
        project=row.project,
        sample=row.sample,
        created_at=row.created_at,
        model=row.parameters.get("model", "–"),
        min_confidence=float(row.parameters.get("min_confidence", DEFAULT_MIN_CONFIDENCE)),
        pixel_size=f"{nm_per_px:g} nm/px, stated by hand"
        if nm_per_px
        else "not stated by hand: as each file states it, else px",
        progress=Progress(counts, 100 * counts.done / total, 100 * counts.failed / total),
    )


def length_unit(analysis: AnalysisRow) -> str:
    """Name the unit in which sizes of an analysis are shown."""
    return "px" if analysis.nm_per_px is None else "nm"


def statistics(analysis: AnalysisRow) -> list[Fact]:
    """List the size statistics of an analysis in its unit, with their definitions."""
    unit = length_unit(analysis)
    definitions = {quantity.name: quantity.definition for quantity in STATISTIC_QUANTITIES}
    labels = {"mean": "Mean", "sd": "SD", "d10": "D10", "d50": "D50", "d90": "D90"}
    names = {label: f"ecd_{key}_{unit}" for key, label in labels.items()}
    values = [value for name in names.values() if (value := getattr(analysis, name)) is not None]
    decimals = max(0, 3 - math.floor(math.log10(max(values)))) if values else 0
    return [Fact(label, _fixed(getattr(analysis, name), decimals), definitions[name]) for label, name in names.items()]


def calibration(analysis: AnalysisRow) -> Fact:
    """Say which pixel size the sizes rest on."""
    if analysis.calibration_status == "conflict":
        note = "Metadata and scale bar contradict each other. State nm per px when you submit to decide."
        return Fact("Pixel size", "Calibration conflict: sizes in px", note)
    if analysis.nm_per_px is None:
        return Fact("Pixel size", "Calibration missing: sizes in px", "State nm per px when you submit to get sizes in nm.")
    source = SOURCE_TEXT.get(analysis.calibration_source or "", analysis.calibration_source or "")
    return Fact("Pixel size", f"{analysis.nm_per_px:.6g} nm/px, {source}")


def provenance(analysis: AnalysisRow) -> list[Fact]:
    """List how an analysis was made, enough to make it again."""
    rows = f"rows {analysis.field_top} to {analysis.field_bottom - 1}"
    columns = f"columns {analysis.field_left} to {analysis.field_right - 1}"
    top, bottom = analysis.banner_top, analysis.banner_bottom
    banner = "none found" if top is None or bottom is None else f"rows {top} to {bottom - 1}, not measured"
    # A threshold means nothing where the model gives no confidence.
    chosen = {key: value for key, value in analysis.parameters.items() if key != "min_confidence" or _has_confidence(analysis)}
    weights = [_hash_fact("Model SHA-256", analysis.model_sha256)] if analysis.model_sha256 else []
    return [
        Fact("Model", f"{analysis.model_name}, version {analysis.model_version}"),
        *weights,
        *([_confidence_fact(analysis)] if _has_confidence(analysis) else []),
        Fact("Parameters", ", ".join(f"{key} = {_plain(value)}" for key, value in chosen.items())),
        Fact("Parameters hash", analysis.parameters_sha256, "SHA-256 over the parameters and the version of the pipeline"),
        Fact("Software", f"SAEMI {analysis.software_version}"),
        Fact("Counting rule", analysis.counting_rule, COUNTING_RULE_TEXT.get(analysis.counting_rule, "")),
        Fact("Calibration", calibration(analysis).value, calibration(analysis).note),
        Fact("File", f"{analysis.format}, {analysis.bit_depth} bit, {analysis.width_px} × {analysis.height_px} px"),
        Fact("Analysed field", f"{rows}, {columns}"),
        Fact("Banner", banner),
        Fact("Analysis took", duration(analysis.duration_s)),
        Fact("Made", local_time(analysis.created_at)),
        Fact("Image SHA-256", analysis.image_sha256),
    ]


def table_columns(analysis: AnalysisRow) -> list[Column]:
    """Choose the columns of the particle table in the unit of the analysis."""
    known = {quantity.name: quantity for quantity in PARTICLE_QUANTITIES}
    lengths = {"nm": ("_nm", "_nm2"), "px": ("_px",)}[length_unit(analysis)]
    in_unit = {q.name.rsplit("_", 1)[0]: q for q in known.values() if q.name.endswith(lengths) and q.name not in LABELS}
    names = (*TABLE_COLUMNS, *(CONFIDENCE_COLUMNS if _has_confidence(analysis) else ()), *PLACE_COLUMNS)
    return [_column(in_unit.get(name) or known[name]) for name in names]


def plotted_columns(analysis: AnalysisRow) -> list[Column]:
    """List the quantities of which a histogram says something and that the analysis has."""
    calibrated = analysis.nm_per_px is not None
    left_out = NOT_PLOTTED if _has_confidence(analysis) else {*NOT_PLOTTED, *CONFIDENCE_COLUMNS}
    shown = [q for q in PARTICLE_QUANTITIES if q.name not in left_out]
    return [_column(q) for q in shown if calibrated or not q.name.endswith(("_nm", "_nm2"))]


def model_line(row: ModelRow) -> ModelLine:
    """Describe a registered model by its card, whatever the card has."""
    main = {label: f"{figure.value:.3f}" if figure else "–" for label, figure in cards.main_figures(row.card).items()}
    return ModelLine(
        reference=registry.identity(row).reference,
        is_default=row.is_default,
        sha256=row.sha256 or "",
        short_sha256=short_hash(row.sha256),
        added_at=row.added_at,
        architecture=cards.architecture(row.card),
        description=cards.description(row.card),
        main_figures=main,
        figures=cards.figures(row.card.get("figures")),
        facts=_card_facts(row),
    )


def short_hash(sha256: str | None) -> str:
    """Write the first digits of a hash; a dash where there is none."""
    return sha256[:HASH_DIGITS] if sha256 else "–"


def low_confidence(analysis: AnalysisRow) -> str:
    """Say how many particles lie below the threshold of an analysis; empty where the model gives no confidence."""
    return _unsure(analysis) if _has_confidence(analysis) else ""


def min_confidence(analysis: AnalysisRow) -> float:
    """Return the threshold below which particles of an analysis are marked."""
    return float(analysis.parameters.get("min_confidence", DEFAULT_MIN_CONFIDENCE))


def _has_confidence(analysis: AnalysisRow) -> bool:
    return analysis.n_low_confidence is not None


def _unsure(analysis: AnalysisRow) -> str:
    return f"{count(analysis.n_low_confidence or 0)} below confidence {min_confidence(analysis):g}"


def _confidence_fact(analysis: AnalysisRow) -> Fact:
    share = f"{count(analysis.n_low_confidence or 0)} of {count(analysis.n_particles)} particles lie below"
    return Fact("Confidence threshold", f"{min_confidence(analysis):g}", f"{share}; they are marked and counted.")


def _hash_fact(name: str, sha256: str) -> Fact:
    return Fact(name, short_hash(sha256), title=sha256)


def _card_facts(row: ModelRow) -> list[Fact]:
    """List what a card says beside its description and its figures, each part on one line."""
    parts = cards.sections(row.card)
    figures = cards.figures(row.card.get("figures"))
    facts = [Fact(cards.heading(key), cards.plain(content)) for key, content in parts if key != "figures" or not figures]
    return facts + _how_figures_were_taken(row.card.get("figures"), {figure.name for figure in figures})


def _how_figures_were_taken(content: Any, numbers: set[str]) -> list[Fact]:
    if not isinstance(content, dict):
        return []
    said = {key: value for key, value in content.items() if key not in numbers and key != "figures"}
    return [Fact("Figures taken", cards.plain(said))] if numbers and said else []


def _column(quantity: Quantity) -> Column:
    label = LABELS.get(quantity.name) or LABELS[quantity.name.rsplit("_", 1)[0]]
    is_number = quantity.name not in ("touches_border", "low_confidence")
    return Column(quantity.name, label, quantity.unit, quantity.definition, is_number)


def _method(analysis: AnalysisRow) -> str:
    return f"{analysis.model_name} {analysis.model_version}, counting {analysis.counting_rule}"


def _size(analysis: AnalysisRow) -> str:
    unit = length_unit(analysis)
    return mean_and_sd(getattr(analysis, f"ecd_mean_{unit}"), getattr(analysis, f"ecd_sd_{unit}"), unit)


def _fixed(value: float | None, decimals: int) -> str:
    return "–" if value is None else f"{value:,.{decimals}f}".replace(",", NARROW_SPACE)


def _job_duration(job: JobRow) -> str:
    if job.started_at is None or job.finished_at is None:
        return ""
    return duration((job.finished_at - job.started_at).total_seconds())


def _plain(value: Any) -> str:
    return "not stated" if value is None else f"{value}"
