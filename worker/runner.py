"""One job from claim to stored analysis: the shell around the pipeline.

No transaction is open while an image is decoded or computed. Whatever happens, the job's row says how it ended; when this
process dies, its lease runs out and another worker begins anew.
"""

import time
import uuid
from collections.abc import Callable, Sequence

from structlog.contextvars import bound_contextvars

from shared import jobs, recalibration, results
from shared.database import Database
from shared.domain import Micrograph, Parameters, Segmenter
from shared.errors import DecoderKilledError, InputError, LostClaimError, OperatorError, TransientError
from shared.log import get_logger
from shared.storage import BlobStore
from worker.analysis.lettering import TextReader
from worker.files import store_files
from worker.lease import LeaseKeeper
from worker.micrograph.sandbox import Decoder
from worker.pipeline import analyse

# A disk that is full or a server that restarts needs about this long.
RETRY_DELAY_S = 10.0

logger = get_logger(__name__)


class JobRunner:
    """Runs jobs with the resources of one process."""

    def __init__(
        self,
        database: Database,
        store: BlobStore,
        decoder: Decoder,
        segmenter_of: Callable[[str], Segmenter],
        text_reader: TextReader | None = None,
        *,
        lease_s: float,
        max_attempts: int,
    ) -> None:
        self._database = database
        self._store = store
        self._decoder = decoder
        self._segmenter_of = segmenter_of
        self._text_reader = text_reader
        self._lease_s = lease_s
        self._max_attempts = max_attempts

    def run(self, job_ids: Sequence[int]) -> None:
        """Run those of the jobs that are still free, one after the other."""
        for job_id in job_ids:
            for claim in self._claim(job_id):
                with bound_contextvars(job_id=claim.job_id, submission_id=claim.submission_id):
                    self._run_claimed(claim)

    def _claim(self, job_id: int) -> list[jobs.Claim]:
        """Claim a job; where the database is away it stays in the queue, and the dispatcher announces it again."""
        try:
            with self._database.writing() as session:
                return jobs.claim(session, [job_id], lease_s=self._lease_s, max_attempts=self._max_attempts)
        except (TransientError, OperatorError) as error:
            logger.warning("job_not_claimed", job_id=job_id, code=error.code, message=error.message)
            return []

    def _run_claimed(self, claim: jobs.Claim) -> None:
        logger.info("job_started", source_name=claim.source_name, attempt=claim.attempts)
        try:
            with LeaseKeeper(self._database, claim, self._lease_s):
                self._analyse_and_save(claim)
        except LostClaimError:
            logger.warning("job_result_dropped")
        except InputError as error:
            self._fail(claim, error.code, error.message)
        except DecoderKilledError as error:
            # The kernel ended the decoder, perhaps over this very image: left to its lease, the attempt counts, and the last
            # one sets the job aside.
            logger.warning("decoder_killed", message=error.message)
        except (TransientError, OperatorError) as error:
            logger.warning("job_given_back", code=error.code, message=error.message)
            self._change(claim, lambda session: jobs.give_back(session, claim, RETRY_DELAY_S))
        except Exception:
            reference = uuid.uuid4().hex[:8]
            logger.exception("job_crashed", reference=reference)
            message = "The analysis failed by an error of SAEMI, not of the image."
            self._fail(claim, "internal_error", message, reference)

    def _analyse_and_save(self, claim: jobs.Claim) -> None:
        parameters = Parameters.from_stored(claim.stored_parameters)
        segmenter = self._segmenter_of(parameters.model)
        with self._database.reading() as session:
            stored = results.find_analysis(session, claim.image_sha256, segmenter.identity, parameters)
        if stored is not None:
            with self._database.writing() as session:
                jobs.finish(session, claim, stored)
                recalibration.settle(session, stored)
            logger.info("job_done", analysis_id=stored, already_stored=True)
            return
        started = time.perf_counter()
        micrograph = self._decode(claim)
        analysis = analyse(micrograph, parameters, segmenter, self._text_reader)
        files = store_files(self._store, micrograph, analysis)
        duration_s = time.perf_counter() - started
        with self._database.writing() as session:
            analysis_id = results.save_analysis(session, claim.image_sha256, micrograph, analysis, files, duration_s=duration_s)
            jobs.finish(session, claim, analysis_id)
            recalibration.settle(session, analysis_id)
        logger.info("job_done", analysis_id=analysis_id, n_particles=len(analysis.particles), duration_s=round(duration_s, 3))

    def _decode(self, claim: jobs.Claim) -> Micrograph:
        with self._store.local_path(claim.image_sha256) as path:
            return self._decoder.decode(path)

    def _fail(self, claim: jobs.Claim, code: str, message: str, reference: str | None = None) -> None:
        logger.info("job_failed", code=code, message=message, reference=reference)
        self._change(claim, lambda session: jobs.fail(session, claim, code, message, reference))

    def _change(self, claim: jobs.Claim, change: Callable[..., None]) -> None:
        """Write a job's end; where even that is impossible, its lease runs out and the job begins anew."""
        try:
            with self._database.writing() as session:
                change(session)
        except (LostClaimError, TransientError, OperatorError) as error:
            logger.warning("job_end_not_written", job_id=claim.job_id, code=error.code)
