"""Removal by age beside people who hand the same image in again or retry at that moment."""

import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest
from sqlalchemy import select, update

from shared import jobs, known_files, originals, submissions
from shared.errors import InputError, TransientError
from shared.known_files import NamedFile
from shared.leases import JobState
from shared.models import (
    ImageRow,
    JobRow,
)
from shared.storage import FolderBlobStore
from tests.conftest import fresh_postgres
from tests.databases import make_tables
from tests.integration.aged_facility import ORIGINALS, Facility, job_of
from worker.retainer import Removed


@pytest.fixture
def postgres(postgres_url: str, store: FolderBlobStore) -> Iterator[Facility]:
    """On PostgreSQL, where two act at once."""
    with fresh_postgres(postgres_url) as database:
        make_tables(database)
        yield Facility(database, store)


def test_what_another_transaction_is_about_to_need_is_left_alone(postgres: Facility) -> None:
    old, job, _ = postgres.hand_in("a")
    postgres.hand_in("last")
    with postgres.database.writing() as session:
        session.execute(update(JobRow).where(JobRow.id == job).values(state=JobState.FAILED, analysis_id=None))
    postgres.age(old)
    with postgres.database.writing() as session:
        assert jobs.retry(session, JobRow.id == job) == 1
        assert postgres.remove(ORIGINALS) == Removed(), "its image is held by who retries"
    assert postgres.remove(ORIGINALS) == Removed(), "it waits for a worker"
    with postgres.database.writing() as session:
        jobs.cancel(session, JobRow.id == job)
    postgres.age(old)
    with postgres.database.writing() as session:
        submissions.add_job(session, postgres_submission(session), job_sha256(session, job), 10, "a.tif")
        assert postgres.remove(ORIGINALS) == Removed(), "somebody hands it in at this moment"
    assert postgres.is_stored("a")


def postgres_submission(session: object) -> int:
    from shared.domain import Parameters

    return submissions.create_submission(session, "project", None, Parameters()).id  # type: ignore[arg-type]


def job_sha256(session: object, job: int) -> str:
    return submissions.job(session, job).image_sha256  # type: ignore[arg-type]


def test_no_image_that_somebody_was_told_is_here_loses_its_bytes_while_both_act(facility: Facility) -> None:
    """Many times over: an old image is handed in again by its hash while removal runs without a pause."""
    olds = [facility.hand_in(f"{number}")[:2] for number in range(12)]
    facility.age(*(submission for submission, _ in olds))
    stop = threading.Event()

    def remove() -> None:
        while not stop.is_set():
            with suppress(TransientError):
                facility.remove(ORIGINALS)

    thread = threading.Thread(target=remove)
    thread.start()
    accepted = []
    try:
        for number, (_, job) in enumerate(olds):
            file = NamedFile(f"{number}.tif", job_of(facility, job).image_sha256, 10)
            submission = facility.submit()
            with facility.database.writing() as session:
                if known_files.known(session, [file]):
                    known_files.add_known_files(session, submission, [file])
                    accepted.append(file.sha256)
    finally:
        stop.set()
        thread.join(30)
    facility.remove(ORIGINALS)
    with facility.database.reading() as session:
        removed = set(session.scalars(select(ImageRow.sha256).where(ImageRow.removed_at.is_not(None))))
    assert removed.isdisjoint(accepted)
    assert len(removed) + len(accepted) == len(olds)
    with facility.database.reading() as session:
        for sha256 in removed:
            with pytest.raises(InputError, match="Hand the same file in again"):
                originals.require_image(session, sha256)
