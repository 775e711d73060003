"""How a submission stands, in sentences: what holds it up, how fast it goes, and how long it still takes."""

from dataclasses import dataclass
from datetime import datetime

from shared.models import SubmissionRow
from shared.submissions import JobCounts
from shared.turns import Priority
from shared.watching import Hold, Standing
from web.pages.writing import count, local_time, rate

PRIORITY_TEXT = {
    Priority.INTERACTIVE: "I am waiting for it",
    Priority.NORMAL: "Normal",
    Priority.BULK: "It has time",
}
HOLD_TEXT = {
    Hold.NO_WORKER: "No worker lives that takes this work. It goes on as soon as one starts.",
    Hold.NO_SCHEDULER: "No scheduler runs, so nothing that waits is handed out. It goes on as soon as one starts.",
}
MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86_400


@dataclass(frozen=True, slots=True)
class StandingLine:
    """What the page of a submission says of its progress, and what can be done to it."""

    held: str
    going: str
    can_pause: bool
    can_resume: bool
    n_to_cancel: int
    n_failed: int
    n_cancelled: int
    can_keep: bool
    can_release: bool

    @property
    def can_do_anything(self) -> bool:
        """Whether there is any button to show."""
        switches = (self.can_pause, self.can_resume, self.can_keep, self.can_release)
        return any(switches) or bool(self.n_to_cancel or self.n_failed or self.n_cancelled)


def standing_line(row: SubmissionRow, counts: JobCounts, found: Standing | None, *, is_removed_by_age: bool) -> StandingLine:
    """Describe how a submission stands, in an installation that removes by age or keeps everything."""
    return StandingLine(
        held=_held(row, found),
        going="" if found is None or found.hold else _going(counts, found),
        can_pause=row.paused_at is None and counts.unfinished > 0,
        can_resume=row.paused_at is not None,
        n_to_cancel=counts.unfinished,
        n_failed=counts.failed,
        n_cancelled=counts.cancelled,
        can_keep=row.kept_at is None and is_removed_by_age,
        can_release=row.kept_at is not None,
    )


def about(seconds: float) -> str:
    """Write a time that is a guess as one: in whole minutes, hours or days."""
    if seconds < MINUTE_S:
        return "less than a minute"
    if seconds < 1.5 * HOUR_S:
        return f"about {round(seconds / MINUTE_S)} min"
    if seconds < 2 * DAY_S:
        return f"about {round(seconds / HOUR_S)} h"
    return f"about {round(seconds / DAY_S)} days"


def age(since: datetime | None, now: datetime) -> str:
    """Write how long something has waited; empty where nothing does."""
    return "" if since is None else about((now - since).total_seconds()).removeprefix("about ")


def _held(row: SubmissionRow, found: Standing | None) -> str:
    if row.paused_at is not None:
        by = f" by {row.paused_by}" if row.paused_by else ""
        return f"Paused{by} on {local_time(row.paused_at)}. Nothing more of it begins; what runs comes to its end."
    return HOLD_TEXT.get(found.hold, "") if found is not None and found.hold is not None else ""


def _going(counts: JobCounts, found: Standing) -> str:
    others = "1 other submission" if found.n_others == 1 else f"{count(found.n_others)} other submissions"
    beside = f", beside {others}" if found.n_others else ""
    if not found.jobs_per_min:
        waits = f"It waits for its turn{beside}." if not counts.running else f"It has begun{beside}."
        return waits if found.time_left_s is None else f"{waits} {about(found.time_left_s).capitalize()} left."
    going = f"{rate(found.jobs_per_min)} images a minute{beside}."
    return going if found.time_left_s is None else f"{going} {about(found.time_left_s).capitalize()} left."
