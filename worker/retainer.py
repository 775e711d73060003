"""Removal by age, in short transactions: whatever ends this process in between, the next round goes on from the rows."""

from collections.abc import Callable
from dataclasses import dataclass

from shared import removal, retention
from shared.database import Database
from shared.log import get_logger
from shared.models import ImageRow, SideCarRow
from shared.retention import AT_ONCE, RetentionRule

logger = get_logger(__name__)


@dataclass(slots=True)
class Removed:
    """What one round removed."""

    n_images: int = 0
    n_side_cars: int = 0
    n_submissions: int = 0


class Retainer:
    """Removes what a rule keeps no longer, as long as it may go on."""

    def __init__(self, database: Database, rule: RetentionRule) -> None:
        self._database = database
        self._rule = rule

    def run(self, may_go_on: Callable[[], bool]) -> Removed:
        """Remove once what is due; `may_go_on` is asked before each transaction."""
        done = Removed()
        if self._rule.submissions_days:
            self._mark(may_go_on)
        # Also without a rule: what was begun is brought to its end.
        with self._database.reading() as session:
            marked = retention.marked_submissions(session)
        for submission_id in marked:
            done.n_submissions += self._remove(submission_id, may_go_on)
        if self._rule.originals_days:
            done.n_images = self._remove_originals(ImageRow, may_go_on)
            done.n_side_cars = self._remove_originals(SideCarRow, may_go_on)
        if done.n_images or done.n_side_cars or done.n_submissions:
            logger.info(
                "removed_by_age", n_images=done.n_images, n_side_cars=done.n_side_cars, n_submissions=done.n_submissions
            )
        return done

    def _mark(self, may_go_on: Callable[[], bool]) -> None:
        n_marked = 1
        while n_marked and may_go_on():
            with self._database.writing() as session:
                n_marked = retention.mark_submissions(session, self._rule.submissions_days)

    def _remove(self, submission_id: int, may_go_on: Callable[[], bool]) -> bool:
        """Remove a submission; false where something of it is left."""
        last: int | None = 0
        while last is not None:
            if not may_go_on():
                return False
            with self._database.writing() as session:
                last = removal.remove_jobs(session, submission_id, last, self._rule.submissions_days)
        n_side_cars = 1
        while n_side_cars and may_go_on():
            with self._database.writing() as session:
                n_side_cars = removal.remove_side_cars(session, submission_id)
        with self._database.writing() as session:
            is_gone = removal.remove_submission(session, submission_id)
        if is_gone:
            logger.info("submission_removed", submission_id=submission_id, after_days=self._rule.submissions_days)
        return is_gone

    def _remove_originals(self, table: retention.Original, may_go_on: Callable[[], bool]) -> int:
        n_all = 0
        n_removed = 1
        while n_removed:
            n_removed = 0
            with self._database.reading() as session:
                keys = retention.due_originals(session, table, self._rule.originals_days)
            for some in (keys[first : first + AT_ONCE] for first in range(0, len(keys), AT_ONCE)):
                if not may_go_on():
                    return n_all
                with self._database.writing() as session:
                    n = retention.remove_originals(session, table, self._rule.originals_days, some)
                n_removed, n_all = n_removed + n, n_all + n
        return n_all
