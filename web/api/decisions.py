"""What people decide of pixel sizes, and how far it is applied."""

import math

from flask import Response
from sqlalchemy.orm import Session

from shared import decisions, results, submissions
from shared.calibration import Choice, Scope
from shared.decisions import Target
from shared.domain import MAX_NM_PER_PX, MIN_NM_PER_PX
from shared.errors import InputError
from shared.models import AnalysisRow
from web.api.blueprint import answer, api_blueprint
from web.calibration_schemas import CalibrationDecision, DecisionRequest
from web.paging import Page, PageQuery, decode_cursor, encode_cursor, paged
from web.schemas import IdPath
from web.services import services

# A click is good to a pixel or so: nearer points would give a pixel size wrong by a fifth and more.
MIN_DISTANCE_PX = 5.0

api = api_blueprint("decisions", "What people decide of pixel sizes.")


@api.post("/calibration-decisions", responses={202: CalibrationDecision})
def decide(body: DecisionRequest) -> Response:
    """Decide which pixel size holds for an image, a submission, or an instrument at one magnification and width.

    Nothing is segmented or measured anew: a job multiplies. Images that are analysed later obey as well.
    """
    _require_fitting_keys(body)
    with services().database.writing() as session:
        analysis = None if body.analysis_id is None else results.analysis(session, body.analysis_id)
        target = _target(session, body, analysis)
        nm_per_px, evidence = _pixel_size(body, analysis)
        row = decisions.decide(
            session, target, body.person, body.choice, nm_per_px, evidence=evidence, comment=body.comment or None
        )
        made = CalibrationDecision.of(row)
    return answer(made, 202)


@api.get("/calibration-decisions", responses={200: Page[CalibrationDecision]})
def list_decisions(query: PageQuery) -> Response:
    """List the decisions, the newest first."""
    before = decode_cursor(query.cursor, 1)
    with services().database.reading() as session:
        rows = decisions.decisions_page(session, before=int(before[0]) if before else None, limit=query.limit + 1)
        shown, cursor = paged(rows, query.limit, lambda row: encode_cursor(row.id))
        page = Page[CalibrationDecision](items=[CalibrationDecision.of(row) for row in shown], next_cursor=cursor)
    return answer(page)


@api.get("/calibration-decisions/<int:id>", responses={200: CalibrationDecision})
def show_decision(path: IdPath) -> Response:
    """Show a decision and how far it is applied."""
    with services().database.reading() as session:
        found = CalibrationDecision.of(decisions.decision(session, path.id))
    return answer(found)


def _require_fitting_keys(body: DecisionRequest) -> None:
    """Raise InputError unless the request names what its scope needs, and nothing that contradicts it."""
    if body.scope is Scope.SUBMISSION:
        fits = body.submission_id is not None and (body.analysis_id is not None) == (body.points is not None)
        need = "`submission_id`, and `analysis_id` of the image on which the points lie where there are points"
    else:
        fits = body.analysis_id is not None and body.submission_id is None
        need = "`analysis_id` and no `submission_id`"
    if not fits:
        raise InputError(f"A decision of the scope `{body.scope}` needs {need}.", code="scope_contradiction")
    by_points = body.points is not None and body.length_nm is not None
    partly = (body.points is None) != (body.length_nm is None)
    if body.choice is not Choice.MANUAL:
        if body.nm_per_px is not None or body.points is not None or body.length_nm is not None:
            message = f"The choice `{body.choice}` takes no value: `nm_per_px`, `points` and `length_nm` belong to `manual`."
            raise InputError(message, code="value_contradiction")
    elif partly or by_points == (body.nm_per_px is not None):
        message = "The choice `manual` needs `nm_per_px`, or `points` together with `length_nm`; not both."
        raise InputError(message, code="value_contradiction")


def _target(session: Session, body: DecisionRequest, analysis: AnalysisRow | None) -> Target:
    if body.submission_id is not None:
        target = decisions.target_submission(session, body.submission_id)
        if analysis is not None and not submissions.holds_analysis(session, body.submission_id, analysis.id):
            message = f"Analysis {analysis.id} does not belong to submission {body.submission_id}."
            raise InputError(message, code="analysis_not_in_submission")
        return target
    if analysis is None:
        raise AssertionError("the keys of the request were checked")
    return decisions.target_image(analysis) if body.scope is Scope.IMAGE else decisions.target_instrument(analysis)


def _pixel_size(body: DecisionRequest, analysis: AnalysisRow | None) -> tuple[float | None, str | None]:
    """Return the pixel size that a person gives, nm, and what they took it from."""
    if body.points is None or body.length_nm is None or analysis is None:
        return body.nm_per_px, None
    for y, x in body.points:
        # A pixel is a square around its centre.
        if not (-0.5 <= y <= analysis.height_px - 0.5 and -0.5 <= x <= analysis.width_px - 0.5):
            size = f"{analysis.width_px} × {analysis.height_px} px"
            raise InputError(f"The point y = {y:g}, x = {x:g} lies outside the image of {size}.", code="point_outside")
    distance_px = math.dist(*body.points)
    if distance_px < MIN_DISTANCE_PX:
        message = f"The points lie {distance_px:.3g} px apart; at least {MIN_DISTANCE_PX:g} px are needed."
        raise InputError(message, code="points_too_close")
    nm_per_px = body.length_nm / distance_px
    if not MIN_NM_PER_PX <= nm_per_px <= MAX_NM_PER_PX:
        message = f"{body.length_nm:g} nm over {distance_px:.4g} px give {nm_per_px:.4g} nm/px, which no microscope has."
        raise InputError(message, code="pixel_size_out_of_range")
    ends = " and ".join(f"(y {y:g}, x {x:g})" for y, x in body.points)
    return nm_per_px, f"{body.length_nm:g} nm over {distance_px:.6g} px between {ends} on analysis {analysis.id}"
