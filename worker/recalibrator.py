"""One decision from claim to end: the shell around the bulk recomputation of what is measured in nanometres.

Every chunk is a transaction of its own that also shows a sign of life; whatever ends this process, the next one goes on,
because what is as it should be is left alone.
"""

import uuid
from collections.abc import Callable

from sqlalchemy.orm import Session
from structlog.contextvars import bound_contextvars

from shared import decisions, recalibration, workers
from shared.database import Database
from shared.decisions import Claim
from shared.errors import LostClaimError, OperatorError, TransientError
from shared.log import get_logger
from shared.schema import require_own_schema

# A database that is away or a disk that is full needs about this long.
RETRY_DELAY_S = 10.0

logger = get_logger(__name__)


class Recalibrator:
    """Applies decisions with the resources of one process."""

    def __init__(self, database: Database, *, lease_s: float, max_attempts: int) -> None:
        self._database = database
        self._lease_s = lease_s
        self._max_attempts = max_attempts

    def run(self, decision_id: int, owner: str | None = None) -> None:
        """Apply a decision if it waits; where the database is away it stays so, and is announced again.

        ``owner`` is the name of the worker, whose watchdog must know that it is busy.
        """
        try:
            with self._database.writing() as session:
                require_own_schema(session)
                held = decisions.claim(
                    session, decision_id, lease_s=self._lease_s, max_attempts=self._max_attempts, owner=owner
                )
                if owner is not None and held is not None:
                    workers.note_claim(session, owner)
        except (TransientError, OperatorError) as error:
            logger.warning("decision_not_claimed", decision_id=decision_id, code=error.code, message=error.message)
            return
        if held is not None:
            with bound_contextvars(decision_id=decision_id):
                self._run_claimed(held)

    def _run_claimed(self, held: Claim) -> None:
        logger.info("decision_started")
        try:
            self._apply(held)
        except LostClaimError:
            logger.warning("decision_taken_over")
        except (TransientError, OperatorError) as error:
            logger.warning("decision_given_back", code=error.code, message=error.message)
            self._end(held, lambda session: decisions.give_back(session, held, RETRY_DELAY_S))
        except Exception:
            reference = uuid.uuid4().hex[:8]
            logger.exception("decision_crashed", reference=reference)
            message = "The decision could not be applied by an error of SAEMI."
            self._end(held, lambda session: decisions.fail(session, held, "internal_error", message, reference))

    def _apply(self, held: Claim) -> None:
        n_analyses = n_changed = 0
        last_id: int | None = 0
        while last_id is not None:
            with self._database.writing() as session:
                chunk = recalibration.apply_chunk(session, held.decision_id, last_id)
                decisions.note_progress(session, held, chunk.n_changed, self._lease_s)
                if chunk.last_id is None:
                    decisions.finish(session, held)
            n_analyses, n_changed, last_id = n_analyses + chunk.n_analyses, n_changed + chunk.n_changed, chunk.last_id
        logger.info("decision_applied", n_analyses=n_analyses, n_changed=n_changed)

    def _end(self, held: Claim, change: Callable[[Session], None]) -> None:
        """Write how the work ended; where even that is impossible, its lease runs out and another goes on."""
        try:
            with self._database.writing() as session:
                change(session)
        except (LostClaimError, TransientError, OperatorError) as error:
            logger.warning("decision_end_not_written", decision_id=held.decision_id, code=error.code)
