"""`saemi up`: what keeps it from starting, and how it stops."""

import fcntl
import os
import signal
import socket
from pathlib import Path

from cli.client import Saemi
from tests.integration.analyses import draw_discs
from tests.stack import free_port, start_stack, wait_until
from tests.unit.cli.invocation import one_line, run
from tests.unit.micrograph.files import png_bytes

UP_TIMEOUT_S = 60


def processes_on(data_dir: Path) -> list[int]:
    """Processes that were told of a data folder, by their environment or their command line."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            told = (process / "environ").read_bytes() + (process / "cmdline").read_bytes()
        except OSError:
            continue
        if os.fsencode(data_dir) in told and int(process.name) != os.getpid():
            found.append(int(process.name))
    return found


def refused(data_dir: Path, *arguments: object, **environment: object) -> str:
    result = run("up", "--data", data_dir, *arguments, timeout_s=UP_TIMEOUT_S, **environment)
    assert result.returncode == 1, result.stderr
    assert processes_on(data_dir) == []
    return one_line(result)


def test_up_says_that_its_port_is_in_use(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"127.0.0.1:{port}" in refused(tmp_path / "data", "--port", port)


def test_up_says_that_its_data_folder_is_in_use(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    with (data / "saemi.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "Another SAEMI" in refused(data, "--port", free_port())


def test_up_says_that_its_data_folder_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("no folder")
    assert "cannot be written" in refused(tmp_path / "data", "--port", free_port())


def test_up_says_that_the_disk_is_full(tmp_path: Path) -> None:
    assert "SAEMI_MIN_FREE_BYTES" in refused(tmp_path / "data", "--port", free_port(), SAEMI_MIN_FREE_BYTES=2**62)


def test_up_says_that_its_database_is_none_or_away(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "saemi.db").write_bytes(b"These are no tables. " * 300)
    assert "database file cannot be used" in refused(data, "--port", free_port())
    away = f"postgresql://nobody@127.0.0.1:{free_port()}/saemi"
    assert "database does not answer" in refused(data, "--port", free_port(), SAEMI_DATABASE_URL=away)


def test_ctrl_c_stops_every_process_and_the_next_start_finds_the_jobs(tmp_path: Path) -> None:
    data = tmp_path / "da[ta]"
    proxy = f"http://127.0.0.1:{free_port()}"
    os.environ["HTTP_PROXY"] = proxy  # a lab's proxy must not stand between the parts of one machine
    try:
        with start_stack(data, worker_processes=1) as stack, Saemi(stack.address) as portal:
            submission = portal.open_submission("restart", model="classical").id
            path = tmp_path / "discs.png"
            path.write_bytes(png_bytes(draw_discs(3)))
            portal.add_file(submission, path)
            portal.wait(submission)
            # Enough that some still wait when it stops.
            for number in range(40):
                path.write_bytes(png_bytes(draw_discs(1 + number % 16, 4 + number // 16)))
                portal.add_file(submission, path, f"{number}.png")
            assert len(processes_on(data)) >= 5
            assert stack.stop() == 0
        assert processes_on(data) == []
        with start_stack(data, worker_processes=1) as stack, Saemi(stack.address) as portal:
            counts = portal.wait(submission).counts
            assert (counts.total, counts.done) == (41, 41)
            mains = [pid for pid in processes_on(data) if b"cli.main\0worker" in Path(f"/proc/{pid}/cmdline").read_bytes()]
            for pid in mains:
                os.kill(pid, signal.SIGKILL)
            assert stack.stop() == 0
        wait_until(lambda: not processes_on(data), "the pool of a killed worker ends with it", 20)
    finally:
        del os.environ["HTTP_PROXY"]
