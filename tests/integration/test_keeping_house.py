"""The housekeeper of the scheduler: cleans up while its process leads, and survives a store that is away."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from shared import resumable, submissions
from shared.database import Database, database_time
from shared.domain import Parameters
from shared.errors import TransientError
from shared.retention import RetentionRule
from shared.service_models import LeaderRow
from shared.spool import FolderSpool
from shared.storage import FolderBlobStore, StoredBlob, put_bytes
from shared.upload_rows import UploadRow
from tests.stack import wait_until
from worker import housekeeper
from worker.housekeeper import Housekeeper
from worker.retainer import Retainer

TWO_DAYS_S = 2 * 86_400
FOR_EVER = RetentionRule(0, 0)


class AwayOnce(FolderBlobStore):
    """A store whose server is away the first time."""

    away = True

    def blobs(self) -> Iterator[StoredBlob]:
        if self.away:
            self.away = False
            raise TransientError("The store is away.", code="storage_unavailable")
        return super().blobs()


def orphan(store: FolderBlobStore, root: Path, content: bytes = b"orphan") -> str:
    """A blob that has belonged to nothing for days."""
    sha256 = put_bytes(store, content)
    (path,) = (path for path in root.rglob(sha256))
    long_ago_s = time.time() - TWO_DAYS_S
    os.utime(path, (long_ago_s, long_ago_s))
    return sha256


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeper, "LOOK_INTERVAL_S", 0.01)


def test_what_belongs_to_nothing_is_set_aside_once_this_process_leads_also_after_an_outage(
    database: Database, tmp_path: Path, quick: None
) -> None:
    store, leads, stop = AwayOnce(tmp_path / "blobs"), threading.Event(), threading.Event()
    sha256 = orphan(store, tmp_path / "blobs")
    asked = threading.Semaphore(0)

    def is_leader() -> bool:
        asked.release()
        return leads.is_set()

    spool = FolderSpool(tmp_path / "spool", 0)
    with database.writing() as session:
        submission = submissions.create_submission(session, "project", None, Parameters()).id
        upload = resumable.begin(session, submission, "never_ended.tif", 10).id
        session.execute(update(UploadRow).values(expires_at=database_time(-1)))
    keeper = Housekeeper(database, store, spool, Retainer(database, FOR_EVER), interval_s=0.02, leads=is_leader)
    thread = threading.Thread(target=keeper.run, args=(stop,))
    thread.start()
    try:
        for _ in range(3):
            assert asked.acquire(timeout=30)
        assert store.exists(sha256), "another one leads"
        leads.set()
        wait_until(lambda: not store.exists(sha256), "it is set aside", 30)
        assert not store.away
        with database.reading() as session:
            assert session.get(UploadRow, upload) is None, "an upload that nobody ended"
    finally:
        stop.set()
        thread.join(30)
    assert not thread.is_alive()


def test_a_process_that_starts_cleans_up_once_an_interval_has_passed_since_whoever_did_last(
    database: Database, tmp_path: Path, quick: None
) -> None:
    store, spool = FolderBlobStore(tmp_path / "blobs"), FolderSpool(tmp_path / "spool", 0)

    def start_and_stop(until: Callable[[], object], interval_s: float) -> None:
        stop = threading.Event()
        keeper = Housekeeper(database, store, spool, Retainer(database, FOR_EVER), interval_s=interval_s, leads=lambda: True)
        thread = threading.Thread(target=keeper.run, args=(stop,))
        thread.start()
        wait_until(until, "it looked", 30)
        stop.set()
        thread.join(30)
        assert not thread.is_alive()

    first = orphan(store, tmp_path / "blobs")
    start_and_stop(lambda: not store.exists(first), 3600)
    again = orphan(store, tmp_path / "blobs", b"another")
    asked = []

    class Asked(Database):
        """Notes that it was asked."""

        @contextmanager
        def writing(self) -> Iterator[Session]:
            with super().writing() as session:
                yield session
            asked.append(True)

    url = database.engine.url.render_as_string(hide_password=False)
    database = Asked(url)
    start_and_stop(lambda: asked, 3600)
    assert store.exists(again), "the last time is not an hour ago"
    with database.writing() as session:
        session.execute(update(LeaderRow).values(lease_until=database_time(-1)))
    start_and_stop(lambda: not store.exists(again), 3600)
    database.dispose()
