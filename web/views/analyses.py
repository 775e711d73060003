"""One analysis as its result."""

from typing import Any

from flask import render_template
from sqlalchemy.orm import Session

from shared import audit, decisions, manifests, results, submissions
from shared.errors import NotFoundError
from shared.image_names import shown_name
from shared.job_lists import ORIGINS
from shared.manifests import SampleData
from shared.models import AnalysisRow, JobRow
from web.pages import choices, distribution, fitness, pixel_size, recording, result
from web.pages.decisions import decision_line
from web.pages.exports import export_form
from web.pages.writing import count, short_hash
from web.services import services
from web.views.addresses import ResultQuery, asked, known_id

# Lines of the history of a pixel size; the API has them all.
CHANGES = 50


def result_page(analysis_id: int) -> str:
    """Show what was found in one micrograph."""
    wanted = asked(ResultQuery).job
    with services().database.reading() as session:
        row = results.analysis(session, known_id(analysis_id))
        origins = submissions.jobs_of_analysis(session, analysis_id, ORIGINS)
        through = _origin(session, analysis_id, origins, wanted)
        sample_data = manifests.sample_data_of(session, [*origins, *([through] if through else [])])
        before, after = submissions.analysed_neighbours(session, through) if through else (None, None)
        about_pixel_size = _pixel_size(session, row, through)
        measured = results.measured_quantities(session, analysis_id)
    return render_template(
        "result.html",
        analysis=row,
        name=shown_name(through.source_name, row.image_index, row.n_images) if through else f"Analysis {analysis_id}",
        job=through,
        origins=origins,
        origin_samples={number: data.sample for number, data in sample_data.items()},
        sample_data=sample_data[through.id] if through else SampleData(None, {}),
        before=before,
        after=after,
        unit=result.length_unit(row),
        n_particles=count(row.n_particles),
        low_confidence=result.low_confidence(row),
        min_confidence=result.min_confidence(row),
        short_sha256=short_hash(row.model_sha256),
        statistics=result.statistics(row),
        fitness=fitness.badge(row),
        counting_rule=result.counting_rule_text(row.counting_rule),
        facts=result.provenance(row),
        columns=result.table_columns(row),
        counts=result.counts(row),
        offered=distribution.card_of_analysis(result.plotted_columns(row, measured), result.length_unit(row), measured),
        **distribution.VOCABULARY,
        recorded=recording.facts(row),
        is_silent=recording.is_silent(row),
        export_form=export_form(),
        annotations=row.recording.annotations if row.recording else [],
        **about_pixel_size,
    )


def _pixel_size(session: Session, row: AnalysisRow, through: JobRow | None) -> dict[str, Any]:
    """Read what the card of the pixel size shows: what holds, what was read, what can be decided, what became of it."""
    submission = submissions.submission(session, through.submission_id) if through else None
    n_analyses = submissions.analysis_counts(session, submission.id).calibrations.total if submission else 0
    under_way = audit.under_way_about(session, row)
    found = pixel_size.readings(row.recording)
    changes = decisions.changes_page(session, row.id, before=None, limit=CHANGES + 1)
    return {
        "submission": submission,
        "calibration": pixel_size.holds(row),
        "decided": pixel_size.decided(row),
        "readings": found,
        "history": pixel_size.history(changes[:CHANGES]),
        "has_older_changes": len(changes) > CHANGES,
        "choices": choices.of_image(row, found),
        "scopes": choices.scopes_of_image(row, submission, n_analyses),
        "under_way": decision_line(audit.ListedDecision(under_way)) if under_way else None,
    }


def _origin(session: Session, analysis_id: int, origins: list[JobRow], wanted: int | None) -> JobRow | None:
    """Choose the job through which a result is looked at; a job of another result is an address that was mixed up."""
    if wanted is None:
        return origins[0] if origins else None
    job = submissions.job(session, wanted)
    if job.analysis_id != analysis_id:
        raise NotFoundError(f"Job {wanted} does not belong to analysis {analysis_id}.", code="job_not_found")
    return job
