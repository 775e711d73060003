"""Applying what people decided: of stored analyses, the pixel size that holds now and what is measured in nanometres.

Functions take the session first and never commit. Every writer locks the analyses first and asks then what was decided, so that
whoever comes last knows all decisions that were made before; one that is made later has its own turn.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select, tuple_
from sqlalchemy.orm import Session

from shared import decisions, recomputation
from shared.calibration import Choice, Decision, Evidence, Holding, Scope, holding
from shared.database import database_time
from shared.domain import Calibration, CalibrationSource
from shared.finding_rows import RecordingRow
from shared.models import AnalysisRow, ChangeRow, DecisionRow, JobRow, SubmissionRow

# A transaction of about a second: others that write wait for it, and a worker that dies loses no more.
CHUNK_ANALYSES = 500
CHUNK_PARTICLES = 100_000


@dataclass(frozen=True, slots=True)
class Chunk:
    """How many analyses were looked at and changed, and the last of them; None where none was left."""

    n_analyses: int
    n_changed: int
    last_id: int | None


@dataclass(frozen=True, slots=True)
class _Stored:
    """The calibration of an analysis as its row has it, and what is needed to find the one that holds."""

    id: int
    before: Holding
    is_recorded: bool
    image: tuple[str, int]
    instrument: tuple[str | None, float | None, int]
    metadata_nm_per_px: float | None
    scale_bar_nm_per_px: float | None
    stated_nm_per_px: float | None


@dataclass(frozen=True, slots=True)
class _Found:
    """The calibration of an analysis that holds, and the newest decision that has a say in it; 0 where there is none."""

    stored: _Stored
    after: Holding
    responsible: int


def settle(session: Session, analysis_id: int) -> None:
    """Give an analysis with which a job has just ended the pixel size that holds; see `settle_all`."""
    settle_all(session, [analysis_id])


def settle_all(session: Session, analysis_ids: Collection[int]) -> None:
    """Give analyses with which jobs have just ended the pixel size that holds.

    Called in the transaction that ended the jobs, so that an analysis never becomes visible without what was decided before.
    """
    decisions.keep_decisions(session)
    for found in _find(session, _locked(session, analysis_ids)):
        if found.after == found.stored.before:
            continue
        noted = select(ChangeRow.id).filter_by(analysis_id=found.stored.id, decision_id=found.responsible)
        is_noted = session.scalar(noted) is not None
        # A decision that comes back through a submission has its row already: this change is the submission's.
        _change(session, [found], None if is_noted else found.responsible or None)


def hold(session: Session, analysis_ids: Collection[int]) -> set[int]:
    """Lock analyses before the jobs that end with them, which lock them too, but as they come and less firmly.

    Returns those that exist: one that was stored before may have been removed by age.
    """
    decisions.keep_decisions(session)
    return set(_lock(session, analysis_ids))


def apply_chunk(session: Session, decision_id: int, after_id: int) -> Chunk:
    """Bring the next analyses that a decision covers to the pixel size that holds; those of a newer decision are its own.

    Repeated, it changes nothing more: what is as it should be is left alone.
    """
    ids = _next_ids(session, decisions.decision(session, decision_id), after_id)
    if not ids:
        return Chunk(0, 0, None)
    found = [one for one in _find(session, _locked(session, ids)) if one.responsible == decision_id]
    return Chunk(len(ids), _change(session, [one for one in found if one.after != one.stored.before], decision_id), ids[-1])


def _next_ids(session: Session, decision: DecisionRow, after_id: int) -> list[int]:
    """Return the next ids by number, as many as make a short transaction."""
    query = select(AnalysisRow.id, AnalysisRow.n_particles).where(decisions.covered(decision), AnalysisRow.id > after_id)
    ids: list[int] = []
    n_particles = 0
    for row in session.execute(query.order_by(AnalysisRow.id).limit(CHUNK_ANALYSES)):
        n_particles += row.n_particles
        if ids and n_particles > CHUNK_PARTICLES:
            break
        ids.append(row.id)
    return ids


def _lock(session: Session, ids: Collection[int]) -> Sequence[int]:
    """Lock analyses, in one order for all who do, and return those that exist."""
    query = select(AnalysisRow.id).where(AnalysisRow.id.in_(ids)).order_by(AnalysisRow.id)
    return session.scalars(query.with_for_update()).all()


def _locked(session: Session, ids: Collection[int]) -> list[_Stored]:
    """Lock analyses, and read them after that."""
    _lock(session, ids)
    a, r = AnalysisRow, RecordingRow
    columns = (
        *(a.id, a.nm_per_px, a.calibration_source, a.calibration_status, a.decision_id, a.recording_id),
        *(a.image_sha256, a.image_index, a.width_px, a.parameters),
        *(r.instrument, r.magnification, r.metadata_nm_per_px, r.scale_bar_nm_per_px),
    )
    rows = session.execute(select(*columns).outerjoin(r, a.recording_id == r.id).where(a.id.in_(ids)).order_by(a.id))
    return [
        _Stored(
            id=row.id,
            before=Holding(Calibration(row.nm_per_px, row.calibration_source, row.calibration_status), row.decision_id),
            is_recorded=row.recording_id is not None,
            image=(row.image_sha256, row.image_index),
            instrument=(row.instrument, row.magnification, row.width_px),
            metadata_nm_per_px=row.metadata_nm_per_px,
            scale_bar_nm_per_px=row.scale_bar_nm_per_px,
            stated_nm_per_px=row.parameters.get("nm_per_px"),
        )
        for row in rows
    ]


def _find(session: Session, stored: Sequence[_Stored]) -> list[_Found]:
    """Find what holds for analyses, in a few queries for all of them."""
    by_image = _newest(session, Scope.IMAGE, (DecisionRow.image_sha256, DecisionRow.image_index), {one.image for one in stored})
    keys = (DecisionRow.instrument, DecisionRow.magnification, DecisionRow.width_px)
    known = {one.instrument for one in stored if None not in one.instrument}
    by_instrument = _newest(session, Scope.INSTRUMENT, keys, known)
    by_submission = _newest_of_submissions(session, stored)
    numbers = {*by_image.values(), *by_instrument.values(), *by_submission.values()}
    rows = {row.id: row for row in session.scalars(select(DecisionRow).where(DecisionRow.id.in_(numbers)))}
    stated_at = _stated_at(session, stored)
    unrecorded = _metadata_of_unrecorded(session, stored)
    found = []
    for one in stored:
        evidence = Evidence(
            metadata_nm_per_px=unrecorded.get(one.id, one.metadata_nm_per_px),
            scale_bar_nm_per_px=one.scale_bar_nm_per_px,
            stated_nm_per_px=one.stated_nm_per_px,
            decision=_decision(rows.get(max(by_image.get(one.image, 0), by_submission.get(one.id, 0))), stated_at.get(one.id)),
            instrument_decision=_decision(rows.get(by_instrument.get(one.instrument, 0)), None),
        )
        after = holding(evidence)
        found.append(_Found(one, after, _responsible(evidence, {one.before.calibration.source, after.calibration.source})))
    return found


def _responsible(evidence: Evidence, sources: set[CalibrationSource | None]) -> int:
    """Return the newest decision that has a say: about the image, or about the instrument where its default comes or goes."""
    about_image, about_instrument = evidence.decision, evidence.instrument_decision
    newest = 0 if about_image is None else about_image.id
    is_open = about_image is None or about_image.choice is Choice.AUTOMATIC
    if is_open and about_instrument is not None and "instrument_default" in sources:
        newest = max(newest, about_instrument.id)
    return newest


def _newest(session: Session, scope: Scope, columns: tuple[Any, ...], keys: set[Any]) -> dict[Any, int]:
    """Return the newest decision of one scope for each of several keys."""
    if not keys:
        return {}
    query = select(func.max(DecisionRow.id), *columns).where(DecisionRow.scope == scope, tuple_(*columns).in_(keys))
    return {tuple(row[1:]): row[0] for row in session.execute(query.group_by(*columns))}


def _newest_of_submissions(session: Session, stored: Sequence[_Stored]) -> dict[int, int]:
    """Return the newest decision about a submission that each analysis belongs to."""
    query = (
        select(JobRow.analysis_id, func.max(DecisionRow.id))
        .join(DecisionRow, DecisionRow.submission_id == JobRow.submission_id)
        .where(JobRow.analysis_id.in_([one.id for one in stored]))
        .group_by(JobRow.analysis_id)
    )
    return {number: newest for number, newest in session.execute(query) if number is not None}


def _stated_at(session: Session, stored: Sequence[_Stored]) -> dict[int, datetime]:
    """Return when a person last stated the pixel size of each analysis that has a stated one, by opening a submission."""
    query = (
        select(JobRow.analysis_id, func.max(SubmissionRow.created_at))
        .join(SubmissionRow, SubmissionRow.id == JobRow.submission_id)
        .where(JobRow.analysis_id.in_([one.id for one in stored if one.stated_nm_per_px is not None]))
        .group_by(JobRow.analysis_id)
    )
    return {number: stated_at for number, stated_at in session.execute(query) if number is not None}


def _metadata_of_unrecorded(session: Session, stored: Sequence[_Stored]) -> dict[int, float]:
    """Return what the file states for analyses of releases that kept no recordings.

    Their rows said so until the first decision, whose change still does.
    """
    unrecorded = {one.id: one.before.calibration for one in stored if not one.is_recorded}
    changes = select(ChangeRow.analysis_id, ChangeRow.nm_per_px_before, ChangeRow.source_before)
    query = changes.where(ChangeRow.analysis_id.in_(list(unrecorded))).order_by(ChangeRow.id.desc())
    first = {row.analysis_id: (row.nm_per_px_before, row.source_before) for row in session.execute(query)}
    said = {number: first.get(number, (found.nm_per_px, found.source)) for number, found in unrecorded.items()}
    return {number: nm_per_px for number, (nm_per_px, source) in said.items() if source == "metadata" and nm_per_px is not None}


def _decision(row: DecisionRow | None, stated_at: datetime | None) -> Decision | None:
    """Return a decision unless a person stated the value after it."""
    if row is None or (stated_at is not None and row.created_at < stated_at):
        return None
    return Decision(row.id, Choice(row.choice), row.nm_per_px)


def _change(session: Session, found: Sequence[_Found], decision_id: int | None) -> int:
    """Write what holds into the rows of analyses and their particles, and what was before into the record of changes.

    Returns the number of analyses whose calibration is another now; the others have changed the decision they follow from.
    """
    if not found:
        return 0
    changed = [one for one in found if one.after.calibration != one.stored.before.calibration]
    ids = [one.stored.id for one in changed if one.after.calibration.nm_per_px != one.stored.before.calibration.nm_per_px]
    recomputation.recompute(session, [_new_values(one) for one in found], ids)
    if changed:
        new_rows = insert(ChangeRow).values(decision_id=decision_id, changed_at=database_time())
        session.connection().execute(new_rows, [_record(one) for one in changed])
    return len(changed)


def _new_values(found: _Found) -> dict[str, Any]:
    now = found.after.calibration
    return {
        "row_id": found.stored.id,
        "new_nm_per_px": now.nm_per_px,
        "new_source": now.source,
        "new_status": now.status,
        "new_decision_id": found.after.decision_id,
    }


def _record(found: _Found) -> dict[str, Any]:
    before, after = found.stored.before.calibration, found.after.calibration
    return {
        "analysis_id": found.stored.id,
        "nm_per_px_before": before.nm_per_px,
        "source_before": before.source,
        "status_before": before.status,
        "nm_per_px_after": after.nm_per_px,
        "source_after": after.source,
        "status_after": after.status,
    }
