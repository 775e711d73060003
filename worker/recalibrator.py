"""Decisions about pixel sizes as errands: the bulk recomputation of what is measured in nanometres.

Every chunk is a transaction of its own that also shows a sign of life; whatever ends this process, the next one goes on,
because what is as it should be is left alone.
"""

from shared import decisions, recalibration
from shared.errands import Claim
from shared.log import get_logger
from worker.errand_runner import ErrandRunner

logger = get_logger(__name__)


class Recalibrator(ErrandRunner):
    """Applies decisions with the resources of one process."""

    errands = decisions.ERRANDS
    crashed = "The decision could not be applied by an error of SAEMI."

    def do(self, held: Claim) -> None:
        """Apply a decision, chunk by chunk."""
        n_analyses = n_changed = 0
        last_id: int | None = 0
        while last_id is not None:
            with self.database.writing() as session:
                chunk = recalibration.apply_chunk(session, held.id, last_id)
                decisions.note_progress(session, held, chunk.n_changed, self.lease_s)
                if chunk.last_id is None:
                    self.errands.finish(session, held)
            n_analyses, n_changed, last_id = n_analyses + chunk.n_analyses, n_changed + chunk.n_changed, chunk.last_id
        logger.info("decision_applied", n_analyses=n_analyses, n_changed=n_changed)
