"""How jobs end in the database: several with their analyses in one transaction, or one with what went wrong with it."""

import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass

from sqlalchemy.orm import Session
from structlog.contextvars import bound_contextvars

from shared import jobs, recalibration, results, submissions
from shared.database import Database
from shared.errors import (
    InputError,
    LostClaimError,
    OperatorError,
    OutdatedClaimError,
    ProcessKilledError,
    SaemiError,
    TransientError,
)
from shared.job_contents import JobContent
from shared.jobs import Claim, Done
from shared.log import get_logger
from shared.results import FoundAnalysis
from shared.tracing import Stage
from worker.analysis.questions import NetworkLoad
from worker.conveyor.orders import StageTimings
from worker.job_traces import trace_job

# A disk that is full or a server that restarts needs about this long.
RETRY_DELAY_S = 10.0

logger = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Ready:
    """A job whose analysis is there: stored already under a number, or found just now in so much time."""

    claim: Claim
    n_images: int
    analysis: int | FoundAnalysis
    timings: StageTimings | None = None
    load: NetworkLoad | None = None
    stages: tuple[Stage, ...] = ()

    def done(self, number: int) -> Done:
        """Return the end of the job with the analysis of this number."""
        timings = None if self.timings is None else asdict(self.timings)
        load = asdict(self.load) if self.load is not None and self.load.n_passes else None
        return Done(self.claim, number, self.n_images, timings, load)


def analysis_removed() -> TransientError:
    """Return the error for a job that was to end with a stored analysis: the next attempt makes it anew."""
    return TransientError("A stored analysis was removed with its submission meanwhile.", code="analysis_removed")


class JobEndings:
    """Writes how jobs ended.

    Parameters
    ----------
    database : Database
        Where the jobs are.
    count_images : callable
        Counts the images of a job's file.
    """

    def __init__(self, database: Database, count_images: Callable[[Claim], int]) -> None:
        self._database = database
        self._count_images = count_images

    def save(self, several: Sequence[Ready]) -> None:
        """End jobs with their analyses in one transaction; where that fails, each in its own, so that each has its own end."""
        if not several:
            return
        began_s, started = time.time(), time.perf_counter()
        try:
            with self._database.writing() as session:
                numbers = _end_all(session, several)
        except Exception as error:  # noqa: BLE001 `end_by` tells errors apart
            if len(several) == 1:
                self.end_by(several[0].claim, error)
                return
            logger.warning("jobs_saved_one_by_one", n_jobs=len(several), reason=repr(error))
            for one in several:
                self.save([one])
            return
        saved = Stage("save", began_s, time.perf_counter() - started)
        for one in several:
            trace_job(one.claim, (*one.stages, saved), analysis_id=numbers[one.claim.job_id])
            with _bound(one.claim):
                duration_s = None if one.timings is None else round(one.timings.total_s, 3)
                already_stored = isinstance(one.analysis, int)
                analysis_id = numbers[one.claim.job_id]
                logger.info("job_done", analysis_id=analysis_id, duration_s=duration_s, already_stored=already_stored)

    def end_by(self, claim: Claim, error: BaseException) -> None:
        """End a job by an error: who must act decides whether it fails, waits or counts an attempt."""
        with _bound(claim):
            match error:
                case LostClaimError():
                    logger.warning("job_result_dropped")
                case OutdatedClaimError():
                    self._run_again(claim)
                case InputError():
                    self._fail(claim, error.code, error.message)
                case ProcessKilledError():
                    # The kernel ended a process, perhaps over this very image: left to its lease, the attempt counts, and the
                    # last one sets the job aside.
                    logger.warning("process_killed", code=error.code, message=error.message)
                case TransientError() | OperatorError():
                    logger.warning("job_given_back", code=error.code, message=error.message)
                    self.give_back(claim, RETRY_DELAY_S)
                case Exception():
                    reference = uuid.uuid4().hex[:8]
                    logger.error("job_crashed", reference=reference, exc_info=error)
                    message = "The analysis failed by an error of SAEMI, not of the image."
                    self._fail(claim, "internal_error", message, reference)
                case _:
                    raise error
        trace_job(claim, error=error)

    def give_back(self, claim: Claim, delay_s: float) -> None:
        """Put a job back into the queue, for somebody to take it after a while."""
        self._change(claim, lambda session: jobs.give_back(session, claim, delay_s))

    def _fail(self, claim: Claim, code: str, message: str, reference: str | None = None) -> None:
        logger.info("job_failed", code=code, message=message, reference=reference)
        n_images = self._count_despite_failure(claim)

        def fail(session: Session) -> None:
            _add_further_images(session, claim, n_images)
            jobs.fail(session, claim, code, message, reference)

        self._change(claim, fail)

    def _count_despite_failure(self, claim: Claim) -> int:
        """Count the images of a file whose first one failed: an empty first frame must not take the others with it."""
        if not _brings_further_images(claim):
            return 1
        try:
            return self._count_images(claim)
        except SaemiError:  # the file cannot be read at all, and the job says why
            return 1

    def _run_again(self, claim: Claim) -> None:
        logger.info("job_runs_again")
        self._change(claim, lambda session: jobs.run_again(session, claim))

    def _change(self, claim: Claim, change: Callable[[Session], None]) -> None:
        """Write a job's end; where even that is impossible, its lease runs out and the job begins anew."""
        try:
            with self._database.writing() as session:
                change(session)
        except OutdatedClaimError:
            self._run_again(claim)
        except (LostClaimError, TransientError, OperatorError) as error:
            logger.warning("job_end_not_written", job_id=claim.job_id, code=error.code)


def _end_all(session: Session, several: Sequence[Ready]) -> dict[int, int]:
    """End jobs with their analyses and what hangs on them, and return the number of each job's analysis.

    Rows are locked in one order, that of everybody who locks several: submissions, analyses, jobs, each by their numbers.
    """
    found = {one.claim.job_id: one.analysis for one in several if isinstance(one.analysis, FoundAnalysis)}
    numbers = {one.claim.job_id: one.analysis for one in several if isinstance(one.analysis, int)}
    numbers |= dict(zip(found, results.save_analyses(session, list(found.values())), strict=True))
    for one in sorted(several, key=lambda one: one.claim.submission_id):
        _add_further_images(session, one.claim, one.n_images)
    if recalibration.hold(session, set(numbers.values())) != set(numbers.values()):
        raise analysis_removed()
    jobs.finish_all(session, [one.done(numbers[one.claim.job_id]) for one in several])
    recalibration.settle_all(session, set(numbers.values()))
    return numbers


def _add_further_images(session: Session, claim: Claim, n_images: int) -> None:
    if _brings_further_images(claim):
        submissions.add_further_images(session, claim.submission_id, claim.image_sha256, claim.source_name, n_images)


def _brings_further_images(claim: Claim) -> bool:
    """Tell whether the other images of a file are analysed as well, and wait for this job to be made."""
    return claim.content is JobContent.IMAGE and claim.images == "all" and claim.image_index == 0


def _bound(claim: Claim) -> AbstractContextManager[None]:
    """Have what is logged name the job."""
    return bound_contextvars(job_id=claim.job_id, submission_id=claim.submission_id)
