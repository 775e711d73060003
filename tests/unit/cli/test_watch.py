"""`saemi watch`: what is complete is handed in once, whatever is restarted in between."""

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from cli.bulk.hashes import HashCache
from cli.client import Saemi
from cli.submission_choices import SubmissionChoices
from cli.watch.state import WatchState
from cli.watch.watcher import Batching, Look, Watch, Watcher
from shared.errors import OperatorError, TransientError
from shared.turns import Priority
from tests.stack import PROJECT, wait_until
from tests.unit.cli.invocation import run
from tests.unit.cli.served_portal import ServedPortal

SETTLE_S = 30.0
CHOICES = SubmissionChoices("share", None, None, None, 0.5, "first", None, None, Priority.NORMAL)
# Noon of a day, UTC and local time of most places agree on it.
DAY_S = 86_400
NOON_S = 20_000 * DAY_S + DAY_S // 2


@dataclass
class Share:
    """A share that a microscope writes into, and a watch of it that can be restarted between two looks."""

    root: Path
    portal: ServedPortal
    home: Path
    batching: Batching = "day"
    now_s: float = 1e9

    def write(self, name: str, content: bytes | None = None, mtime_s: float = NOON_S) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode() if content is None else content)
        os.utime(path, (mtime_s, mtime_s))
        return path

    def look(self, after_s: float = SETTLE_S, patience_s: float = 5.0) -> Look:
        """Start a watch, look once, and end it."""
        self.now_s += after_s
        watch = Watch(self.root, CHOICES, self.batching, SETTLE_S)
        with (
            WatchState(self.home / "watch.db") as state,
            HashCache(self.home / "hashes.db") as cache,
            Saemi(self.portal.address, patience_s) as saemi,
        ):
            return Watcher(watch, state, cache, lambda: self.now_s).look(saemi)

    def hand_in(self) -> Look:
        """Look often enough for what is there now to be complete."""
        self.look()
        return self.look()


@pytest.fixture
def share(tmp_path: Path, served: ServedPortal) -> Share:
    root = tmp_path / "share"
    root.mkdir()
    return Share(root, served, tmp_path / "home")


def test_a_large_file_goes_on_at_a_later_look_where_an_earlier_one_ended(share: Share, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.client.LARGE_FILE_BYTES", 1000)
    monkeypatch.setattr("cli.resumable.PIECE_BYTES", 1000)
    share.write("stack.tif", bytes(5000))
    share.look()
    pieces, faults = share.portal.pieces, share.portal.faults
    share.portal.on_upload = lambda _: faults.extend([503] * 100) if len(pieces) == 3 else None
    with pytest.raises(TransientError):
        share.look(patience_s=0.3)
    share.portal.on_upload = lambda _: None
    faults.clear()
    pieces.clear()
    assert share.look() == Look(n_handed_in=1)
    assert pieces == [2000, 3000, 4000]
    assert share.portal.names() == ["stack.tif"]


def test_a_file_is_handed_in_when_two_looks_found_it_unchanged_for_long_enough(share: Share) -> None:
    share.write("a.tif")
    assert share.look().n_waiting == 1
    assert share.look(SETTLE_S / 2).n_waiting == 1
    assert share.portal.names() == []
    assert share.look(SETTLE_S / 2) == Look(n_handed_in=1)
    assert share.portal.names() == ["a.tif"]


def test_a_file_that_grows_waits_however_old_its_time_is(share: Share) -> None:
    for length in range(1, 5):
        share.write("a.tif", b"x" * length)
        assert share.look() == Look(n_waiting=1)
    assert share.look() == Look(n_handed_in=1)


def test_an_empty_file_a_hidden_one_and_one_that_is_no_image_are_left_alone(share: Share) -> None:
    share.write("empty.tif", b"")
    share.write("._a.tif")
    share.write(".hidden/b.tif")
    share.write("notes.docx")
    assert share.hand_in() == Look()
    assert share.portal.submissions() == []


def test_nothing_is_handed_in_twice_over_restarts(share: Share) -> None:
    names = [f"lot {n % 3}/{n:02}.tif" for n in range(20)]
    for name in names:
        share.write(name)
    assert share.hand_in() == Look(n_handed_in=20)
    for _ in range(3):
        assert share.look() == Look()
    assert share.portal.names() == sorted(names)
    assert set(share.portal.n_uploads.values()) == {1}


def test_a_file_that_was_only_touched_or_moved_is_not_handed_in_again(share: Share) -> None:
    path = share.write("new/a.tif")
    share.hand_in()
    os.utime(path, (NOON_S + 5, NOON_S + 5))
    assert share.hand_in() == Look()
    (share.root / "new").rename(share.root / "lot 7")
    assert share.hand_in() == Look()
    assert share.portal.names() == ["new/a.tif"]


def test_a_copy_is_an_image_of_its_own_whose_bytes_are_not_sent(share: Share) -> None:
    share.write("lot 1/a.tif", b"same")
    share.hand_in()
    share.write("lot 2/a.tif", b"same")
    assert share.hand_in() == Look(n_handed_in=1)
    assert share.portal.names() == ["lot 1/a.tif", "lot 2/a.tif"]
    assert share.portal.n_uploads == {"lot 1/a.tif": 1}


def test_an_image_that_was_written_over_is_another_one_in_a_submission_of_its_own(share: Share) -> None:
    share.write("a.tif", b"first")
    share.write("a.txt", b"first")
    share.hand_in()
    share.write("a.tif", b"later", NOON_S + 60)
    share.write("a.txt", b"later", NOON_S + 60)
    share.hand_in()
    assert [share.portal.names(row.id) for row in share.portal.submissions()] == [["a.tif", "a.txt"]] * 2


def test_side_cars_go_along_and_are_waited_for_while_they_are_written(share: Share) -> None:
    share.write("a.tif")
    share.write("a.TXT", b"half")
    share.look()
    share.write("a.TXT", b"the whole side-car")
    assert share.look() == Look(n_waiting=2), "the image is complete, its side-car is not"
    assert share.look() == Look(n_handed_in=2)
    assert share.portal.names() == ["a.TXT", "a.tif"]


def test_a_side_car_that_comes_on_the_next_day_follows_its_image(share: Share) -> None:
    share.write("a.tif")
    share.hand_in()
    share.write("a.txt", mtime_s=NOON_S + DAY_S)
    share.write("alone.txt", mtime_s=NOON_S + DAY_S)
    assert share.hand_in() == Look(n_handed_in=1)
    assert share.portal.names(1) == ["a.tif", "a.txt"]
    assert len(share.portal.submissions()) == 1


def test_each_day_has_a_submission_also_when_it_is_handed_in_later(share: Share) -> None:
    share.write("lot/a.tif", mtime_s=NOON_S)
    share.write("lot/b.tif", mtime_s=NOON_S + DAY_S)
    share.hand_in()
    share.write("lot/c.tif", mtime_s=NOON_S)
    share.hand_in()
    found = {tuple(share.portal.names(row.id)) for row in share.portal.submissions()}
    assert found == {("lot/a.tif", "lot/c.tif"), ("lot/b.tif",)}


def test_each_folder_has_a_submission_whose_sample_it_names(share: Share) -> None:
    share.batching = "folder"
    for name in ("lot 1/a.tif", "lot 1/deep/b.tif", "lot 2/a.tif", "c.tif"):
        share.write(name)
    share.hand_in()
    found = {row.sample: share.portal.names(row.id) for row in share.portal.submissions()}
    assert found == {None: ["c.tif"], "lot 1": ["lot 1/a.tif", "lot 1/deep/b.tif"], "lot 2": ["lot 2/a.tif"]}


def test_a_portal_that_is_away_is_waited_for_and_gets_everything_once(share: Share) -> None:
    for number in range(10):
        share.write(f"{number}.tif")
    share.look()
    share.portal.stop()
    with pytest.raises(TransientError):
        share.look(patience_s=0.1)
    share.portal.start()
    assert share.look() == Look(n_handed_in=10)
    assert set(share.portal.n_uploads.values()) == {1}


def test_a_watch_that_dies_after_the_portal_took_a_file_adds_nothing_twice(share: Share) -> None:
    for number in range(30):
        share.write(f"{number:02}.tif")
    share.look()
    share.portal.faults.extend([503] * 12)
    with pytest.raises(TransientError):
        share.look(patience_s=0)
    assert share.look().n_handed_in > 0
    assert share.portal.names() == [f"{number:02}.tif" for number in range(30)]
    assert len(share.portal.submissions()) == 1


def test_a_refused_file_is_named_and_not_tried_again_until_it_changes(share: Share) -> None:
    share.portal.faults.extend([422])
    share.write("a.tif")
    with capture_logs() as logs:
        assert share.hand_in() == Look(n_refused=1)
    assert [line["event"] for line in logs if line["log_level"] == "warning"] == ["file_refused"]
    assert share.look() == Look()
    share.write("a.tif", b"mended")
    assert share.hand_in() == Look(n_handed_in=1)


def test_a_share_that_is_away_raises_what_the_system_says(share: Share) -> None:
    share.root.rename(share.root.with_name("away"))
    with pytest.raises(FileNotFoundError):
        share.look()


def test_two_watches_of_one_folder_do_not_run_side_by_side(tmp_path: Path) -> None:
    with WatchState(tmp_path / "watch.db"), pytest.raises(OperatorError) as caught:
        WatchState(tmp_path / "watch.db")
    assert caught.value.code == "state_in_use"
    with WatchState(tmp_path / "watch.db"):
        pass


def test_once_looks_once_and_the_next_run_knows_what_it_saw(share: Share) -> None:
    share.write("lot/a.tif")
    command = ("watch", share.root, "--project", "share", "--once", "--settle", 0, "--server", share.portal.address)
    first = run(*command)
    assert (first.returncode, share.portal.names()) == (0, [])
    second = run(*command)
    assert (second.returncode, share.portal.names()) == (0, ["lot/a.tif"])
    assert '"event": "file_handed_in"' in second.stderr
    assert '"file": "lot/a.tif"' in second.stderr
    share.portal.stop()
    share.write("lot/b.tif")
    assert run(*command).returncode == 0
    away = run(*command)
    share.portal.start()
    assert away.returncode == 1
    assert '"event": "portal_away"' in away.stderr


def test_ctrl_c_ends_a_watch_at_once_and_without_a_trace(share: Share) -> None:
    share.write("a.tif")
    arguments = [
        "watch",
        str(share.root),
        "--project",
        "share",
        "--every",
        "0.2",
        "--settle",
        "0",
        "--server",
        share.portal.address,
    ]
    environment = os.environ | {"PYTHONPATH": str(PROJECT)}
    with subprocess.Popen(
        [sys.executable, "-m", "cli.main", *arguments], env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        wait_until(lambda: share.portal.names() == ["a.tif"], "the file is handed in")
        share.write("b.tif")
        wait_until(lambda: len(share.portal.names()) == 2, "the next file is handed in")
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
        assert process.stderr is not None
        said = process.stderr.read()
    assert "watching_ended" in said
    assert "Traceback" not in said
