"""The dispatcher: sees to it that every free job is announced, and that hopeless ones are set aside.

The portal announces a job when it is submitted. The dispatcher repeats what was lost: by a broker that was away, or by a worker
that died. It never puts more than a window of messages into the broker, so that nothing is repeated again and again.
"""

import threading

from shared import jobs
from shared.database import Database
from shared.errors import OperatorError, TransientError
from shared.log import get_logger
from shared.messaging import JobSender
from shared.settings import Settings

logger = get_logger(__name__)


class Dispatcher:
    """Announces free jobs, round by round."""

    def __init__(self, database: Database, sender: JobSender, settings: Settings) -> None:
        self._database = database
        self._sender = sender
        self._settings = settings

    def run_round(self) -> int:
        """Set aside exhausted jobs and announce free ones up to the window; returns the number announced."""
        with self._database.writing() as session:
            set_aside = jobs.set_aside_exhausted(session, self._settings.max_attempts)
        if set_aside:
            logger.warning("jobs_set_aside", n_jobs=set_aside)
        room = self._settings.dispatch_window - self._sender.queue_length()
        if room <= 0:
            return 0
        with self._database.writing() as session:
            job_ids = jobs.mark_waiting_as_sent(session, room, self._settings.resend_after_s)
        self._announce(job_ids)
        if job_ids:
            logger.info("jobs_announced", n_jobs=len(job_ids))
        return len(job_ids)

    def _announce(self, job_ids: list[int]) -> None:
        """Send one message for each job; those that the broker does not take are free for the next round."""
        for position, job_id in enumerate(job_ids):
            try:
                self._sender.send([job_id])
            except TransientError:
                with self._database.writing() as session:
                    jobs.mark_as_not_sent(session, job_ids[position:])
                raise

    def run(self, stop: threading.Event) -> None:
        """Run rounds until told to stop; a broker or a database that is away is waited for."""
        while not stop.wait(self._settings.dispatch_interval_s):
            try:
                self.run_round()
            except (TransientError, OperatorError) as error:
                logger.warning("dispatch_postponed", code=error.code, message=error.message)
