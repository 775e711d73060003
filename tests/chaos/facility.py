"""A facility in small: broker, database, portal, workers and scheduler as real processes over one store, kept alive."""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis
from sqlalchemy import func, select

from cli.preparation import prepare_database
from cli.supervisor import ChildCommand
from shared import submissions
from shared.database import Database
from shared.errors import TransientError
from shared.models import JobRow
from shared.settings import ENVIRONMENT_PREFIX, Settings
from shared.storage import BlobStore
from shared.stores import blob_store
from shared.submissions import JobCounts
from tests.chaos.images import Drawings
from tests.chaos.keeper import Keeper
from tests.chaos.line import Line, port_of
from tests.chaos.places import Place
from tests.chaos.servers import broker_command, database_command
from tests.stack import PROJECT, answers, free_port, wait_until

SCHEDULER = "scheduler"
WORKERS = ("worker-1", "worker-2", "worker-3")
# Short, so that what a killed worker held is given away soon.
LEASE_S = 5.0
STOP_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Facility:
    """The running parts, and what a test needs to look at them from outside."""

    settings: Settings
    keeper: Keeper
    place: Place
    store: BlobStore
    database: Database
    line_to_database: Line
    drawings: Drawings = field(default_factory=Drawings)

    @property
    def address(self) -> str:
        """Where the portal is."""
        return self.settings.effective_server

    def broker(self) -> redis.Redis:
        """A connection to the broker."""
        return redis.Redis.from_url(self.settings.broker_url, socket_timeout=2.0)

    def counts(self, submission: int) -> JobCounts | None:
        """Count the jobs of a submission by state; None while the database is away."""
        try:
            with self.database.reading() as session:
                return submissions.counts(session, submission)
        except TransientError:
            return None

    def n_ended(self, submission: int) -> int | None:
        """Count the jobs of a submission that have come to an end; None while the database is away."""
        counts = self.counts(submission)
        return None if counts is None else counts.total - counts.unfinished

    def wait_for_end(self, submission: int, n_jobs: int, timeout_s: float) -> None:
        """Wait until so many jobs of a submission have come to an end."""
        wait_until(lambda: self.n_ended(submission) == n_jobs, f"{n_jobs} jobs have ended", timeout_s)

    def n_announced(self, submission: int) -> int:
        """Count the jobs of a submission that a message has been sent for."""
        with self.database.reading() as session:
            query = select(func.count()).select_from(JobRow).filter_by(submission_id=submission)
            return session.scalar(query.where(JobRow.sent_at.is_not(None))) or 0

    def attempts(self, submission: int) -> int:
        """Sum the attempts that count of the jobs of a submission."""
        with self.database.reading() as session:
            return session.scalar(select(func.sum(JobRow.attempts)).filter_by(submission_id=submission)) or 0


@contextmanager
def running_facility(log_dir: Path, put_blobs: Callable[[Path], AbstractContextManager[Place]]) -> Iterator[Facility]:
    """Run a facility with its blobs at a place while the block lasts; nothing of it is left but its logs."""
    with ExitStack() as cleanup:
        folder = Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="saemi-")))
        place = cleanup.enter_context(put_blobs(folder))
        settings = _settings(place.settings)
        line = cleanup.enter_context(closing(Line(free_port(), port_of(settings.database_url))))
        keeper = Keeper(log_dir)
        cleanup.callback(_stop, keeper)
        keeper.start(broker_command(folder / "broker", port_of(settings.broker_url)))
        keeper.start(database_command(folder / "database", port_of(settings.database_url)))
        database = Database(settings.database_url)
        facility = Facility(settings, keeper, place, blob_store(settings), database, line)
        wait_until(lambda: _database_answers(database), "the database answers")
        prepare_database(settings)
        far = settings.model_copy(update={**place.worker_settings, "database_url": _url_of_port(line.port)})
        for name in WORKERS:
            keeper.start(_command(name, far, folder))
        for name in (SCHEDULER, "web"):
            keeper.start(_command(name, settings, folder))
        cleanup.callback(database.dispose)
        wait_until(lambda: answers(facility.address), "the portal answers")
        yield facility


def _settings(place: Mapping[str, Any]) -> Settings:
    return Settings(
        **place,
        database_url=_url_of_port(free_port()),
        broker_url=f"redis://127.0.0.1:{free_port()}/0",
        port=free_port(),
        worker_processes=1,
        lease_s=LEASE_S,
        resend_after_s=LEASE_S,
        log_format="json",
    )


def _command(name: str, settings: Settings, folder: Path) -> ChildCommand:
    given = {ENVIRONMENT_PREFIX + key.upper(): str(value) for key, value in settings.model_dump(mode="json").items()}
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(ENVIRONMENT_PREFIX)}
    environment = inherited | given | {"PYTHONPATH": str(PROJECT), "SAEMI_CONFIG": str(_empty(folder / "saemi.toml"))}
    return ChildCommand(name, [sys.executable, "-m", "cli.main", name.partition("-")[0]], environment, STOP_TIMEOUT_S)


def _stop(keeper: Keeper) -> None:
    left = keeper.stop()
    for process in left:
        process.kill()
    assert left == [], "no process outlives the one that started it"


def _url_of_port(port: int) -> str:
    return f"postgresql://postgres@127.0.0.1:{port}/postgres"


def _database_answers(database: Database) -> bool:
    try:
        database.check()
    except TransientError:
        return False
    return True


def _empty(path: Path) -> Path:
    path.touch()
    return path
