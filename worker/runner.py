"""Jobs from claim to stored analyses: the shell around the pipeline.

No transaction is open while an image is decoded or computed. Whatever happens, each job's row says how it ended; when this
process dies, the leases run out and another worker begins anew.
"""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

from sqlalchemy.orm import Session

from shared import jobs, originals, results, side_cars, workers
from shared.database import Database
from shared.domain import PIPELINE_VERSION, Micrograph, Parameters, Segmenter
from shared.errors import DeviceFailedError, InputError, OperatorError, TransientError
from shared.job_contents import JobContent
from shared.jobs import Claim
from shared.log import get_logger
from shared.models import AnalysisRow, JobRow
from shared.results import FoundAnalysis, Identity
from shared.schema import require_own_schema
from shared.side_cars import BelongingSideCar
from shared.storage import BlobStore
from worker import job_files
from worker.analysis.lettering import TextReader
from worker.archive.limits import ArchiveLimits
from worker.archive.unpacker import Unpacker
from worker.conveyor.conveyor import Conveyor, Station, conveyor_in_one_thread
from worker.conveyor.orders import Analysed, Failed, Order
from worker.endings import JobEndings, Ready, analysis_removed
from worker.job_traces import trace_job
from worker.lease import LeaseKeeper
from worker.micrograph.sandbox import Decoder

# Outcomes that come faster than this are stored together: a transaction costs more than a small image.
SAVE_INTERVAL_S = 0.2

logger = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Work:
    """A job that is analysed anew; it counts as worked on from the moment at which its file is read."""

    claim: Claim
    beside: Sequence[BelongingSideCar]
    busy: ExitStack = field(default_factory=ExitStack)


@dataclass(frozen=True, slots=True)
class _Known:
    """What the database says of jobs that are run together, asked for all of them at once after they were claimed.

    Side-cars that come later mark their job, which then runs again; an analysis that another process stores meanwhile is found
    when this one's is saved.
    """

    analyses: Mapping[Identity, int]
    with_side_cars: Collection[int]
    without_bytes: Collection[str]


@dataclass(slots=True)
class _Round:
    """Jobs that are run together: what is ready to be saved, and those that wait because another one asks for the same."""

    keeper: LeaseKeeper
    ready: list[Ready] = field(default_factory=list)
    waiting: list[Claim] = field(default_factory=list)
    asked_for: set[Identity] = field(default_factory=set)
    segmenters: dict[str, Segmenter] = field(default_factory=dict)
    device_failure: DeviceFailedError | None = None
    saved_at: float = field(default_factory=time.monotonic)


class JobRunner:
    """Runs jobs with the resources of one process, on a conveyor, by default one after the other in the calling thread."""

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
        conveyor: Conveyor | None = None,
        archive_limits: ArchiveLimits = ArchiveLimits(),  # noqa: B008 - frozen
    ) -> None:
        self._database = database
        self._store = store
        self._decoder = decoder
        self._segmenter_of = segmenter_of
        self._conveyor = conveyor or conveyor_in_one_thread(store, Station(decoder, text_reader))
        self._lease_s = lease_s
        self._max_attempts = max_attempts
        self._job_timeout_s = job_timeout_s
        self._must_stop = must_stop
        self._unpacker = Unpacker(database, store, archive_limits)
        self._endings = JobEndings(database, lambda claim: job_files.count_images(store, decoder, claim, ()))

    def run(self, job_ids: Sequence[int], owner: str | None = None) -> None:
        """Run those of the jobs that are still free; when told to stop, give back those not begun.

        ``owner`` is the name of the worker, for people who look who is at it. Raises DeviceFailedError, with every job back in
        the queue that has no result, where this process can compute no more.
        """
        claims = self._claim(job_ids, owner)
        if not claims:
            return
        numbers = [claim.job_id for claim in claims]
        limits = {"lease_s": self._lease_s, "timeout_s": self._job_timeout_s}
        with LeaseKeeper(self._database, JobRow, claims[0].token, numbers, **limits) as keeper:
            while claims:
                claims = self._run_together(claims, keeper)

    def _claim(self, job_ids: Sequence[int], owner: str | None) -> list[jobs.Claim]:
        """Claim jobs; where the database is away they stay in the queue, and the dispatcher announces them again."""
        try:
            with self._database.writing() as session:
                require_own_schema(session)
                claims = jobs.claim(session, job_ids, lease_s=self._lease_s, max_attempts=self._max_attempts, owner=owner)
                left = jobs.leave_to_newer(session, job_ids) if len(claims) < len(job_ids) else []
                if owner is not None and claims:
                    workers.note_claim(session, owner)
        except (TransientError, OperatorError) as error:
            logger.warning("jobs_not_claimed", job_ids=list(job_ids), code=error.code, message=error.message)
            return []
        if left:
            logger.warning("jobs_left_to_newer_release", job_ids=left, pipeline_version=PIPELINE_VERSION)
        return claims

    def _run_together(self, claims: Sequence[Claim], keeper: LeaseKeeper) -> list[Claim]:
        """Run jobs, and return those that ask for the same as another one did: its analysis is stored now."""
        together = _Round(keeper)
        for outcome in self._conveyor.run(self._orders(claims, together)):
            work = outcome.key
            with work.busy:
                if isinstance(outcome, Failed):
                    if isinstance(outcome.error, DeviceFailedError):
                        together.device_failure = outcome.error
                    self._endings.end_by(work.claim, outcome.error)
                else:
                    together.ready.append(_ready(outcome))
                if time.monotonic() - together.saved_at >= SAVE_INTERVAL_S:
                    self._save(together)
        self._save(together)
        if together.device_failure is not None:
            for claim in together.waiting:
                self._endings.give_back(claim, 0.0)
            raise together.device_failure
        return together.waiting

    def _save(self, together: _Round) -> None:
        self._endings.save(together.ready)
        together.ready.clear()
        together.saved_at = time.monotonic()

    def _orders(self, claims: Sequence[Claim], together: _Round) -> Iterator[Order[_Work]]:
        """Order what is not stored; what goes wrong with one job before it is read ends that job."""
        try:
            known = self._look_up(claims)
        except Exception as error:  # noqa: BLE001 it is told apart where jobs end
            for claim in claims:
                self._endings.end_by(claim, error)
            return
        for claim in claims:
            if self._must_stop() or together.device_failure is not None:
                self._endings.give_back(claim, 0.0)
                continue
            try:
                if claim.content is not JobContent.IMAGE:
                    self._unpack(claim, together)
                    continue
                order = self._order(claim, known, together)
            except Exception as error:  # noqa: BLE001 it is told apart where jobs end
                self._endings.end_by(claim, error)
                continue
            if order is not None:
                yield order

    def _unpack(self, claim: Claim, together: _Round) -> None:
        """End the job of an archive; there is nothing to order."""
        if claim.content is JobContent.REFUSED:
            raise InputError("The file was refused out of an archive: hand it in by itself.", code="member_refused")
        with self._database.reading() as session:
            originals.require_image(session, claim.image_sha256)
        with together.keeper.busy_with(claim.job_id):
            self._unpacker.unpack(claim, lambda: together.keeper.require(claim.job_id))
        trace_job(claim)

    def _look_up(self, claims: Sequence[Claim]) -> _Known:
        with self._database.reading() as session:
            images = {claim.image_sha256 for claim in claims}
            return _Known(
                analyses=results.find_analyses(session, images),
                with_side_cars=side_cars.submissions_with_any(session, {claim.submission_id for claim in claims}),
                without_bytes=originals.removed_among(session, images),
            )

    def _order(self, claim: Claim, known: _Known, together: _Round) -> Order[_Work] | None:
        """Order the analysis of a job's image; None where there is one already, or is about to be."""
        parameters = Parameters.from_stored(claim.stored_parameters)
        segmenter = together.segmenters.get(parameters.model) or self._segmenter_of(parameters.model)
        together.segmenters[parameters.model] = segmenter
        beside = self._side_cars(claim) if claim.submission_id in known.with_side_cars else ()
        asked = results.identity(
            claim.image_sha256,
            segmenter.identity,
            parameters,
            image_index=claim.image_index,
            side_cars_sha256=side_cars.digest(beside),
        )
        if asked in known.analyses:
            together.ready.append(self._stored(claim, known.analyses[asked], beside))
            return None
        if beside or claim.image_sha256 in known.without_bytes:
            with self._database.reading() as session:
                _require_originals(session, claim, beside)
        if asked in together.asked_for:
            together.waiting.append(claim)
            return None
        together.asked_for.add(asked)
        work = _Work(claim, beside)
        return Order(work, lambda decoder: self._read(work, decoder, together.keeper), parameters, segmenter)

    def _side_cars(self, claim: Claim) -> Sequence[BelongingSideCar]:
        with self._database.reading() as session:
            return side_cars.belonging(session, claim.submission_id, claim.source_name)

    def _stored(self, claim: Claim, number: int, beside: Sequence[BelongingSideCar]) -> Ready:
        """Return the end of a job whose analysis is stored; how many images the file holds is not known of old ones."""
        with self._database.reading() as session:
            found = session.get(AnalysisRow, number)
            if found is None:
                raise analysis_removed()
            n_images = found.n_images
            if n_images is None:
                _require_originals(session, claim, beside)
        return Ready(claim, n_images or job_files.count_images(self._store, self._decoder, claim, beside), number)

    def _read(self, work: _Work, decoder: Decoder, keeper: LeaseKeeper) -> Micrograph:
        claim = work.claim
        work.busy.enter_context(keeper.busy_with(claim.job_id))
        keeper.require(claim.job_id)
        logger.info(
            "job_started",
            job_id=claim.job_id,
            submission_id=claim.submission_id,
            source_name=claim.source_name,
            attempt=claim.attempts,
        )
        return job_files.read(self._store, decoder, claim, work.beside)


def _require_originals(session: Session, claim: Claim, beside: Sequence[BelongingSideCar]) -> None:
    originals.require_image(session, claim.image_sha256)
    originals.require_side_cars(session, [one.id for one in beside])


def _ready(outcome: Analysed[_Work]) -> Ready:
    claim, micrograph, analysis = outcome.key.claim, outcome.micrograph, outcome.analysis
    analysis = replace(analysis, warnings=(*analysis.warnings, *_about_further_images(micrograph)))
    found = FoundAnalysis(
        claim.image_sha256,
        micrograph,
        analysis,
        outcome.files,
        outcome.timings.total_s,
        side_cars.digest(outcome.key.beside),
    )
    return Ready(claim, micrograph.n_images, found, outcome.timings, outcome.load, outcome.stages)


def _about_further_images(micrograph: Micrograph) -> tuple[str, ...]:
    """Say of the first image of a file how to get the others.

    Of no submission in particular: one that takes the first image only and one that takes each share the analysis.
    """
    n_further = micrograph.n_images - 1
    if micrograph.index or not n_further:
        return ()
    images = "1 further image of the file is" if n_further == 1 else f"{n_further:,} further images of the file are"
    return (f"{images} analysed only where a submission takes each image (saemi submit --images all).",)
