"""What is removed by age: originals of submissions that ended long ago, and whole submissions, where the facility chose so.

A submission ends with its last job. It is left alone while it has unfinished work, is paused, or is kept by a person. A blob
follows by itself a day after the last row that names it (`shared.housekeeping`).

Functions take the session first and never commit. Rows are locked before they are judged, and what somebody else has locked is
left for the next time: nobody is waited for, and who comes meanwhile finds the rows as they are before or after.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select, union_all, update
from sqlalchemy.orm import Session, aliased

from shared import submissions
from shared.database import database_time, through_index
from shared.leases import JobState
from shared.models import (
    ENDED,
    ENDED_INDEX,
    OPEN,
    OPEN_INDEX,
    AnalysisRow,
    DecisionRow,
    ImageRow,
    JobRow,
    SideCarRow,
    SubmissionRow,
)
from shared.settings import Settings
from shared.upload_rows import UploadRow

DAY_S = 86_400
# Removed by one transaction, and looked for by one question.
AT_ONCE = 500
FOUND_AT_ONCE = 20_000

Original = type[ImageRow] | type[SideCarRow]


@dataclass(frozen=True, slots=True)
class RetentionRule:
    """Days for which originals and submissions are kept after the end of a submission; 0: for ever."""

    originals_days: int
    submissions_days: int

    @classmethod
    def of(cls, settings: Settings) -> "RetentionRule":
        """Read the rule in force."""
        return cls(settings.keep_originals_days, settings.keep_submissions_days)

    @property
    def words(self) -> str:
        """The rule for people."""
        if self == KEEP_EVERYTHING:
            return "everything is kept for ever"
        originals, submissions = _for_days(self.originals_days), _for_days(self.submissions_days)
        return (
            f"originals are kept {originals}, submissions with their results {submissions}, from the end of each submission on"
        )


KEEP_EVERYTHING = RetentionRule(0, 0)


@dataclass(frozen=True, slots=True)
class Due:
    """Rows of one kind that would be removed now, and the age of the oldest."""

    n: int
    oldest: datetime | None
    n_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Planned:
    """When originals of a submission, and all of it, are removed at the earliest; None where never, or not as it is now.

    ``n_removed`` of its originals were removed by ``removed_after_days``, the last of them at ``removed_at``.
    """

    originals_at: datetime | None
    everything_at: datetime | None
    n_removed: int
    removed_at: datetime | None
    removed_after_days: int | None


def keep(session: Session, submission_id: int, person: str | None = None) -> None:
    """Let nothing of a submission be removed by age. Who kept it first is remembered."""
    row = submissions.submission(session, submission_id)
    if row.kept_at is None:
        row.kept_at = session.scalar(select(database_time()))
        row.kept_by = person


def release(session: Session, submission_id: int) -> None:
    """Let a submission that was kept be removed as others are."""
    row = submissions.submission(session, submission_id)
    row.kept_at = row.kept_by = None


def survey(session: Session, rule: RetentionRule) -> dict[str, Due]:
    """Count what would be removed now; changes nothing."""
    nothing = Due(0, None)
    found = {"images": nothing, "side_cars": nothing, "submissions": nothing}
    if rule.originals_days:
        before = _before(session, rule.originals_days)
        for name, table in (("images", ImageRow), ("side_cars", SideCarRow)):
            figures = select(func.count(), func.min(table.created_at), func.coalesce(func.sum(table.n_bytes), 0))
            n, oldest, n_bytes = session.execute(figures.where(*_due_originals(table, before))).one()
            found[name] = Due(n, oldest, int(n_bytes))
    if rule.submissions_days:
        before = _before(session, rule.submissions_days)
        of_submissions = select(func.count(), func.min(SubmissionRow.created_at))
        n, oldest = session.execute(
            of_submissions.where(or_(_due_submission(before), SubmissionRow.removed_at.is_not(None)))
        ).one()
        found["submissions"] = Due(n, oldest)
    return found


def planned(session: Session, row: SubmissionRow, rule: RetentionRule) -> Planned:
    """Tell when a submission is removed as it stands, and what was removed of it."""
    of_it = JobRow.submission_id == row.id
    n_open = session.scalar(select(func.count()).select_from(JobRow).where(OPEN, of_it))
    ended_at = session.scalar(select(func.max(JobRow.finished_at)).where(of_it)) or row.created_at
    is_held = bool(n_open) or row.paused_at is not None or row.kept_at is not None
    originals_at, everything_at = (
        None if is_held or not days else ended_at + timedelta(days=days)
        for days in (rule.originals_days, rule.submissions_days)
    )
    if originals_at and everything_at and everything_at <= originals_at:
        originals_at = None  # they go together
    of_removed = (func.count(), func.max(ImageRow.removed_at), func.max(ImageRow.removed_after_days))
    its_images = ImageRow.sha256.in_(select(JobRow.image_sha256).where(of_it))
    n_removed, removed_at, after_days = session.execute(
        select(*of_removed).where(its_images, ImageRow.removed_at.is_not(None))
    ).one()
    return Planned(originals_at, everything_at, n_removed, removed_at, after_days)


def due_originals(session: Session, table: Original, days: int) -> Sequence[Any]:
    """Return the keys of due originals of a table, of images or of side-cars: all, or as many as are found in one go."""
    key = _key(table)
    return session.scalars(select(key).where(*_due_originals(table, _before(session, days))).limit(FOUND_AT_ONCE)).all()


def remove_originals(session: Session, table: Original, days: int, keys: Sequence[Any]) -> int:
    """Let the bytes of originals go that were due; returns the number of those that still are."""
    key, before = _key(table), _before(session, days)
    locked = session.scalars(select(key).where(key.in_(keys)).order_by(key).with_for_update(skip_locked=True)).all()
    # Judged again: what was handed in or retried before the lock is seen now, and nothing is added to an image that is locked.
    named = JobRow.image_sha256 if table is ImageRow else SideCarRow.id
    rows = session.scalars(
        select(JobRow.submission_id if table is ImageRow else SideCarRow.submission_id).where(named.in_(locked))
    )
    due = _due_originals(table, before, among=sorted(set(rows)))
    values = {"removed_at": database_time(), "removed_after_days": days}
    return len(session.execute(update(table).where(key.in_(locked), *due).values(**values).returning(key)).all())


def mark_submissions(session: Session, days: int) -> int:
    """Take due submissions away from everybody else, before anything of them is removed; returns their number."""
    before = _before(session, days)
    due = _due_submission(before)
    ids = session.scalars(select(SubmissionRow.id).where(due).order_by(SubmissionRow.id).limit(AT_ONCE)).all()
    if not ids:
        return 0
    which = SubmissionRow.id.in_(ids)
    locked = session.scalars(
        select(SubmissionRow.id).where(which).order_by(SubmissionRow.id).with_for_update(skip_locked=True)
    ).all()
    marked = update(SubmissionRow).where(SubmissionRow.id.in_(locked), due).values(removed_at=database_time())
    return len(session.execute(marked.returning(SubmissionRow.id)).all())


def marked_submissions(session: Session) -> list[int]:
    """Return the submissions that are being removed."""
    return list(
        session.scalars(select(SubmissionRow.id).where(SubmissionRow.removed_at.is_not(None)).order_by(SubmissionRow.id))
    )


def _before(session: Session, days: int) -> datetime:
    """Return the time before which a submission must have ended; asked first, because an index finds no moving value."""
    before: datetime = session.scalars(select(database_time(-float(days * DAY_S)))).one()
    return before


def _key(table: Original) -> Any:
    return ImageRow.sha256 if table is ImageRow else SideCarRow.id


def _due_originals(table: Original, before: datetime, among: Sequence[int] | None = None) -> tuple[ColumnElement[bool], ...]:
    stored = (table.removed_at.is_(None), table.created_at < before)
    if table is SideCarRow:
        return (*stored, SideCarRow.submission_id.not_in(union_all(*_staying(before, among))))
    held = select(JobRow.id).where(
        JobRow.image_sha256 == ImageRow.sha256, JobRow.submission_id.in_(union_all(*_staying(before, among)))
    )
    return (*stored, ~held.exists())


def _due_submission(before: datetime) -> ColumnElement[bool]:
    staying = union_all(*_staying(before), *_newest())
    # A decision about a submission also holds for analyses that another one shares: it stays as long as that one.
    own, other = aliased(JobRow), aliased(JobRow)
    shared = and_(other.analysis_id == own.analysis_id, other.submission_id != own.submission_id)
    rests = (
        select(DecisionRow.id)
        .join(own, own.submission_id == DecisionRow.submission_id)
        .join(other, shared)
        .where(DecisionRow.submission_id == SubmissionRow.id, other.submission_id.in_(staying))
    )
    return and_(SubmissionRow.removed_at.is_(None), SubmissionRow.id.not_in(staying), ~rests.exists())


def _staying(before: datetime, among: Sequence[int] | None = None) -> Sequence[Any]:
    """Submissions that are not touched: kept, paused, at work, or ended later than this; of all, or of a few that are named."""
    held = (SubmissionRow.kept_at.is_not(None), SubmissionRow.paused_at.is_not(None), SubmissionRow.created_at >= before)
    under_way = DecisionRow.state.in_((JobState.QUEUED, JobState.RUNNING))
    ended = select(JobRow.submission_id).where(ENDED, JobRow.finished_at >= before)
    is_open = select(JobRow.submission_id).where(OPEN)
    parts = [
        (SubmissionRow.id, select(SubmissionRow.id).where(or_(*held))),
        (JobRow.submission_id, through_index(is_open, JobRow, OPEN_INDEX) if among is None else is_open),
        (JobRow.submission_id, through_index(ended, JobRow, ENDED_INDEX) if among is None else ended),
        (SideCarRow.submission_id, select(SideCarRow.submission_id).where(SideCarRow.created_at >= before)),
        (UploadRow.submission_id, select(UploadRow.submission_id)),
        (
            DecisionRow.submission_id,
            select(DecisionRow.submission_id).where(under_way, DecisionRow.submission_id.is_not(None)),
        ),
    ]
    return [part if among is None else part.where(column.in_(among)) for column, part in parts]


def _newest() -> Sequence[Any]:
    """Submissions of the newest rows: SQLite gives the greatest number once more when its row is gone."""
    newest_job = select(func.max(JobRow.id)).scalar_subquery()
    newest_analysis = select(func.max(AnalysisRow.id)).scalar_subquery()
    its_image = select(AnalysisRow.image_sha256).where(AnalysisRow.id == newest_analysis).scalar_subquery()
    return (
        select(func.max(SubmissionRow.id)).having(func.max(SubmissionRow.id).is_not(None)),
        select(JobRow.submission_id).where(JobRow.id == newest_job),
        select(JobRow.submission_id).where(JobRow.image_sha256 == its_image),
    )


def _for_days(days: int) -> str:
    return f"for {days} days" if days else "for ever"
