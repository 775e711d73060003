"""Large files of the clients go in pieces: whatever comes in between, what the portal has is not sent again."""

import os
import random
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import delete

from cli.bulk.local_state import state_folder
from cli.client import Saemi
from shared.errors import InputError, SaemiError, TransientError
from shared.upload_rows import UploadRow
from tests.unit.cli.served_portal import ServedPortal
from web.schemas import Job, SideCar

PIECE = 2**16
N_PIECES = 5
N_BYTES = (N_PIECES - 1) * PIECE + 1
OFFSETS = [n * PIECE for n in range(N_PIECES)]
PATIENCE_S = 20.0


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is large is small here, and the portal counts as often as with large files."""
    monkeypatch.setattr("cli.client.LARGE_FILE_BYTES", PIECE)
    monkeypatch.setattr("cli.resumable.PIECE_BYTES", PIECE)
    monkeypatch.setattr("cli.resumable.READ_BYTES", PIECE // 4)


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A file of five pieces, the last one a byte."""
    path = tmp_path / "粒子.tif"
    path.write_bytes(random.Random(0).randbytes(N_BYTES))
    return path


@pytest.fixture
def submission(served: ServedPortal) -> int:
    with Saemi(served.address) as saemi:
        return saemi.open_submission("large").id


class Sender:
    """Sends one file as a command does that is started again and again, and counts bytes as its bar does."""

    def __init__(self, served: ServedPortal, submission: int, path: Path) -> None:
        self.address, self.submission, self.path = served.address, submission, path
        self.n_told = 0

    def send(self, patience_s: float = PATIENCE_S, saemi: Saemi | None = None) -> Job | SideCar:
        self.n_told = 0
        with saemi or Saemi(self.address, patience_s) as client:
            return client.add_file(self.submission, self.path, f"lot/{self.path.name}", self.count)

    def count(self, n_bytes: int) -> None:
        self.n_told += n_bytes


@pytest.fixture
def sender(served: ServedPortal, submission: int, large: Path) -> Sender:
    return Sender(served, submission, large)


def remembered() -> int:
    with closing(sqlite3.connect(state_folder() / "submissions.db")) as state:
        return int(state.execute("SELECT count(*) FROM upload").fetchone()[0])


def after(served: ServedPortal, n: int, action: Callable[[], object]) -> None:
    """Do something when the portal is asked to take a piece for the nth time."""

    def act(_: str) -> None:
        if len(served.pieces) == n:
            action()

    served.on_upload = act


def test_a_large_file_goes_in_pieces_and_answers_with_its_job(served: ServedPortal, sender: Sender) -> None:
    added = sender.send()
    assert isinstance(added, Job)
    assert added.source_name == "lot/粒子.tif"
    assert served.pieces == OFFSETS
    assert served.n_uploads == {}
    assert sender.n_told == N_BYTES
    assert remembered() == 0


def test_a_large_side_car_answers_with_itself(served: ServedPortal, submission: int, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"x" * (PIECE + 1))
    with Saemi(served.address) as saemi:
        added = saemi.add_file(submission, path)
        assert isinstance(added, SideCar)
        assert [side_car.id for side_car in saemi.side_cars(submission)] == [added.id]


def test_a_busy_portal_and_a_line_that_breaks_get_every_byte_once(served: ServedPortal, sender: Sender) -> None:
    served.faults.extend([503, 0, 507])
    sender.send()
    assert served.pieces == [0] * 3 + OFFSETS
    assert sender.n_told == N_BYTES
    assert served.names() == ["lot/粒子.tif"]


def test_who_was_interrupted_goes_on_from_the_offset_that_the_portal_has(served: ServedPortal, sender: Sender) -> None:
    after(served, 3, lambda: served.faults.extend([503] * 100))
    with pytest.raises(TransientError):
        sender.send(patience_s=0.3)
    assert sender.n_told == 2 * PIECE, "what did not arrive is taken back"
    assert remembered() == 1
    served.faults.clear()
    served.on_upload = lambda _: None
    served.pieces.clear()
    sender.send()
    assert served.pieces == OFFSETS[2:]
    assert sender.n_told == N_BYTES
    assert remembered() == 0


def test_a_portal_that_makes_an_error_keeps_what_it_has(served: ServedPortal, sender: Sender) -> None:
    after(served, 3, lambda: served.faults.append(500))
    with pytest.raises(SaemiError):
        sender.send()
    served.pieces.clear()
    served.on_upload = lambda _: None
    sender.send()
    assert served.pieces == OFFSETS[2:]


def test_the_same_file_in_another_submission_or_under_another_name_begins_anew(served: ServedPortal, sender: Sender) -> None:
    after(served, 3, lambda: served.faults.extend([503] * 100))
    with pytest.raises(TransientError):
        sender.send(patience_s=0.3)
    served.faults.clear()
    served.on_upload = lambda _: None
    served.pieces.clear()
    with Saemi(served.address) as saemi:
        another = saemi.open_submission("another").id
        saemi.add_file(another, sender.path, f"lot/{sender.path.name}")
        saemi.add_file(sender.submission, sender.path)
    assert served.pieces == 2 * OFFSETS


def test_giving_up_ends_it_in_the_middle_of_a_piece(served: ServedPortal, sender: Sender) -> None:
    saemi = Saemi(served.address, PATIENCE_S)
    after(served, 2, saemi.give_up)
    with pytest.raises(TransientError) as caught:
        sender.send(saemi=saemi)
    assert caught.value.code == "interrupted"
    assert len(served.pieces) <= 3
    assert remembered() == 1


def forget_uploads(served: ServedPortal) -> None:
    with served.database.writing() as session:
        session.execute(delete(UploadRow))


def test_an_upload_that_the_portal_no_longer_knows_begins_anew(served: ServedPortal, sender: Sender) -> None:
    after(served, 3, lambda: forget_uploads(served))
    sender.send()
    assert served.pieces == OFFSETS[:3] + OFFSETS
    assert sender.n_told == N_BYTES
    assert served.names() == ["lot/粒子.tif"]


def test_a_portal_that_loses_every_upload_is_given_up(served: ServedPortal, sender: Sender) -> None:
    served.on_upload = lambda _: forget_uploads(served)
    with pytest.raises(InputError) as caught:
        sender.send()
    assert caught.value.code == "upload_not_found"
    assert served.pieces == [0, 0, 0]
    assert remembered() == 0


def shorten(path: Path) -> None:
    os.truncate(path, 3 * PIECE)


def lengthen(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def overwrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"other")
    os.utime(path, ns=(0, 0))


@pytest.mark.parametrize("change", [shorten, lengthen, overwrite])
def test_a_file_that_changes_meanwhile_is_refused_and_leaves_nothing(
    served: ServedPortal, sender: Sender, change: Callable[[Path], None]
) -> None:
    after(served, 2, lambda: change(sender.path))
    with pytest.raises(InputError) as caught:
        sender.send()
    assert caught.value.code == "file_changed"
    assert served.names() == []
    assert remembered() == 0
    assert [path for path in served.services.settings.spool_dir.rglob("*") if path.is_file()] == []


def test_a_file_that_is_not_what_it_was_when_it_was_hashed_never_becomes_a_job(served: ServedPortal, sender: Sender) -> None:
    with Saemi(served.address) as saemi, pytest.raises(InputError) as caught:
        saemi.add_file(sender.submission, sender.path, sha256="0" * 64)
    assert caught.value.code == "upload_altered"
    assert served.names() == []
    assert remembered() == 0


def test_a_submission_that_is_not_there_is_said_at_once(served: ServedPortal, sender: Sender) -> None:
    with Saemi(served.address) as saemi, pytest.raises(SaemiError) as caught:
        saemi.add_file(77, sender.path)
    assert caught.value.code == "submission_not_found"
    assert served.pieces == []


def test_two_commands_with_the_same_file_at_once_make_one_job(served: ServedPortal, sender: Sender, submission: int) -> None:
    begun, together = threading.Event(), threading.Barrier(2, timeout=30)

    def meet(_: str) -> None:
        begun.set()
        if len(served.pieces) <= 2:
            together.wait()

    served.on_upload = meet
    other = Sender(served, submission, sender.path)
    threads = [threading.Thread(target=one.send) for one in (sender, other)]
    threads[0].start()
    assert begun.wait(30)
    threads[1].start()  # finds the upload of the first
    for thread in threads:
        thread.join(30)
    assert served.names() == ["lot/粒子.tif"]
    assert (sender.n_told, other.n_told) == (N_BYTES, N_BYTES)
    assert served.pieces[:2] == [0, 0]
    assert len(served.pieces) < 2 * N_PIECES, "they share the work"
