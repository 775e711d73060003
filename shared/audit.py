"""What people look up about pixel sizes: how many are open, what each decision is about, which ones are being applied.

Functions take the session first and never commit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

from sqlalchemy import ColumnElement, and_, func, or_, select, tuple_
from sqlalchemy.orm import Session

from shared.calibration import Scope
from shared.domain import CalibrationStatus
from shared.image_names import shown_name
from shared.leases import JobState
from shared.models import AnalysisRow, DecisionRow, JobRow, SubmissionRow
from shared.submissions import CalibrationCounts

UNDER_WAY = (JobState.QUEUED, JobState.RUNNING)


@dataclass(frozen=True, slots=True)
class ListedDecision:
    """A decision with what a list shows beside it: the project of its submission, or the name and an analysis of its image.

    The name says which image it is where its file holds several.
    """

    decision: DecisionRow
    project: str | None = None
    image_name: str | None = None
    analysis_id: int | None = None


def calibration_counts(session: Session) -> CalibrationCounts:
    """Count all analyses by the state of their pixel size."""
    counted = select(AnalysisRow.calibration_status, func.count().label("n_analyses"))
    found = {row[0]: row.n_analyses for row in session.execute(counted.group_by(AnalysisRow.calibration_status))}
    return CalibrationCounts(**{status: found.get(status, 0) for status in get_args(CalibrationStatus)})


def listed_decisions(session: Session, rows: Sequence[DecisionRow]) -> list[ListedDecision]:
    """Give decisions what they are about, in one query for each kind."""
    projects = _projects(session, {row.submission_id for row in rows if row.submission_id is not None})
    analyses = _newest_analyses(session, {(row.image_sha256, row.image_index) for row in rows if row.image_sha256 is not None})
    names = shown_names(session, list(analyses.values()))
    listed = []
    for row in rows:
        number = analyses.get((row.image_sha256, row.image_index))
        listed.append(ListedDecision(row, projects.get(row.submission_id), names.get(number), number))
    return listed


def under_way_about(session: Session, analysis: AnalysisRow) -> DecisionRow | None:
    """Return the newest decision about an analysis that is still being applied."""
    its_submissions = select(JobRow.submission_id).where(JobRow.analysis_id == analysis.id)
    image = (DecisionRow.image_sha256 == analysis.image_sha256, DecisionRow.image_index == analysis.image_index)
    about: list[ColumnElement[bool]] = [and_(*image), DecisionRow.submission_id.in_(its_submissions)]
    if analysis.recording is not None:
        keys = {"instrument": analysis.recording.instrument, "magnification": analysis.recording.magnification}
        alike = [getattr(DecisionRow, name) == value for name, value in keys.items()]
        about.append(and_(DecisionRow.scope == Scope.INSTRUMENT, *alike, DecisionRow.width_px == analysis.width_px))
    under_way = select(DecisionRow).where(DecisionRow.state.in_(UNDER_WAY), or_(*about))
    return session.scalar(under_way.order_by(DecisionRow.id.desc()).limit(1))


def newest_about(session: Session, submission_id: int) -> DecisionRow | None:
    """Return the newest decision about a whole submission."""
    about = select(DecisionRow).where(DecisionRow.submission_id == submission_id)
    return session.scalar(about.order_by(DecisionRow.id.desc()).limit(1))


def shown_names(session: Session, analysis_ids: Sequence[int]) -> dict[int | None, str]:
    """Return the name under which the image of each analysis was first handed in, numbered where its file holds several."""
    first = select(func.min(JobRow.id)).where(JobRow.analysis_id.in_(analysis_ids)).group_by(JobRow.analysis_id)
    parts = (JobRow.source_name, AnalysisRow.image_index, AnalysisRow.n_images)
    query = select(AnalysisRow.id, *parts).join(JobRow, JobRow.analysis_id == AnalysisRow.id).where(JobRow.id.in_(first))
    return {number: shown_name(name, index, n_images) for number, name, index, n_images in session.execute(query)}


def _projects(session: Session, submission_ids: set[int]) -> dict[int | None, str]:
    query = select(SubmissionRow.id, SubmissionRow.project).where(SubmissionRow.id.in_(submission_ids))
    return {row.id: row.project for row in session.execute(query)}


def _newest_analyses(session: Session, images: set[tuple[str | None, int | None]]) -> dict[tuple[str | None, int | None], int]:
    """Return the newest analysis of each image."""
    if not images:
        return {}
    key = (AnalysisRow.image_sha256, AnalysisRow.image_index)
    query = select(*key, func.max(AnalysisRow.id)).where(tuple_(*key).in_(images)).group_by(*key)
    return {(sha256, index): newest for sha256, index, newest in session.execute(query)}
