"""The dispatcher: sees to it that every free job and every decision is announced, and that hopeless ones are set aside.

The portal announces a job when it is submitted, and a decision when it is made. The dispatcher repeats what was lost: by a
broker that was away, or by a worker that died. It never puts more than a window of messages into the broker, so that nothing is
repeated again and again.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Protocol

from sqlalchemy.orm import Session

from shared import decisions, jobs
from shared.database import Database
from shared.errors import OperatorError, TransientError
from shared.log import get_logger
from shared.messaging import JobSender
from shared.settings import Settings

logger = get_logger(__name__)


class _Kind(Protocol):
    """What jobs and decisions have in common for who announces them."""

    def mark_waiting_as_sent(self, session: Session, limit: int, resend_after_s: float, /) -> list[int]:
        """Choose those that wait, and note that a message goes out."""

    def mark_as_not_sent(self, session: Session, ids: Sequence[int], /) -> None:
        """Take back that note."""


class Dispatcher:
    """Announces free jobs and decisions that are to be applied, round by round."""

    def __init__(self, database: Database, sender: JobSender, settings: Settings) -> None:
        self._database = database
        self._sender = sender
        self._settings = settings

    def run_round(self) -> int:
        """Set aside what is exhausted and announce what is free up to the window; returns the number announced."""
        self._set_aside()
        room = self._settings.dispatch_window - self._sender.queue_length()
        if room <= 0:
            return 0
        # Few, quick, and somebody waits before a screen.
        n_decisions = self._announce(decisions, self._sender.send_decision, room)
        n_jobs = self._announce(jobs, lambda job_id: self._sender.send([job_id]), room - n_decisions)
        if n_decisions or n_jobs:
            logger.info("announced", n_jobs=n_jobs, n_decisions=n_decisions)
        return n_decisions + n_jobs

    def _set_aside(self) -> None:
        with self._database.writing() as session:
            n_jobs = jobs.set_aside_exhausted(session, self._settings.max_attempts)
            n_decisions = decisions.set_aside_exhausted(session, self._settings.max_attempts)
        if n_jobs or n_decisions:
            logger.warning("set_aside", n_jobs=n_jobs, n_decisions=n_decisions)

    def _announce(self, kind: _Kind, send: Callable[[int], None], room: int) -> int:
        """Send one message for each that waits; those that the broker does not take are free for the next round."""
        with self._database.writing() as session:
            ids = kind.mark_waiting_as_sent(session, room, self._settings.resend_after_s)
        for position, number in enumerate(ids):
            try:
                send(number)
            except TransientError:
                with self._database.writing() as session:
                    kind.mark_as_not_sent(session, ids[position:])
                raise
        return len(ids)

    def run(self, stop: threading.Event) -> None:
        """Run rounds until told to stop; a broker or a database that is away is waited for."""
        while not stop.wait(self._settings.dispatch_interval_s):
            try:
                self.run_round()
            except (TransientError, OperatorError) as error:
                logger.warning("dispatch_postponed", code=error.code, message=error.message)
