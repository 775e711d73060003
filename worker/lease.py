"""Keeping the leases of claimed jobs alive while a worker is busy with them, and noticing which of them it lost.

Which jobs were lost is logged where they end: seen from here, one that has just ended looks the same.
"""

import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from shared import jobs
from shared.database import Database
from shared.errors import LostClaimError, OperatorError, TransientError
from shared.log import get_logger

logger = get_logger(__name__)


class LeaseKeeper:
    """Extends the leases of jobs that were claimed together, three times in each lease, from a thread of its own.

    A job that takes longer than anything real is a hang in foreign code that nothing interrupts: the process ends itself, the
    lease runs out, and the attempt counts.
    """

    def __init__(
        self, database: Database, claims: Sequence[jobs.Claim], lease_s: float, job_timeout_s: float = float("inf")
    ) -> None:
        self._database = database
        self._token = claims[0].token
        self._unlost = {claim.job_id for claim in claims}
        self._lease_s = lease_s
        self._job_timeout_s = job_timeout_s
        self._busy_since: dict[int, float] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep, name=f"lease-{claims[0].job_id}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    @contextmanager
    def busy_with(self, claim: jobs.Claim) -> Iterator[None]:
        """Tell that a job is worked on while the block lasts."""
        self._busy_since[claim.job_id] = time.monotonic()
        try:
            yield
        finally:
            del self._busy_since[claim.job_id]

    def require(self, claim: jobs.Claim) -> None:
        """Raise LostClaimError where a job was cancelled or given away, as far as the last sign of life told."""
        if claim.job_id not in self._unlost:
            raise LostClaimError(f"Job {claim.job_id} was cancelled, or given to another worker.", job_id=claim.job_id)

    def _keep(self) -> None:
        while not self._over.wait(self._lease_s / 3):
            self._end_what_hangs()
            try:
                with self._database.writing() as session:
                    held = jobs.extend_leases(session, self._token, self._lease_s)
            except (TransientError, OperatorError) as error:
                logger.warning("leases_not_extended", code=error.code)
            except Exception:  # a bug here must not let the leases run out under analyses that go well
                logger.exception("leases_not_extended")
            else:
                self._unlost &= held

    def _end_what_hangs(self) -> None:
        now = time.monotonic()
        for job_id, since in list(self._busy_since.items()):
            if now - since > self._job_timeout_s:
                logger.error("job_hangs", job_id=job_id, busy_s=round(now - since))
                os.kill(os.getpid(), signal.SIGKILL)
