"""Uploads in pieces on real databases: of two at the same place one wins, and nothing is left of what nobody goes on with."""

import threading
from pathlib import Path

import pytest
from sqlalchemy import update

from shared import resumable, submissions
from shared.database import Database, database_time
from shared.domain import Parameters
from shared.errors import InputError, NotFoundError
from shared.spool import Chunk, FolderSpool
from shared.upload_rows import UploadChunkRow, UploadRow


@pytest.fixture
def spool(tmp_path: Path) -> FolderSpool:
    """An empty spool."""
    return FolderSpool(tmp_path / "spool")


def begin(database: Database, n_bytes: int = 100) -> str:
    with database.writing() as session:
        submission = submissions.create_submission(session, "project", None, Parameters()).id
        return resumable.begin(session, submission, "a.tif", n_bytes).id


def expire(database: Database, upload: str) -> None:
    with database.writing() as session:
        session.execute(update(UploadRow).where(UploadRow.id == upload).values(expires_at=database_time(-1)))


def rows(database: Database) -> tuple[int, int]:
    with database.reading() as session:
        return session.query(UploadRow).count(), session.query(UploadChunkRow).count()


def test_of_many_that_bring_the_same_bytes_at_the_same_time_one_wins(database: Database) -> None:
    upload = begin(database)
    together = threading.Barrier(6, timeout=20)
    outcomes: list[str] = []

    def bring(number: int) -> None:
        together.wait()
        try:
            with database.writing() as session:
                resumable.add_chunk(session, upload, 0, Chunk(f"key {number}", 10 + number))
            outcomes.append(f"key {number}")
        except InputError as error:
            outcomes.append(error.code)

    threads = [threading.Thread(target=bring, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert outcomes.count("upload_offset_differs") == 5
    (winner,) = {*outcomes} - {"upload_offset_differs"}
    with database.reading() as session:
        assert resumable.chunk_keys(session, upload) == [winner]
        assert resumable.upload(session, upload).n_received == 10 + int(winner[-1])


def test_chunks_are_listed_in_the_order_of_the_file(database: Database) -> None:
    upload = begin(database)
    for first_byte, key in ((0, "z"), (9, "a"), (18, "m")):
        with database.writing() as session:
            resumable.add_chunk(session, upload, first_byte, Chunk(key, 9))
    with database.reading() as session:
        assert resumable.chunk_keys(session, upload) == ["z", "a", "m"]


def test_what_has_expired_is_removed_with_its_bytes_and_the_rest_stays(database: Database, spool: FolderSpool) -> None:
    expired, alive = begin(database), begin(database)
    for upload in (expired, alive):
        chunk = spool.write(upload, [b"bytes"])
        with database.writing() as session:
            resumable.add_chunk(session, upload, 0, chunk)
    expire(database, expired)
    with database.writing() as session:
        assert resumable.remove_expired(session, spool) == 1
    assert list(spool.upload_ids()) == [alive]
    assert rows(database) == (1, 1)
    with database.writing() as session:
        assert resumable.remove_expired(session, spool) == 0
        with pytest.raises(NotFoundError):
            resumable.upload(session, expired)


def test_an_expired_upload_takes_no_more(database: Database) -> None:
    upload = begin(database)
    expire(database, upload)
    with database.writing() as session, pytest.raises(InputError) as caught:
        resumable.add_chunk(session, upload, 0, Chunk("late", 5))
    assert caught.value.code == "upload_expired"


def test_bytes_of_no_upload_are_removed(database: Database, spool: FolderSpool) -> None:
    alive = begin(database)
    spool.write(alive, [b"of a process that was killed, and may come again"])
    spool.write("f" * 32, [b"of an upload that ended meanwhile"])
    with database.writing() as session:
        assert resumable.remove_expired(session, spool) == 0
    assert list(spool.upload_ids()) == [alive]


def test_a_removal_that_is_cut_off_is_made_good_by_the_next(database: Database, spool: FolderSpool) -> None:
    upload = begin(database)
    spool.write(upload, [b"bytes"])
    expire(database, upload)

    def cut_off() -> None:
        with database.writing() as session:
            resumable.remove_expired(session, spool)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cut_off()
    assert rows(database) == (1, 0)
    with database.writing() as session:
        assert resumable.remove_expired(session, spool) == 1
    assert rows(database) == (0, 0)
