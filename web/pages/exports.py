"""Exports as their list shows them, and what the form that asks for one offers."""

from dataclasses import dataclass
from datetime import datetime

from shared.distributions.sample import COUNTING_RULES, DEFAULT_COUNTING_RULE
from shared.export_choices import SHOWN_QUANTITIES, ExportChoices
from shared.export_choices import command as command_of
from shared.export_rows import ExportRow
from shared.leases import JobState
from shared.output_formats import OUTPUT_FORMATS
from web.pages.result import LABELS
from web.pages.writing import count, number

STATE_TEXT = {
    JobState.QUEUED: "Waiting",
    JobState.RUNNING: "Being made",
    JobState.DONE: "Made",
    JobState.FAILED: "Failed",
    JobState.CANCELLED: "Cancelled",
}
FORMAT_LABELS = {
    "pdf": "PDF report",
    "figures": "Figures",
    "xlsx": "Excel workbook",
    "csv": "CSV tables",
    "parquet": "Parquet table",
    "json": "JSON document",
    "nanodefiner": "NanoDefiner",
    "labels": "Label maps",
    "overlays": "Pictures with outlines",
    "roi": "ImageJ ROI set",
    "coco": "COCO instances",
}
RULE_LABELS = {
    "exclude-border-weighted": "Not at the border, weighted for it",
    "exclude-border": "Not at the border",
    "all": "All particles",
}
WEIGHTING_LABELS = {"number": "By number", "area": "By area", "volume": "By volume"}
STANDARD = ExportChoices()


@dataclass(frozen=True, slots=True)
class Offer:
    """One of several values that the form offers."""

    value: str
    label: str
    note: str = ""
    is_chosen: bool = False


@dataclass(frozen=True, slots=True)
class ExportForm:
    """What the form offers."""

    formats: tuple[Offer, ...]
    rules: tuple[Offer, ...]
    weightings: tuple[Offer, ...]
    quantities: tuple[Offer, ...]


@dataclass(frozen=True, slots=True)
class ExportLine:
    """An export as one row of a table."""

    id: int
    title: str
    selection: str
    submission_id: int | None
    analysis_id: int | None
    format: str
    counted: str
    command: str
    person: str
    created_at: datetime
    state: str
    state_text: str
    n_images: int | None
    n_done: int
    done: str
    file_name: str | None
    size: str
    removed_at: datetime | None
    removed_after_days: int | None
    error_message: str | None
    error_reference: str | None

    @property
    def is_under_way(self) -> bool:
        """Whether it has not come to an end."""
        return self.state in (JobState.QUEUED, JobState.RUNNING)

    @property
    def done_percent(self) -> float:
        """Share of its images that are written, %."""
        return min(100.0, 100 * self.n_done / max(1, self.n_images or 0))


def export_form() -> ExportForm:
    """Return what can be chosen, the first format chosen."""
    order = [*(name for name in FORMAT_LABELS if name in OUTPUT_FORMATS)]
    order += [name for name in OUTPUT_FORMATS if name not in FORMAT_LABELS]
    return ExportForm(
        formats=tuple(
            Offer(name, format_label(name), OUTPUT_FORMATS[name].description, is_chosen=place == 0)
            for place, name in enumerate(order)
        ),
        rules=tuple(
            Offer(name, RULE_LABELS[name], note, name == DEFAULT_COUNTING_RULE) for name, note in COUNTING_RULES.items()
        ),
        weightings=tuple(Offer(name, label, is_chosen=name == STANDARD.weighting) for name, label in WEIGHTING_LABELS.items()),
        quantities=tuple(Offer(name, LABELS.get(name, name), is_chosen=name == STANDARD.quantity) for name in SHOWN_QUANTITIES),
    )


def format_label(name: str) -> str:
    """Name a format for people."""
    return FORMAT_LABELS.get(name, name)


def export_line(row: ExportRow) -> ExportLine:
    """Describe an export."""
    choices = ExportChoices.stored(row.choices)
    ids = row.analysis_ids
    return ExportLine(
        id=row.id,
        title=row.title,
        selection=row.selection,
        submission_id=row.wanted["submission_id"] if row.wanted.keys() == {"submission_id"} else None,
        analysis_id=ids[0] if ids is not None and len(ids) == 1 else None,
        format=format_label(row.format),
        counted=_counted(choices),
        command=command_of(row.format, row.selection, ids, choices),
        person=row.person or "",
        created_at=row.created_at,
        state=row.state,
        state_text=STATE_TEXT[JobState(row.state)],
        n_images=row.n_images,
        n_done=row.n_done,
        done=f"{count(row.n_done)} of {count(row.n_images)} images" if row.n_images is not None else "",
        file_name=row.file_name,
        size=file_size(row.n_bytes or 0),
        removed_at=row.removed_at,
        removed_after_days=row.removed_after_days,
        error_message=row.error_message,
        error_reference=row.error_reference,
    )


def file_size(n_bytes: int) -> str:
    """Write the size of a file to three digits.

    >>> file_size(999), file_size(1_234_567)
    ('999 B', '1.23 MB')
    """
    if n_bytes < 1000:
        return f"{n_bytes} B"
    size, unit = n_bytes / 1000, "kB"
    for larger in ("MB", "GB"):
        if size >= 999.5:
            size, unit = size / 1000, larger
    return f"{number(size, 3)} {unit}"


def _counted(choices: ExportChoices) -> str:
    parts = [choices.counting_rule, WEIGHTING_LABELS[choices.weighting].lower()]
    if choices.quantity != STANDARD.quantity:
        parts.append(LABELS.get(choices.quantity, choices.quantity))
    if choices.bins is not None:
        parts.append(f"{choices.bins} bins")
    if choices.log_axis:
        parts.append("logarithmic axis")
    return ", ".join(parts)
