"""`saemi submit` through interruptions: nothing is lost, nothing is sent twice."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from cli.bulk.hashes import HashCache, HashedFile, Refusal
from cli.bulk.uploading import Outcome, hand_in
from cli.client import Saemi
from cli.patience import LONGEST_PAUSE_S, pauses
from shared.errors import TransientError
from tests.stack import PROJECT, hear_ctrl_c, wait_until
from tests.unit.cli.invocation import one_line, run
from tests.unit.cli.served_portal import ServedPortal

PATIENCE_S = 20.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Forty files in two folders, one of them with a side-car."""
    for number in range(40):
        file = tmp_path / "lot" / f"day {number % 2}" / f"{number:02}.tif"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(f"image {number}".encode())
    (tmp_path / "lot" / "day 0" / "00.txt").write_text("side-car")
    return tmp_path / "lot"


def names_in(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.t*"))


def hashed(tmp_path: Path, folder: Path) -> list[HashedFile]:
    with HashCache(tmp_path / "hashes.db") as cache:
        named = [(folder / name, name) for name in names_in(folder)]
        return [file for file in cache.hash_files(named) if isinstance(file, HashedFile)]


def hand_in_all(portal: ServedPortal, files: Sequence[HashedFile], patience_s: float = PATIENCE_S) -> list[Outcome | Refusal]:
    outcomes = []
    with Saemi(portal.address, patience_s) as saemi:
        submission = saemi.open_submission("lot").id
        hand_in(saemi, submission, files, lambda _, outcome: outcomes.append(outcome))
    return outcomes


def test_a_folder_keeps_its_paths_and_a_second_time_nothing_is_sent(folder: Path, served: ServedPortal) -> None:
    for number in (1, 2):
        result = run("submit", folder, "--project", "lot", "--server", served.address)
        assert result.returncode == 0, result.stderr
        assert served.names(number) == names_in(folder)
    assert set(served.n_uploads.values()) == {1}
    assert "41 of 41 files were there already and were not sent." in result.stderr


def test_a_command_that_was_killed_goes_on_with_the_same_submission(folder: Path, served: ServedPortal) -> None:
    enough, go_on = threading.Event(), threading.Event()

    def hold(_: str) -> None:
        if sum(served.n_uploads.values()) > 15:
            enough.set()
            go_on.wait(60)

    served.on_upload = hold
    command = [sys.executable, "-m", "cli.main", "submit", str(folder), "--project", "lot", "--server", served.address]
    with subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(PROJECT)}, stderr=subprocess.DEVNULL) as process:
        assert enough.wait(60)
        process.kill()
    go_on.set()
    served.on_upload = lambda _: None
    result = run("submit", folder, "--project", "lot", "--server", served.address)
    assert "Going on with submission 1" in result.stderr
    assert len(served.submissions()) == 1
    assert served.names() == names_in(folder)
    assert max(served.n_uploads.values()) <= 2, "what was cut off is sent again, nothing else"


def test_ctrl_c_says_how_to_go_on_and_leaves_at_once(folder: Path, served: ServedPortal) -> None:
    served.faults.extend([503] * 1000)
    command = [sys.executable, "-m", "cli.main", "submit", str(folder), "--project", "lot", "--server", served.address]
    environment = os.environ | {"PYTHONPATH": str(PROJECT)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True, preexec_fn=hear_ctrl_c) as process:  # noqa: PLW1509
        wait_until(lambda: served.n_uploads, "it uploads")
        process.send_signal(signal.SIGINT)
        assert process.wait(20) != 0
        assert process.stderr is not None
        said = process.stderr.read()
    assert "goes on with submission 1" in said
    assert "Traceback" not in said
    served.faults.clear()
    assert run("submit", folder, "--project", "lot", "--server", served.address, "--resume").returncode == 0
    assert (len(served.submissions()), served.names()) == (1, names_in(folder))


def test_new_opens_another_submission_and_resume_without_one_refuses(folder: Path, served: ServedPortal) -> None:
    server = ("--server", served.address)
    refused = run("submit", folder, "--project", "lot", "--resume", *server)
    assert refused.returncode == 2
    assert "give its number" in refused.stderr
    assert run("submit", folder, "--project", "lot", *server).returncode == 0
    result = run("submit", folder, "--resume", 1, *server)
    assert result.returncode == 0, result.stderr
    assert run("submit", folder, "--project", "lot", "--new", *server).returncode == 0
    assert len(served.submissions()) == 2
    assert run("submit", folder, "--project", "lot", "--new", "--resume", *server).returncode == 2
    missing = run("submit", folder, "--resume", 77, *server)
    assert missing.returncode == 1
    assert "no submission 77" in one_line(missing)


def test_without_a_project_nothing_is_opened(folder: Path, served: ServedPortal) -> None:
    result = run("submit", folder, "--server", served.address)
    assert result.returncode == 2
    assert "--project" in result.stderr
    assert served.submissions() == []


def test_a_server_that_is_busy_or_drops_connections_gets_everything_all_the_same(
    tmp_path: Path, folder: Path, served: ServedPortal
) -> None:
    served.faults.extend([503, 0, 502, 507, 0, 503])
    outcomes = hand_in_all(served, hashed(tmp_path, folder))
    assert outcomes == [Outcome.UPLOADED] * 41
    assert served.names() == names_in(folder)
    assert sum(served.n_uploads.values()) == 41 + 6


def test_a_server_that_restarts_in_the_middle_gets_everything(tmp_path: Path, folder: Path, served: ServedPortal) -> None:
    middle = threading.Event()
    served.on_upload = lambda _: middle.set() if sum(served.n_uploads.values()) > 20 else None
    found: list[Outcome | Refusal] = []
    uploads = threading.Thread(target=lambda: found.extend(hand_in_all(served, hashed(tmp_path, folder))))
    uploads.start()
    assert middle.wait(60)
    served.stop()
    served.start()
    uploads.join(60)
    assert found == [Outcome.UPLOADED] * 41
    assert served.names() == names_in(folder)


def test_a_server_that_stays_away_ends_the_upload_with_one_clear_error(
    tmp_path: Path, folder: Path, served: ServedPortal
) -> None:
    served.faults.extend([503] * 1000)
    with pytest.raises(TransientError):
        hand_in_all(served, hashed(tmp_path, folder), patience_s=0.5)


def test_side_cars_are_there_before_the_first_image(tmp_path: Path, folder: Path, served: ServedPortal) -> None:
    order: list[str] = []
    served.on_upload = order.append
    hand_in_all(served, hashed(tmp_path, folder))
    assert order[0] == "day 0/00.txt"


def test_a_file_that_is_gone_is_refused_with_its_reason_and_the_others_go_on(
    tmp_path: Path, folder: Path, served: ServedPortal
) -> None:
    files = hashed(tmp_path, folder)
    (folder / "day 1" / "01.tif").unlink()
    outcomes = hand_in_all(served, files)
    (refusal,) = [outcome for outcome in outcomes if isinstance(outcome, Refusal)]
    assert "No such file" in refusal.reason
    assert len(served.names()) == 40


def test_bytes_that_are_sent_again_are_not_counted_twice(tmp_path: Path, folder: Path, served: ServedPortal) -> None:
    served.faults.extend([503, 0, 0])
    files, sent, lock = hashed(tmp_path, folder), [0], threading.Lock()

    def count(n_bytes: int) -> None:
        with lock:
            sent[0] += n_bytes

    with Saemi(served.address, PATIENCE_S) as saemi:
        for _ in range(2):
            hand_in(saemi, saemi.open_submission("lot").id, files, lambda *_: None, count)
    assert sent[0] == 2 * sum(file.n_bytes for file in files)


def test_pauses_grow_up_to_a_limit_and_end_with_patience() -> None:
    now = [0.0]
    found = []
    for pause_s in pauses(600, lambda: now[0]):
        now[0] += pause_s
        found.append(pause_s)
    assert now[0] == pytest.approx(600)
    assert found[0] <= 0.5
    assert max(found) <= LONGEST_PAUSE_S
    assert max(found) > LONGEST_PAUSE_S / 2
