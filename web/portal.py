"""The pages people see. Each view reads rows, has them prepared by `pages`, and hands plain values to a template."""

from typing import Any, TypeVar

from flask import Blueprint, render_template, request
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy.orm import Session

from shared import registry, results, submissions
from shared.cards import MAIN_FIGURES
from shared.domain import DEFAULT_MIN_CONFIDENCE, PARTICLE_QUANTITIES, STATISTIC_QUANTITIES
from shared.errors import InputError, NotFoundError
from shared.leases import JobState
from shared.models import JobRow, SubmissionRow
from web import pages
from web.paging import LARGEST_ID
from web.services import services

ROWS = 50
# Submissions offered as a filter of the jobs; older ones are reached from their own page.
CHOICES = 100
# The same image in many submissions gives one analysis; so many of them are named on its page.
ORIGINS = 20

Query = TypeVar("Query", bound=BaseModel)

portal = Blueprint("portal", __name__)
portal.add_app_template_filter(pages.local_time)


class ListQuery(BaseModel):
    """Where a list goes on. What other programs add to an address is ignored."""

    model_config = ConfigDict(extra="ignore")

    before: int | None = Field(None, ge=1, le=LARGEST_ID)


class JobListQuery(ListQuery):
    """Which jobs to show."""

    state: JobState | None = None
    submission: int | None = Field(None, ge=1, le=LARGEST_ID)


class ResultQuery(BaseModel):
    """Through which job a result is looked at; the rest of the address belongs to the page's scripts."""

    model_config = ConfigDict(extra="ignore")

    job: int | None = Field(None, ge=1, le=LARGEST_ID)


@portal.get("/")
def submit_page() -> str:
    """Show the page to hand in micrographs."""
    with services().database.reading() as session:
        models = [pages.model_line(row) for row in registry.models(session)]
    known = {model.reference for model in models}
    default = next((model.reference for model in models if model.is_default), None)
    wanted = request.args.get("model")
    return render_template(
        "submit.html",
        models=models,
        chosen=wanted if wanted in known else default,
        min_confidence=DEFAULT_MIN_CONFIDENCE,
        max_upload_bytes=services().settings.max_upload_bytes,
    )


@portal.get("/jobs")
def jobs_page() -> str:
    """Show all jobs, the newest first."""
    query = _query(JobListQuery)
    with services().database.reading() as session:
        listing = _job_listing(session, query)
        choices = submissions.submissions_page(session, before=None, limit=CHOICES)
        if query.submission is not None and query.submission not in {row.id for row in choices}:
            choices.append(submissions.submission(session, query.submission))
    return render_template("jobs.html", choices=[(row.id, row.project, row.sample) for row in choices], **listing)


@portal.get("/submissions")
def submissions_page() -> str:
    """Show the submissions, the newest first."""
    query = _query(ListQuery)
    with services().database.reading() as session:
        rows = submissions.submissions_page(session, before=query.before, limit=ROWS + 1)
        counts = submissions.counts_of(session, [row.id for row in rows])
    lines = [pages.submission_line(row, counts[row.id]) for row in rows[:ROWS]]
    older = lines[-1].id if len(rows) > ROWS else None
    unfinished = any(line.progress.counts.unfinished for line in lines)
    return render_template("submissions.html", lines=lines, before=query.before, older=older, unfinished=unfinished)


@portal.get("/submissions/<int:submission_id>")
def submission_page(submission_id: int) -> str:
    """Show a submission and its jobs."""
    query = _query(JobListQuery).model_copy(update={"submission": _known_id(submission_id)})
    with services().database.reading() as session:
        row = submissions.submission(session, submission_id)
        listing = _job_listing(session, query)
        confidence = submissions.confidence_counts(session, submission_id)
        model = _model_of(session, row)
    return render_template(
        "submission.html",
        line=pages.submission_line(row, listing["counts"]),
        model=model,
        confidence=confidence,
        **listing,
    )


@portal.get("/models")
def models_page() -> str:
    """Show the models with what is known about them."""
    with services().database.reading() as session:
        models = [pages.model_line(row) for row in registry.models(session)]
    return render_template("models.html", models=models, main_figures=tuple(MAIN_FIGURES.values()))


@portal.get("/analyses/<int:analysis_id>")
def result_page(analysis_id: int) -> str:
    """Show what was found in one micrograph."""
    wanted = _query(ResultQuery).job
    with services().database.reading() as session:
        row = results.analysis(session, _known_id(analysis_id))
        origins = submissions.jobs_of_analysis(session, analysis_id, ORIGINS)
        through = _origin(session, analysis_id, origins, wanted)
        before, after = submissions.analysed_neighbours(session, through) if through else (None, None)
        submission = submissions.submission(session, through.submission_id) if through else None
    return render_template(
        "result.html",
        analysis=row,
        name=through.source_name if through else f"Analysis {analysis_id}",
        job=through,
        submission=submission,
        origins=origins,
        before=before,
        after=after,
        unit=pages.length_unit(row),
        n_particles=pages.count(row.n_particles),
        low_confidence=pages.low_confidence(row),
        min_confidence=pages.min_confidence(row),
        short_sha256=pages.short_hash(row.model_sha256),
        statistics=pages.statistics(row),
        calibration=pages.calibration(row),
        counting_rule=pages.COUNTING_RULE_TEXT.get(row.counting_rule, row.counting_rule),
        facts=pages.provenance(row),
        columns=pages.table_columns(row),
        plotted=pages.plotted_columns(row),
    )


@portal.get("/definitions")
def definitions_page() -> str:
    """Show what every number means."""
    return render_template(
        "definitions.html",
        particle=PARTICLE_QUANTITIES,
        statistics=STATISTIC_QUANTITIES,
        counting_rules=pages.COUNTING_RULE_TEXT,
    )


def _job_listing(session: Session, query: JobListQuery) -> dict[str, Any]:
    """Read one page of jobs with the counts of its filters."""
    rows = submissions.jobs_page(
        session, submission_id=query.submission, state=query.state, before=query.before, limit=ROWS + 1
    )
    lines = [pages.job_line(listed) for listed in submissions.listed_jobs(session, rows[:ROWS])]
    counts = submissions.counts(session, query.submission)
    states = [(state.value, pages.STATE_TEXT[state], getattr(counts, state.value)) for state in JobState]
    return {
        "jobs": lines,
        "counts": counts,
        "states": states,
        "state": query.state.value if query.state else None,
        "submission_id": query.submission,
        "before": query.before,
        "older": lines[-1].id if len(rows) > ROWS else None,
    }


def _model_of(session: Session, submission: SubmissionRow) -> pages.ModelLine | None:
    """Return the model that a submission named; None for one of a release before models were registered."""
    try:
        return pages.model_line(registry.resolve(session, str(submission.parameters.get("model", ""))))
    except InputError:
        return None


def _origin(session: Session, analysis_id: int, origins: list[JobRow], wanted: int | None) -> JobRow | None:
    """Choose the job through which a result is looked at; a job of another result is an address that was mixed up."""
    if wanted is None:
        return origins[0] if origins else None
    job = submissions.job(session, wanted)
    if job.analysis_id != analysis_id:
        raise NotFoundError(f"Job {wanted} does not belong to analysis {analysis_id}.", code="job_not_found")
    return job


def _known_id(number: int) -> int:
    if number > LARGEST_ID:
        raise NotFoundError(f"There is nothing with the number {number}.")
    return number


def _query(model: type[Query]) -> Query:
    """Read the query of the address; raises InputError that names what does not fit."""
    try:
        return model.model_validate({key: value for key, value in request.args.items() if value})
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise InputError(f"The address asks for something that does not exist: {problems}.", code="invalid_request") from error
