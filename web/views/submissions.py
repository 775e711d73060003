"""Handing in, and watching what was handed in."""

from typing import Any

from flask import render_template, request
from sqlalchemy.orm import Session

from shared import audit, job_lists, manifests, registry, retention, side_cars, submissions, usage, watching
from shared.domain import DEFAULT_MIN_CONFIDENCE
from shared.errors import InputError
from shared.leases import JobState
from shared.manifests import EntryState
from shared.models import SubmissionRow
from shared.retention import KEEP_EVERYTHING, RetentionRule
from shared.submissions import JobCounts
from web.pages import choices, fitness
from web.pages.decisions import decision_line
from web.pages.exports import export_form
from web.pages.lists import MOST_COUNTED, STATE_TEXT, job_line, submission_line, up_to
from web.pages.manifest import ManifestLine, manifest_line
from web.pages.models import ModelLine, model_line
from web.pages.pixel_size import STATUS_TEXT
from web.pages.retention import kept_fact
from web.pages.standing import PRIORITY_TEXT, standing_line
from web.services import services
from web.views.addresses import ROWS, JobListQuery, ListQuery, asked, known_id

# Submissions offered as a filter of the jobs; older ones are reached from their own page.
CHOICES = 100
# Of the side-cars that belong to no image, so many are named; the API lists all.
NAMED_SIDE_CARS = 10
# Of the files of a manifest that are not here, so many.
NAMED_ENTRIES = 10


def submit_page() -> str:
    """Show the page to hand in micrographs."""
    with services().database.reading() as session:
        models = [model_line(row) for row in registry.models(session)]
        groups = usage.group_names(session, CHOICES)
    known = {model.reference for model in models}
    default = next((model.reference for model in models if model.is_default), None)
    wanted = request.args.get("model")
    return render_template(
        "submit.html",
        models=models,
        groups=groups,
        priorities=[(priority.value, text) for priority, text in PRIORITY_TEXT.items()],
        chosen=wanted if wanted in known else default,
        min_confidence=DEFAULT_MIN_CONFIDENCE,
        max_upload_bytes=services().settings.max_upload_bytes,
        max_direct_bytes=store.MAX_BYTES if (store := services().signed_uploads) else 0,
    )


def jobs_page() -> str:
    """Show all jobs, the newest first."""
    query = asked(JobListQuery)
    with services().database.reading() as session:
        listing = _job_listing(session, query)
        offered = submissions.submissions_page(session, before=None, limit=CHOICES)
        if query.submission is not None and query.submission not in {row.id for row in offered}:
            offered.append(submissions.submission(session, query.submission))
    return render_template("jobs.html", choices=[(row.id, row.project, row.sample) for row in offered], **listing)


def submissions_page() -> str:
    """Show the submissions, the newest first."""
    query = asked(ListQuery)
    with services().database.reading() as session:
        rows = submissions.submissions_page(session, before=query.before, limit=ROWS + 1)
        counts = submissions.counts_of(session, [row.id for row in rows])
    lines = [submission_line(row, counts[row.id]) for row in rows[:ROWS]]
    older = lines[-1].id if len(rows) > ROWS else None
    unfinished = any(line.progress.counts.unfinished for line in lines)
    return render_template("submissions.html", lines=lines, before=query.before, older=older, unfinished=unfinished)


def submission_page(submission_id: int) -> str:
    """Show a submission and its jobs."""
    query = asked(JobListQuery).model_copy(update={"submission": known_id(submission_id)})
    with services().database.reading() as session:
        row = submissions.submission(session, submission_id)
        listing = _job_listing(session, query)
        analyses = submissions.analysis_counts(session, submission_id)
        newest = audit.newest_about(session, submission_id)
        model = _model_of(session, row)
        rule = RetentionRule.of(services().settings)
        planned = retention.planned(session, row, rule)
        stands = standing_line(
            row, listing["counts"], watching.standing(session, row), is_removed_by_age=rule != KEEP_EVERYTHING
        )
        failures = watching.failure_groups(session, submission_id) if listing["counts"].failed else []
        beside = side_cars.counts_of(session, [submission_id])[submission_id]
        alone = side_cars.side_cars_page(session, submission_id, before=None, limit=NAMED_SIDE_CARS, has_image=False)
        manifest = _manifest(session, submission_id)
    return render_template(
        "submission.html",
        manifest=manifest,
        line=submission_line(row, listing["counts"]),
        model=model,
        stands=stands,
        retained=kept_fact(row, planned, is_ended=not listing["counts"].unfinished),
        failures=failures,
        confidence=analyses.confidence,
        calibrations=analyses.calibrations,
        verdicts=fitness.counted(analyses.fitness),
        side_cars=beside,
        without_image=[one.name for one in alone],
        choices=choices.of_submission(),
        export_form=export_form(),
        decision=decision_line(audit.ListedDecision(newest)) if newest else None,
        **listing,
    )


def _job_listing(session: Session, query: JobListQuery) -> dict[str, Any]:
    """Read one page of jobs with the counts of its filters: `counts` of all jobs, `fitting` of the pixel sizes asked for."""
    rows = job_lists.jobs_page(
        session,
        submission_id=query.submission,
        state=query.state,
        error_code=query.error_code,
        calibration_status=query.calibration_status,
        before=query.before,
        limit=ROWS + 1,
    )
    lines = [job_line(listed) for listed in job_lists.listed_jobs(session, rows[:ROWS])]
    counts = _counts(session, query.submission)
    fitting = counts
    if query.calibration_status is not None:
        fitting = submissions.counts(session, query.submission, query.calibration_status)
    states = [(state.value, STATE_TEXT[state], up_to(getattr(fitting, state.value))) for state in JobState]
    return {
        "jobs": lines,
        "counts": counts,
        "fitting": fitting,
        "states": states,
        "total": up_to(fitting.total),
        "total_of_all": up_to(counts.total),
        "state": query.state.value if query.state else None,
        "error_code": query.error_code,
        "calibration_status": query.calibration_status,
        "calibration_states": STATUS_TEXT,
        "submission_id": query.submission,
        "before": query.before,
        "older": lines[-1].id if len(rows) > ROWS else None,
    }


def _manifest(session: Session, submission_id: int) -> ManifestLine | None:
    row = manifests.find(session, submission_id)
    if row is None:
        return None
    unmatched = (
        manifests.entries_page(session, row, state=state, limit=NAMED_ENTRIES)
        for state in (EntryState.MISSING, EntryState.AMBIGUOUS)
    )
    return manifest_line(row, manifests.counts(session, submission_id), *unmatched)


def _counts(session: Session, submission_id: int | None) -> JobCounts:
    """Count the jobs of a submission exactly, and all jobs as far as it is quick."""
    if submission_id is None:
        return usage.counts_up_to(session, MOST_COUNTED + 1)
    return submissions.counts(session, submission_id)


def _model_of(session: Session, submission: SubmissionRow) -> ModelLine | None:
    """Return the model that a submission named; None for one of a release before models were registered."""
    try:
        return model_line(registry.resolve(session, str(submission.parameters.get("model", ""))))
    except InputError:
        return None
