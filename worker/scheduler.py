"""The scheduler: of several that run, one leads and announces work.

A leader that sleeps through its lease does at most one more round beside its successor, harmless, as rows are claimed once.
"""

import threading
import uuid

from shared.database import Database
from shared.election import SCHEDULER, hold_office, leave_office
from shared.errors import OperatorError, TransientError
from shared.log import get_logger
from shared.settings import Settings
from worker.dispatcher import Dispatcher

logger = get_logger(__name__)


class Scheduler:
    """Runs the dispatcher's rounds while it leads, and waits while another one does."""

    def __init__(self, database: Database, dispatcher: Dispatcher, settings: Settings) -> None:
        self._database = database
        self._dispatcher = dispatcher
        self._settings = settings
        self._name = uuid.uuid4().hex
        self._leads = False

    def run(self, stop: threading.Event) -> None:
        """Work until told to stop; a broker or a database that is away is waited for."""
        while not stop.wait(self._settings.dispatch_interval_s):
            try:
                if self._is_leader():
                    self._dispatcher.run_round()
            except (TransientError, OperatorError) as error:
                logger.warning("dispatch_postponed", code=error.code, message=error.message)
        self._leave()

    @property
    def leads(self) -> bool:
        """Whether this one led when it last asked."""
        return self._leads

    def _is_leader(self) -> bool:
        previously, self._leads = self._leads, False  # should the database not answer
        with self._database.writing() as session:
            leads = hold_office(session, SCHEDULER, self._name, self._settings.leader_lease_s)
        if leads != previously:
            logger.info("leads" if leads else "stands_by")
        self._leads = leads
        return leads

    def _leave(self) -> None:
        try:
            with self._database.writing() as session:
                leave_office(session, SCHEDULER, self._name)
        except (TransientError, OperatorError) as error:
            logger.info("office_left_to_its_lease", code=error.code)
