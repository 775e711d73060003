"""Keeping the leases of claimed rows alive while a worker is busy with them, and noticing which of them it lost.

Which were lost is logged where they end: seen from here, one that has just ended looks the same.
"""

import os
import signal
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from shared import leases
from shared.database import Database
from shared.errors import LostClaimError, OperatorError, TransientError
from shared.leases import Table
from shared.log import get_logger

logger = get_logger(__name__)


class LeaseKeeper:
    """Extends the leases of rows that were claimed together, three times in each lease, from a thread of its own.

    One that is busy longer than anything real is a hang in foreign code that nothing interrupts: the process ends itself, the
    lease runs out, and the attempt counts.
    """

    def __init__(
        self,
        database: Database,
        table: Table,
        token: str,
        numbers: Collection[int],
        *,
        lease_s: float,
        timeout_s: float = float("inf"),
    ) -> None:
        self._database = database
        self._table = table
        self._token = token
        self._unlost = set(numbers)
        self._lease_s = lease_s
        self._timeout_s = timeout_s
        self._busy_since: dict[int, float] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep, name=f"lease-{min(numbers)}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    @contextmanager
    def busy_with(self, number: int) -> Iterator[None]:
        """Tell that a row is worked on while the block lasts."""
        self.goes_on(number)
        try:
            yield
        finally:
            del self._busy_since[number]

    def goes_on(self, number: int) -> None:
        """Tell that a row is worked on and does not hang: what was done so far counts no more."""
        self._busy_since[number] = time.monotonic()

    def require(self, number: int) -> None:
        """Raise LostClaimError where a row was cancelled or given away, as far as the last sign of life told."""
        if number not in self._unlost:
            name = self._table.__tablename__.capitalize()
            raise LostClaimError(f"{name} {number} was cancelled, or given to another worker.")

    def _keep(self) -> None:
        while not self._over.wait(self._lease_s / 3):
            self._end_what_hangs()
            try:
                with self._database.writing() as session:
                    held = leases.extend(session, self._table, self._token, self._lease_s)
            except (TransientError, OperatorError) as error:
                logger.warning("leases_not_extended", code=error.code)
            except Exception:  # a bug here must not let the leases run out under work that goes well
                logger.exception("leases_not_extended")
            else:
                self._unlost &= held

    def _end_what_hangs(self) -> None:
        now = time.monotonic()
        name = self._table.__tablename__
        for number, since in list(self._busy_since.items()):
            if now - since > self._timeout_s:
                logger.error("work_hangs", **{f"{name}_id": number}, busy_s=round(now - since))
                os.kill(os.getpid(), signal.SIGKILL)
