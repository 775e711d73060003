"""What the API takes and gives about exports: what is asked for, how far it is, and the file that was made."""

from datetime import datetime
from typing import Annotated, Literal
from urllib.parse import parse_qsl, urlencode

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from werkzeug.datastructures import MultiDict

from shared import exports
from shared.distributions.sample import DEFAULT_COUNTING_RULE, CountingRule
from shared.distributions.summary import Weighting
from shared.errors import InputError
from shared.export_choices import MOST_BINS, SHOWN_QUANTITIES, ExportChoices
from shared.export_choices import command as command_of
from shared.export_rows import ExportRow
from shared.exports import ExportRequest
from shared.leases import JobState
from shared.output_formats import OUTPUT_FORMATS
from shared.selection import Selection
from web.paging import LARGEST_ID, PageQuery
from web.selection_schemas import AnalysisSelection
from web.validation import Line, problems_of, read_query, sentence_of

FormatName = Literal[tuple(OUTPUT_FORMATS)]  # type: ignore[valid-type]  # made from the table
ShownQuantity = Literal[SHOWN_QUANTITIES]  # type: ignore[valid-type]  # made from the vocabulary
FORMATS_TEXT = " ".join(f"`{name}`: {one.description}" for name, one in OUTPUT_FORMATS.items())
# Of the address of a list: its order and where it goes on, not what it selects.
NOT_SELECTING = frozenset({"sort", "order", *PageQuery.model_fields})
LONGEST_SELECTION = 4000


class Choices(BaseModel):
    """How sizes are counted and shown."""

    model_config = ConfigDict(extra="forbid")

    quantity: ShownQuantity = Field(
        "ecd", description="Of distributions: a particle quantity without its unit; in nm where an image is calibrated."
    )
    weighting: Weighting = Field("number", description="Of percentiles and curves that stand first.")
    counting_rule: CountingRule = Field(DEFAULT_COUNTING_RULE, description="Which particles count.")
    bins: int | None = Field(None, ge=1, le=MOST_BINS, description="Of histograms; without, as many as suit the data.")
    log_axis: bool = Field(default=False, description="Whether the axis of sizes is logarithmic.")

    @property
    def stored(self) -> ExportChoices:
        """The same as rows have it."""
        return ExportChoices(**self.model_dump())


class ExportBody(BaseModel):
    """An output to make: of which analyses, in which format, counted how."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    format: FormatName = Field(description=FORMATS_TEXT)  # type: ignore[valid-type]
    selection: Line = Field(
        "",
        max_length=LONGEST_SELECTION,
        description="The query of an address of `/api/v1/analyses` or of the page Analyses, such as `submission_id=12` or "
        "`sample=gold&calibration_status=ok`; empty: all analyses.",
    )
    analysis_ids: list[Annotated[int, Field(ge=1, le=LARGEST_ID)]] | None = Field(
        None, min_length=1, max_length=exports.MOST_IMAGES, description="Of these, only the ones named."
    )
    choices: Choices = Choices()
    person: Line | None = Field(None, max_length=200, description="Who asks; shown in the list of exports.")

    @property
    def request(self) -> ExportRequest:
        """The same as the database functions take it; raises InputError ``invalid_selection``."""
        query, wanted = _selected(self.selection)
        ids = None if self.analysis_ids is None else tuple(self.analysis_ids)
        return ExportRequest(self.format, query, Selection(wanted.filter, ids), self.choices.stored, self.person or None)


class ExportFile(BaseModel):
    """The file of an export."""

    name: str
    media_type: str
    n_bytes: int
    sha256: str
    removed_at: datetime | None = Field(description="Since when it is not here any more, by age; it can be made again.")
    removed_after_days: int | None


class Export(BaseModel):
    """An output that was asked for, how far it is, and its file."""

    id: int
    person: str | None
    title: str = Field(description="What is selected, in words.")
    selection: str
    analysis_ids: list[int] | None
    format: str
    choices: Choices
    command: str = Field(description="The `saemi` command that makes the same again.")
    state: JobState
    n_images: int | None = Field(description="Images that it shows; null until they are counted.")
    n_done: int = Field(description="Images that are written.")
    file: ExportFile | None = Field(description="Null until it is made.")
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    error_code: str | None
    error_message: str | None
    error_reference: str | None

    @classmethod
    def of(cls, row: ExportRow) -> "Export":
        """Describe a row."""
        choices = ExportChoices.stored(row.choices)
        made = {
            "choices": Choices.model_validate(choices, from_attributes=True),
            "command": command_of(row.format, row.selection, row.analysis_ids, choices),
            "file": _file(row),
        }
        return cls(**{name: getattr(row, name) for name in cls.model_fields if name not in made}, **made)


def media_type(row: ExportRow) -> str:
    """Return by what browsers know the file; formats come and go with releases, and rows stay."""
    known = OUTPUT_FORMATS.get(row.format)
    return known.media_type if known else "application/octet-stream"


def _file(row: ExportRow) -> ExportFile | None:
    if row.sha256 is None or row.n_bytes is None or row.file_name is None:
        return None
    return ExportFile(
        name=row.file_name,
        media_type=media_type(row),
        n_bytes=row.n_bytes,
        sha256=row.sha256,
        removed_at=row.removed_at,
        removed_after_days=row.removed_after_days,
    )


def _selected(selection: str) -> tuple[str, AnalysisSelection]:
    """Read the query of an address; returns it as the same selection is always written."""
    arguments = MultiDict(pair for pair in parse_qsl(selection.removeprefix("?")) if pair[0] not in NOT_SELECTING)
    try:
        query = read_query(AnalysisSelection, arguments)
    except ValidationError as error:
        problems = sentence_of(problems_of(error))
        message = f"The selection asks for something that does not exist. {problems}."
        raise InputError(message, code="invalid_selection") from error
    return urlencode(query.model_dump(mode="json", exclude={*NOT_SELECTING}, exclude_defaults=True), doseq=True), query
