"""One errand from claim to end, whatever it asks for: how it ended is written, or its lease runs out and another goes on."""

import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

from sqlalchemy.orm import Session
from structlog.contextvars import bound_contextvars

from shared import workers
from shared.database import Database
from shared.errands import Claim, Errands
from shared.errors import InputError, LostClaimError, OperatorError, TransientError
from shared.log import get_logger
from shared.schema import require_own_schema

# A database that is away or a disk that is full needs about this long.
RETRY_DELAY_S = 10.0

logger = get_logger(__name__)


class ErrandRunner(ABC):
    """Runs errands of one kind with the resources of one process."""

    errands: ClassVar[Errands]
    # What people are told where SAEMI itself is to blame.
    crashed: ClassVar[str]

    def __init__(self, database: Database, *, lease_s: float, max_attempts: int) -> None:
        self.database = database
        self.lease_s = lease_s
        self._max_attempts = max_attempts

    @abstractmethod
    def do(self, held: Claim) -> None:
        """Do what the errand asks for and end it, in transactions that hold only while the claim does."""

    def run(self, number: int, owner: str | None = None) -> None:
        """Run an errand if it waits; where the database is away it stays so, and is announced again.

        ``owner`` is the name of the worker, whose watchdog must know that it is busy.
        """
        with bound_contextvars(**{f"{self.errands.name}_id": number}):
            try:
                held = self._claim(number, owner)
            except (TransientError, OperatorError) as error:
                logger.warning("errand_not_claimed", code=error.code, message=error.message)
                return
            if held is not None:
                self._run_claimed(held)

    def _claim(self, number: int, owner: str | None) -> Claim | None:
        with self.database.writing() as session:
            require_own_schema(session)
            held = self.errands.claim(session, number, owner=owner, lease_s=self.lease_s, max_attempts=self._max_attempts)
            if owner is not None and held is not None:
                workers.note_claim(session, owner)
        return held

    def _run_claimed(self, held: Claim) -> None:
        errands = self.errands
        logger.info("errand_started")
        try:
            self.do(held)
        except LostClaimError:
            logger.warning("errand_taken_over")
        except (TransientError, OperatorError) as error:
            logger.warning("errand_given_back", code=error.code, message=error.message)
            self._end(lambda session: errands.give_back(session, held, RETRY_DELAY_S))
        except InputError as error:
            code, message = error.code, error.message
            logger.info("errand_failed", code=code, message=message)
            self._end(lambda session: errands.fail(session, held, code, message))
        except Exception:
            reference = uuid.uuid4().hex[:8]
            logger.exception("errand_crashed", reference=reference)
            self._end(lambda session: errands.fail(session, held, "internal_error", self.crashed, reference))

    def _end(self, change: Callable[[Session], None]) -> None:
        """Write how the errand ended; where even that is impossible, its lease runs out and another goes on."""
        try:
            with self.database.writing() as session:
                change(session)
        except (LostClaimError, TransientError, OperatorError) as error:
            logger.warning("errand_end_not_written", code=error.code)
