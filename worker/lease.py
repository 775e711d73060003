"""Keeping a job's lease alive while its micrograph is analysed."""

import threading
from types import TracebackType
from typing import Self

from shared import jobs
from shared.database import Database
from shared.errors import LostClaimError, OperatorError, TransientError
from shared.log import get_logger

logger = get_logger(__name__)


class LeaseKeeper:
    """Extends the lease of a claim from a thread of its own, three times in each lease, until the block ends."""

    def __init__(self, database: Database, claim: jobs.Claim, lease_s: float) -> None:
        self._database = database
        self._claim = claim
        self._lease_s = lease_s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep, name=f"lease-{claim.job_id}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _keep(self) -> None:
        while not self._over.wait(self._lease_s / 3):
            try:
                with self._database.writing() as session:
                    jobs.extend_lease(session, self._claim, self._lease_s)
            except LostClaimError:
                logger.warning("lease_lost", job_id=self._claim.job_id)
                return
            except (TransientError, OperatorError) as error:
                logger.warning("lease_not_extended", job_id=self._claim.job_id, code=error.code)
            except Exception:  # a bug here must not let the lease run out under an analysis that goes well
                logger.exception("lease_not_extended", job_id=self._claim.job_id)
