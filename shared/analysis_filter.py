"""Which analyses are looked for: by what was handed in, what files state, model, date, calibration and what was found.

All conditions hold together. What is pooled, shown and exported is selected so.
"""

from dataclasses import dataclass
from typing import Any, TypeVarTuple

from sqlalchemy import ColumnElement, Dialect, Select, String, Text, and_, cast, func, literal, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute

from shared.conditions import Condition
from shared.distributions.fitness import Verdict
from shared.domain import CalibrationSource, CalibrationStatus
from shared.finding_rows import RecordingRow
from shared.manifest_filter import ANY_FILE, ManifestFilter, matching
from shared.models import AnalysisRow, JobRow, SubmissionRow
from shared.moments import begin_of, end_of
from shared.searching import fits


@dataclass(frozen=True, slots=True)
class AnalysisFilter:
    """Conditions on analyses; None asks for nothing. Texts are found in any part and in any case.

    Attributes
    ----------
    project, person, group : str or None
        Part of what a submission is said to belong to.
    file_name : str or None
        Part of the name that the file was handed in under, folders included.
    instrument, operator, detector : str or None
        Part of what the file states.
    text : str or None
        Part of the name or the value of any field of the file.
    model : str or None
        Exactly a model's name, or name and version such as ``particlenet-2``.
    fitness : tuple of verdicts
        One of them; empty asks for nothing. Analyses of releases that gave no verdict fit none.
    acquired_from, acquired_to : str or None
        Date of any precision (ISO 8601); the second one includes all that begins with it.
    analysed_from, analysed_to : str or None
        The same for when the analysis was made, in the zone of the installation; valid dates.
    files : ManifestFilter
        What a file of the image is said to be. One job has to fit all that is asked of submission, file and its name.
    where : tuple of Condition
        On the statistics of the analysis.
    """

    project: str | None = None
    person: str | None = None
    group: str | None = None
    file_name: str | None = None
    instrument: str | None = None
    operator: str | None = None
    detector: str | None = None
    text: str | None = None
    model: str | None = None
    calibration_status: CalibrationStatus | None = None
    calibration_source: CalibrationSource | None = None
    fitness: tuple[Verdict, ...] = ()
    submission_id: int | None = None
    acquired_from: str | None = None
    acquired_to: str | None = None
    analysed_from: str | None = None
    analysed_to: str | None = None
    files: ManifestFilter = ANY_FILE
    where: tuple[Condition, ...] = ()


Columns = TypeVarTuple("Columns")
EVERY_ANALYSIS = AnalysisFilter()


def narrowed(query: Select[*Columns], wanted: AnalysisFilter, dialect: Dialect) -> Select[*Columns]:
    """Add the conditions of a filter to a query of analyses, or of columns of theirs."""
    query = query.where(*_about_analysis(wanted))
    asked_of_job = about_job(wanted)
    if not wanted.files.asks_for_nothing:
        has_analysis = JobRow.analysis_id.is_not(None)
        query = query.where(AnalysisRow.id.in_(matching(JobRow.analysis_id, wanted.files, has_analysis, *asked_of_job)))
    elif asked_of_job:
        query = query.where(AnalysisRow.id.in_(select(JobRow.analysis_id).where(*asked_of_job)))
    about_recording = _about_recording(wanted, dialect)
    if about_recording:
        query = query.where(AnalysisRow.recording_id.in_(select(RecordingRow.id).where(*about_recording)))
    return query


def about_job(wanted: AnalysisFilter) -> list[ColumnElement[bool]]:
    """Return what is asked of the jobs that led to an analysis, but for what their files are said to be."""
    conditions: list[ColumnElement[bool]] = []
    if wanted.submission_id is not None:
        conditions.append(JobRow.submission_id == wanted.submission_id)
    if wanted.file_name is not None:
        conditions.append(JobRow.source_name.icontains(wanted.file_name, autoescape=True))
    of_submission = _with_parts(
        (SubmissionRow.project, wanted.project), (SubmissionRow.person, wanted.person), (SubmissionRow.group_name, wanted.group)
    )
    if of_submission:
        conditions.append(JobRow.submission_id.in_(select(SubmissionRow.id).where(*of_submission)))
    return conditions


def _about_analysis(wanted: AnalysisFilter) -> list[ColumnElement[bool]]:
    conditions = [fits(condition, AnalysisRow) for condition in wanted.where]
    if wanted.calibration_status is not None:
        conditions.append(AnalysisRow.calibration_status == wanted.calibration_status)
    if wanted.calibration_source is not None:
        conditions.append(AnalysisRow.calibration_source == wanted.calibration_source)
    if wanted.fitness:
        conditions.append(AnalysisRow.fitness.in_(wanted.fitness))
    if wanted.model is not None:
        name, _, version = wanted.model.rpartition("-")
        named = and_(AnalysisRow.model_name == name, AnalysisRow.model_version == version)
        conditions.append(or_(AnalysisRow.model_name == wanted.model, named))
    if wanted.analysed_from is not None:
        conditions.append(AnalysisRow.created_at >= begin_of(wanted.analysed_from))
    if wanted.analysed_to is not None:
        conditions.append(AnalysisRow.created_at < end_of(wanted.analysed_to))
    return conditions


def _about_recording(wanted: AnalysisFilter, dialect: Dialect) -> list[ColumnElement[bool]]:
    conditions = _with_parts(
        (RecordingRow.instrument, wanted.instrument),
        (RecordingRow.operator, wanted.operator),
        (RecordingRow.detector, wanted.detector),
    )
    if wanted.text is not None:
        conditions.append(_in_fields(wanted.text, dialect))
    # Byte by byte, not by the rules of a language, and only what is ISO 8601: other dates do not compare.
    acquired_at = RecordingRow.acquired_at.collate("C" if dialect.name == "postgresql" else "BINARY")
    if wanted.acquired_from is not None or wanted.acquired_to is not None:
        conditions.append(RecordingRow.acquired_at.like("____-__-__%"))
    if wanted.acquired_from is not None:
        conditions.append(acquired_at >= wanted.acquired_from)
    if wanted.acquired_to is not None:
        conditions.append(func.substr(acquired_at, 1, len(wanted.acquired_to), type_=String) <= wanted.acquired_to)
    return conditions


def _with_parts(*texts: tuple[InstrumentedAttribute[Any], str | None]) -> list[ColumnElement[bool]]:
    return [column.icontains(part, autoescape=True) for column, part in texts if part is not None]


def _in_fields(part: str, dialect: Dialect) -> ColumnElement[bool]:
    """Tell whether a name or a value of the file's fields has this part; the signs between them have not."""
    each = func.jsonb_each_text if dialect.name == "postgresql" else func.json_each
    field = each(RecordingRow.fields).table_valued("key", "value", name="field")
    # A column of a function has no type of its own.
    name, value = (literal("", String).concat(column) for column in (field.c.key, field.c.value))
    found = or_(name.icontains(part, autoescape=True), value.icontains(part, autoescape=True))
    in_a_field = select(true()).select_from(field).where(found).exists()
    if '"' in part or "\\" in part or not (part.isascii() or dialect.name == "postgresql"):
        return in_a_field
    # Looking through the JSON of a recording, where such a part stands as it is, is several times as fast as taking it apart,
    # and an index of it may serve.
    return and_(cast(RecordingRow.fields, Text).icontains(part, autoescape=True), in_a_field)
