"""A worker's place in the database: that it lives, and the watchdog that ends it when waiting work passes it by.

After outages of the broker a Celery worker was seen to live on without listening any more. It looks healthy from outside; only
the rows tell that work waits and this worker takes none. Whoever supervises it starts it anew.

A worker whose release the database has left behind may take nothing, so it stops and leaves the messages to others.
"""

import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from billiard.process import active_children

from shared import workers
from shared.database import Database
from shared.errors import OperatorError, TransientError
from shared.log import get_logger
from shared.schema import RELEASE_OUTDATED, require_own_schema
from shared.turns import PRIORITIES
from shared.workers import WorkerDescription

LIFE_SIGN_INTERVAL_S: Final = 10.0
EXIT_PASSED_BY: Final = 70

logger = get_logger(__name__)


class Presence:
    """Shows that a worker lives, from a thread of its own, until it stops."""

    def __init__(
        self,
        database: Database,
        worker: WorkerDescription,
        watchdog_s: float,
        *,
        interval_s: float = LIFE_SIGN_INTERVAL_S,
        give_up: Callable[[], None] | None = None,
        finish: Callable[[], None] | None = None,
    ) -> None:
        self._database = database
        self._worker = worker
        self._watchdog_s = watchdog_s
        self._interval_s = interval_s
        self._give_up = give_up or end_this_worker
        self._finish = finish or stop_this_worker
        self._priorities = [priority for queue in worker.queues for priority in PRIORITIES.get(queue, ())]
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="presence", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Sign off."""
        self._over.set()
        self._thread.join()
        self._try(lambda: self._write(lambda session: workers.sign_off(session, self._worker.name)))

    def _run(self) -> None:
        while True:
            self._try(self._look)
            if self._over.wait(self._interval_s):
                return

    def _look(self) -> None:
        if self._is_outdated():
            self._over.set()
            self._finish()
            return
        self._write(lambda session: workers.show_life(session, self._worker))
        with self._database.reading() as session:
            passed_by = workers.is_passed_by(session, self._worker.name, self._priorities, self._watchdog_s)
        if passed_by:
            logger.error("worker_passed_by", watchdog_s=self._watchdog_s)
            self._give_up()

    def _is_outdated(self) -> bool:
        try:
            with self._database.reading() as session:
                require_own_schema(session)
        except OperatorError as error:
            if error.code != RELEASE_OUTDATED:
                raise
            logger.error("worker_outdated", code=error.code, message=error.message)  # noqa: TRY400 - no bug
            return True
        return False

    def _write(self, change: Callable[..., None]) -> None:
        with self._database.writing() as session:
            change(session)

    def _try(self, action: Callable[[], None]) -> None:
        try:
            action()
        except (TransientError, OperatorError) as error:
            logger.warning("presence_not_shown", code=error.code)
        except Exception:  # a bug here must not silence a worker that works
            logger.exception("presence_not_shown")


def stop_this_worker() -> None:
    """Have the main process finish what it has begun and end, as whoever supervises it does."""
    os.kill(os.getpid(), signal.SIGTERM)


def end_this_worker() -> None:
    """End the main process and its pool at once: a loop that no longer listens does not hear a request to stop either."""
    for child in active_children():
        with suppress(ProcessLookupError):  # it ended meanwhile
            os.kill(child.pid, signal.SIGKILL)
    os._exit(EXIT_PASSED_BY)
