"""Keeping the house: what is too old by the rule, what nobody ended or names is removed, and files that are lost are named."""

import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

from shared import exports
from shared.database import Database
from shared.election import HOUSEKEEPING, hold_office
from shared.errors import OperatorError, TransientError
from shared.housekeeping import clean_blobs, survey_blobs
from shared.log import get_logger
from shared.resumable import remove_expired
from shared.spool import ChunkSpool
from shared.storage import BlobStore
from worker.retainer import Retainer

# How often somebody looks whether it is time and this process leads.
LOOK_INTERVAL_S = 1.0
# How often the database is asked whether it is time.
ASK_INTERVAL_S = 60.0

logger = get_logger(__name__)


class Housekeeper:
    """Cleans up at intervals, in a thread of its own so that announcing work never waits for it, while this process leads."""

    def __init__(
        self,
        database: Database,
        store: BlobStore,
        spool: ChunkSpool,
        retainer: Retainer,
        *,
        keep_exports_days: int = 0,
        interval_s: float,
        leads: Callable[[], bool],
    ) -> None:
        self._database = database
        self._store = store
        self._spool = spool
        self._retainer = retainer
        self._keep_exports_days = keep_exports_days
        self._interval_s = interval_s
        self._leads = leads

    def clean(self) -> None:
        """Clean up once; raises TransientError or OperatorError where database or store are away."""
        now = datetime.now(UTC)
        with self._database.writing() as session:
            n_expired = remove_expired(session, self._spool)
            n_exports = exports.remove_aged(session, self._keep_exports_days) if self._keep_exports_days else 0
        self._retainer.run(self._leads)
        with self._database.reading() as session:
            survey = survey_blobs(session, self._store, now)
        clean_blobs(self._store, survey, now)
        done = {"n_set_aside": len(survey.orphans), "n_discarded": len(survey.to_discard), "n_back": len(survey.to_bring_back)}
        done["n_exports_removed"] = n_exports
        logger.info("house_kept", n_expired_uploads=n_expired, n_blobs=survey.n_blobs, n_bytes=survey.n_bytes, **done)
        for blob in survey.missing:
            logger.error("blob_missing", sha256=blob.sha256, named_by=blob.named_by)

    def run(self, stop: threading.Event) -> None:
        """Clean up at intervals until told to stop."""
        due_in_s = 0.0
        while not stop.wait(LOOK_INTERVAL_S):
            due_in_s -= LOOK_INTERVAL_S
            if due_in_s > 0 or not self._leads():
                continue
            due_in_s = min(self._interval_s, ASK_INTERVAL_S)
            try:
                if self._is_due():
                    self.clean()
            except (TransientError, OperatorError) as error:
                logger.warning("house_not_kept", code=error.code, message=error.message)
            except Exception:  # a bug here must not end the scheduler, nor go on unseen
                logger.exception("house_not_kept")

    def _is_due(self) -> bool:
        """Whether the last clean-up is an interval ago, whichever process did it; then this one is noted."""
        with self._database.writing() as session:
            return hold_office(session, HOUSEKEEPING, uuid.uuid4().hex, self._interval_s)
