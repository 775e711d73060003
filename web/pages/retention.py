"""How long a submission and its originals are kept, in words."""

from datetime import UTC, datetime

from shared.models import ImageRow, SubmissionRow
from shared.originals import removal_rule
from shared.retention import Planned
from web.pages.writing import Fact, count, local_time


def kept_fact(row: SubmissionRow, planned: Planned, *, is_ended: bool) -> Fact | None:
    """Say what becomes of a submission with age, and what was removed of it; None where everything stays for ever."""
    gone = _gone(planned)
    if row.kept_at is not None:
        by = f" by {row.kept_by}" if row.kept_by else ""
        return Fact("Kept", f"for ever{by}", gone)
    dates = {"Uploaded files": planned.originals_at if not gone else None, "Everything": planned.everything_at}
    coming = [_until(what, at) for what, at in dates.items() if at is not None and is_ended]
    if not coming and not gone:
        return None
    return Fact("Kept", " ".join(coming) or "Results for ever.", gone)


def original_fact(row: ImageRow) -> Fact | None:
    """Say that the original of an analysis is gone, and by which rule; None where it is here."""
    if row.removed_at is None:
        return None
    note = f"{removal_rule(row.removed_after_days).capitalize()}. Hand the same file in again to have it back."
    return Fact("Original", f"removed on {local_time(row.removed_at)}", note)


def _until(what: str, at: datetime) -> str:
    if at <= datetime.now(UTC):
        return f"{what} until the next clean-up."
    return f"{what} until {at.astimezone():%Y-%m-%d}."


def _gone(planned: Planned) -> str:
    if not planned.n_removed or planned.removed_at is None:
        return ""
    files = "1 uploaded file was" if planned.n_removed == 1 else f"{count(planned.n_removed)} uploaded files were"
    rule = removal_rule(planned.removed_after_days)
    return f"{files} removed, the last on {planned.removed_at.astimezone():%Y-%m-%d}: {rule}."
