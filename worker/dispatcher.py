"""The dispatcher: sees to it that every free job and every errand is announced, and that hopeless ones are set aside.

It alone sends messages. It announces whose turn it is, never more than the workers finish within seconds, so that who comes
next waits for seconds only, and repeats what was lost: by a broker that was away, or by a worker that died.
"""

import time
from collections.abc import Callable, Sequence

from shared import decisions, exports, jobs, tracing, turns, workers
from shared.database import Database
from shared.errands import Errands
from shared.errors import TransientError
from shared.log import get_logger
from shared.messaging import JobSender
from shared.queues import EXPORT_QUEUE
from shared.settings import Settings
from shared.turns import PRIORITIES, Chosen
from worker.window import Window, batched

logger = get_logger(__name__)


class Dispatcher:
    """Announces free jobs, decisions that are to be applied and outputs that are to be made, round by round."""

    def __init__(self, database: Database, sender: JobSender, settings: Settings) -> None:
        self._database = database
        self._sender = sender
        self._settings = settings
        self._windows = {queue: Window(settings.dispatch_window) for queue in PRIORITIES}

    def run_round(self) -> int:
        """Set aside what is exhausted and announce what is free up to the window; returns the number announced.

        Raises TransientError or OperatorError where broker or database are away.
        """
        self._set_aside()
        # Few, quick, and somebody waits before a screen.
        n_decisions = self._announce_decisions()
        n_exports = self._announce_exports()
        n_jobs = sum(self._announce_jobs(queue) for queue in PRIORITIES)
        if n_decisions or n_exports or n_jobs:
            logger.info("announced", n_jobs=n_jobs, n_decisions=n_decisions, n_exports=n_exports)
        return n_decisions + n_exports + n_jobs

    def _set_aside(self) -> None:
        with self._database.writing() as session:
            n_jobs = jobs.set_aside_exhausted(session, self._settings.max_attempts)
            n_decisions = decisions.ERRANDS.set_aside_exhausted(session, self._settings.max_attempts)
            n_exports = exports.ERRANDS.set_aside_exhausted(session, self._settings.max_attempts)
        if n_jobs or n_decisions or n_exports:
            logger.warning("set_aside", n_jobs=n_jobs, n_decisions=n_decisions, n_exports=n_exports)

    def _announce_decisions(self) -> int:
        return self._announce_errands(decisions.ERRANDS, self._settings.dispatch_window, self._sender.send_decision)

    def _announce_exports(self) -> int:
        """Announce so many that half of the processes that take them are busy: each is held for minutes."""
        with self._database.reading() as session:
            n_processes = sum(worker.n_processes for worker in workers.living(session) if EXPORT_QUEUE in worker.queues)
            n_in_flight = exports.ERRANDS.n_in_flight(session, self._settings.resend_after_s)
        room = max(n_processes // 2, 1) - n_in_flight
        return self._announce_errands(exports.ERRANDS, room, self._sender.send_export) if room > 0 else 0

    def _announce_errands(self, errands: Errands, limit: int, send: Callable[[int], None]) -> int:
        with self._database.writing() as session:
            ids = errands.mark_waiting_as_sent(session, limit, self._settings.resend_after_s)
        for position, number in enumerate(ids):
            try:
                send(number)
            except TransientError:
                with self._database.writing() as session:
                    errands.mark_as_not_sent(session, ids[position:])
                raise
        return len(ids)

    def _announce_jobs(self, queue: str) -> int:
        n_messages = self._sender.queue_length(queue)
        with self._database.writing() as session:
            listening = [worker for worker in workers.living(session) if queue in worker.queues]
            n_processes = sum(worker.n_processes for worker in listening)
            # Where nobody listens yet, whoever comes may be of any release.
            newest = max((worker.pipeline_version for worker in listening), default=None)
            which = (self._settings.resend_after_s, PRIORITIES[queue], newest)
            window = self._windows[queue]
            room = window.room(sum(turns.in_flight(session, *which).values()), n_messages, n_processes, time.monotonic())
            chosen = turns.take_turns(session, room, *which) if room > 0 else []
            window.announced(len(chosen))
        self._send(queue, batched(chosen, window.batch_size(n_processes)))
        return len(chosen)

    def _send(self, queue: str, batches: Sequence[Sequence[Chosen]]) -> None:
        """Send a message for each batch; those that the broker does not take are free for the next round."""
        for position, batch in enumerate(batches):
            began_s = time.time()
            try:
                self._sender.send([job.job_id for job in batch], queue)
            except TransientError:
                unsent = [job.job_id for left in batches[position:] for job in left]
                with self._database.writing() as session:
                    jobs.mark_as_not_sent(session, unsent)
                raise
            ids = [job.job_id for job in batch]
            tracing.record("announce", began_s, time.time(), {"saemi.queue": queue, "saemi.job_ids": ids})
