"""A large file from the clients to a real portal: whatever ends in the middle, no byte that counts goes twice."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.client import Saemi
from cli.resumable import PIECE_BYTES
from tests.chaos.line import Line
from tests.stack import PROJECT, wait_until
from tests.web_process import WebProcess, start_web

N_BYTES = 100 * 2**20
# Headers, questions, and the names of files.
SLACK_BYTES = 2**18


@pytest.fixture
def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WebProcess]:
    """A portal that may be killed, and a user who never ran a command."""
    for name in ("XDG_CACHE_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home" / name))
    with start_web(tmp_path / "data", min_free_bytes=0) as process:
        yield process


@pytest.fixture
def large_file(tmp_path: Path) -> Path:
    path = tmp_path / "lot" / "stack.tif"
    path.parent.mkdir()
    path.write_bytes(os.urandom(N_BYTES))
    return path


def jobs_of(web: WebProcess, submission: int) -> list[tuple[str, str]]:
    with Saemi(web.address) as saemi:
        return [(job.source_name, job.image_sha256) for job in saemi.jobs(submission)]


def test_a_cut_line_and_a_killed_portal_cost_no_more_than_the_piece_on_its_way(
    web: WebProcess, line: Line, large_file: Path
) -> None:
    faults = {2 * PIECE_BYTES: lambda: (line.cut(), line.mend()), 4 * PIECE_BYTES: lambda: (web.kill(), web.start())}
    n_told = 0

    def count(n_bytes: int) -> None:
        nonlocal n_told
        n_told += n_bytes
        for due in [due for due in faults if n_told > due + PIECE_BYTES // 2]:
            faults.pop(due)()

    with Saemi(f"http://127.0.0.1:{line.port}", patience_s=60) as saemi:
        submission = saemi.open_submission("large").id
        saemi.add_file(submission, large_file, on_bytes=count)
    assert faults == {}
    assert n_told == N_BYTES
    assert jobs_of(web, submission) == [("stack.tif", hashlib.sha256(large_file.read_bytes()).hexdigest())]
    assert line.n_bytes_sent < N_BYTES + 2 * PIECE_BYTES + SLACK_BYTES


def test_a_command_that_was_killed_goes_on_where_it_ended(web: WebProcess, line: Line, large_file: Path) -> None:
    server = f"http://127.0.0.1:{line.port}"
    command = [sys.executable, "-m", "cli.main", "submit", str(large_file.parent), "--project", "large", "--server", server]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        wait_until(lambda: line.n_bytes_sent > 3 * PIECE_BYTES, "half of it is sent")
        process.kill()
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 0, result.stderr
    assert "Going on with submission 1" in result.stderr
    assert jobs_of(web, 1) == [("stack.tif", hashlib.sha256(large_file.read_bytes()).hexdigest())]
    assert line.n_bytes_sent < N_BYTES + PIECE_BYTES + SLACK_BYTES
