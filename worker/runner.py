"""One job from claim to stored analysis: the shell around the pipeline.

No transaction is open while an image is decoded or computed. Whatever happens, the job's row says how it ended; when this
process dies, its lease runs out and another worker begins anew.
"""

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath

from sqlalchemy.orm import Session
from structlog.contextvars import bound_contextvars

from shared import jobs, recalibration, results, side_cars, submissions, workers
from shared.database import Database
from shared.domain import Micrograph, Parameters, Segmenter
from shared.errors import (
    DecoderKilledError,
    InputError,
    LostClaimError,
    OperatorError,
    OutdatedClaimError,
    SaemiError,
    TransientError,
)
from shared.log import get_logger
from shared.schema import require_own_schema
from shared.side_cars import BelongingSideCar
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
        job_timeout_s: float = float("inf"),
        must_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self._database = database
        self._store = store
        self._decoder = decoder
        self._segmenter_of = segmenter_of
        self._text_reader = text_reader
        self._lease_s = lease_s
        self._max_attempts = max_attempts
        self._job_timeout_s = job_timeout_s
        self._must_stop = must_stop

    def run(self, job_ids: Sequence[int], owner: str | None = None) -> None:
        """Run those of the jobs that are still free, one after the other; when told to stop, give back those not begun.

        ``owner`` is the name of the worker, for people who look who is at it.
        """
        claims = self._claim(job_ids, owner)
        if not claims:
            return
        with LeaseKeeper(self._database, claims, self._lease_s, self._job_timeout_s) as keeper:
            for claim in claims:
                with bound_contextvars(job_id=claim.job_id, submission_id=claim.submission_id), keeper.busy_with(claim):
                    if self._must_stop():
                        self._give_back(claim, 0.0)
                    else:
                        self._run_claimed(claim, keeper)

    def _claim(self, job_ids: Sequence[int], owner: str | None) -> list[jobs.Claim]:
        """Claim jobs; where the database is away they stay in the queue, and the dispatcher announces them again."""
        try:
            with self._database.writing() as session:
                require_own_schema(session)
                claims = jobs.claim(session, job_ids, lease_s=self._lease_s, max_attempts=self._max_attempts, owner=owner)
                if owner is not None and claims:
                    workers.note_claim(session, owner)
                return claims
        except (TransientError, OperatorError) as error:
            logger.warning("jobs_not_claimed", job_ids=list(job_ids), code=error.code, message=error.message)
            return []

    def _run_claimed(self, claim: jobs.Claim, keeper: LeaseKeeper) -> None:
        logger.info("job_started", source_name=claim.source_name, attempt=claim.attempts)
        try:
            keeper.require(claim)
            self._analyse_and_save(claim)
        except LostClaimError:
            logger.warning("job_result_dropped")
        except OutdatedClaimError:
            self._run_again(claim)
        except InputError as error:
            self._fail(claim, error.code, error.message)
        except DecoderKilledError as error:
            # The kernel ended the decoder, perhaps over this very image: left to its lease, the attempt counts, and the last
            # one sets the job aside.
            logger.warning("decoder_killed", message=error.message)
        except (TransientError, OperatorError) as error:
            logger.warning("job_given_back", code=error.code, message=error.message)
            self._give_back(claim, RETRY_DELAY_S)
        except Exception:
            reference = uuid.uuid4().hex[:8]
            logger.exception("job_crashed", reference=reference)
            message = "The analysis failed by an error of SAEMI, not of the image."
            self._fail(claim, "internal_error", message, reference)

    def _analyse_and_save(self, claim: jobs.Claim) -> None:
        parameters = Parameters.from_stored(claim.stored_parameters)
        segmenter = self._segmenter_of(parameters.model)
        with self._database.reading() as session:
            beside = side_cars.belonging(session, claim.submission_id, claim.source_name)
            stored = results.find_analysis(
                session,
                claim.image_sha256,
                segmenter.identity,
                parameters,
                image_index=claim.image_index,
                side_cars_sha256=side_cars.digest(beside),
            )
            n_images = None if stored is None else results.analysis(session, stored).n_images
        if stored is None:
            self._analyse_anew(claim, parameters, segmenter, beside)
            return
        n_images = n_images or self._count_images(claim, beside)
        with self._database.writing() as session:
            _end(session, claim, stored, n_images)
        logger.info("job_done", analysis_id=stored, already_stored=True)

    def _analyse_anew(
        self, claim: jobs.Claim, parameters: Parameters, segmenter: Segmenter, beside: Sequence[BelongingSideCar]
    ) -> None:
        started = time.perf_counter()
        micrograph = self._decode(claim, beside)
        analysis = analyse(micrograph, parameters, segmenter, self._text_reader)
        analysis = replace(analysis, warnings=(*analysis.warnings, *_about_further_images(micrograph)))
        files = store_files(self._store, micrograph, analysis)
        duration_s = time.perf_counter() - started
        with self._database.writing() as session:
            analysis_id = results.save_analysis(
                session,
                claim.image_sha256,
                micrograph,
                analysis,
                files,
                duration_s=duration_s,
                side_cars_sha256=side_cars.digest(beside),
            )
            _end(session, claim, analysis_id, micrograph.n_images)
        logger.info("job_done", analysis_id=analysis_id, n_particles=len(analysis.particles), duration_s=round(duration_s, 3))

    def _decode(self, claim: jobs.Claim, beside: Sequence[BelongingSideCar]) -> Micrograph:
        with self._store.local_path(claim.image_sha256) as path, self._local_paths(beside) as paths:
            return self._decoder.decode(path, paths, claim.image_index, PurePosixPath(claim.source_name).name)

    def _count_images(self, claim: jobs.Claim, beside: Sequence[BelongingSideCar]) -> int:
        with self._store.local_path(claim.image_sha256) as path, self._local_paths(beside) as paths:
            return self._decoder.count_images(path, paths)

    @contextmanager
    def _local_paths(self, beside: Sequence[BelongingSideCar]) -> Iterator[dict[str, Path]]:
        with ExitStack() as stack:
            yield {one.name: stack.enter_context(self._store.local_path(one.sha256)) for one in beside}

    def _fail(self, claim: jobs.Claim, code: str, message: str, reference: str | None = None) -> None:
        logger.info("job_failed", code=code, message=message, reference=reference)
        n_images = self._count_despite_failure(claim)

        def fail(session: Session) -> None:
            _add_further_images(session, claim, n_images)
            jobs.fail(session, claim, code, message, reference)

        self._change(claim, fail)

    def _count_despite_failure(self, claim: jobs.Claim) -> int:
        """Count the images of a file whose first one failed: an empty first frame must not take the others with it."""
        if not _brings_further_images(claim):
            return 1
        try:
            return self._count_images(claim, ())
        except SaemiError:  # the file cannot be read at all, and the job says why
            return 1

    def _give_back(self, claim: jobs.Claim, delay_s: float) -> None:
        self._change(claim, lambda session: jobs.give_back(session, claim, delay_s))

    def _run_again(self, claim: jobs.Claim) -> None:
        logger.info("job_runs_again")
        self._change(claim, lambda session: jobs.run_again(session, claim))

    def _change(self, claim: jobs.Claim, change: Callable[[Session], None]) -> None:
        """Write a job's end; where even that is impossible, its lease runs out and the job begins anew."""
        try:
            with self._database.writing() as session:
                change(session)
        except OutdatedClaimError:
            self._run_again(claim)
        except (LostClaimError, TransientError, OperatorError) as error:
            logger.warning("job_end_not_written", job_id=claim.job_id, code=error.code)


def _end(session: Session, claim: jobs.Claim, analysis_id: int, n_images: int) -> None:
    """End a job with its analysis and what hangs on it."""
    # First, because it locks the submission, as those do who add to it before they lock a job.
    _add_further_images(session, claim, n_images)
    jobs.finish(session, claim, analysis_id, n_images)
    recalibration.settle(session, analysis_id)


def _add_further_images(session: Session, claim: jobs.Claim, n_images: int) -> None:
    if _brings_further_images(claim):
        submissions.add_further_images(session, claim.submission_id, claim.image_sha256, claim.source_name, n_images)


def _brings_further_images(claim: jobs.Claim) -> bool:
    """Tell whether the other images of a file are analysed as well, and wait for this job to be made."""
    return claim.images == "all" and claim.image_index == 0


def _about_further_images(micrograph: Micrograph) -> tuple[str, ...]:
    """Say of the first image of a file how to get the others.

    Of no submission in particular: one that takes the first image only and one that takes each share the analysis.
    """
    n_further = micrograph.n_images - 1
    if micrograph.index or not n_further:
        return ()
    images = "1 further image of the file is" if n_further == 1 else f"{n_further:,} further images of the file are"
    return (f"{images} analysed only where a submission takes each image (saemi submit --images all).",)
