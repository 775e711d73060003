"""Large files by a well-kept tus client into a real portal that is killed, and over connections that break."""

import hashlib
import io
import random
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tusclient.client import TusClient
from tusclient.exceptions import TusCommunicationError, TusUploadFailed
from tusclient.uploader import Uploader

from cli.client import Saemi
from tests.stack import wait_until
from tests.web_process import WebProcess, start_web

MIB = 2**20
CHUNK_BYTES = 2 * MIB


@pytest.fixture
def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WebProcess]:
    """A portal that may be killed."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with start_web(tmp_path / "data", min_free_bytes=0) as process:
        yield process


@pytest.fixture
def large_file(tmp_path: Path) -> Path:
    """Twenty megabytes and a bit that nobody can compress or guess."""
    path = tmp_path / "large.tif"
    path.write_bytes(random.Random(0).randbytes(20 * MIB + 123))
    return path


def uploader(web: WebProcess, submission: int, path: Path, url: str | None = None, **options: object) -> Uploader:
    client = TusClient(f"{web.address}/api/v1/uploads")
    about = {"submission_id": str(submission), "filename": f"lot 7/{path.name}"}
    chosen = {"chunk_size": CHUNK_BYTES, **options}
    # By a path the client leaves files open.
    found: Uploader = client.uploader(file_stream=io.BytesIO(path.read_bytes()), metadata=about, url=url, **chosen)
    return found


def open_submission(web: WebProcess) -> int:
    with Saemi(web.address) as saemi:
        return saemi.open_submission("resumed").id


def hashes(web: WebProcess, submission: int) -> list[tuple[str, str]]:
    with Saemi(web.address) as saemi:
        return [(job.source_name, job.image_sha256) for job in saemi.jobs(submission)]


def spooled(web: WebProcess) -> list[Path]:
    return [path for path in (web.data_dir / "blobs" / "uploads").rglob("*") if path.is_file()]


def test_a_file_comes_whole_in_one_request_or_many_with_checksums_or_without(web: WebProcess, large_file: Path) -> None:
    submission = open_submission(web)
    expected = hashlib.sha256(large_file.read_bytes()).hexdigest()
    for options in ({}, {"chunk_size": 2**40}, {"upload_checksum": True}):
        uploader(web, submission, large_file, **options).upload()
        assert hashes(web, submission) == [(f"lot 7/{large_file.name}", expected)]
    assert spooled(web) == []


def test_an_upload_goes_on_after_the_portal_was_killed_in_the_middle(web: WebProcess, large_file: Path) -> None:
    submission = open_submission(web)
    first = uploader(web, submission, large_file)
    first.upload(stop_at=7 * CHUNK_BYTES)
    web.kill()
    with pytest.raises((TusCommunicationError, TusUploadFailed)):
        first.upload_chunk()
    web.start()
    second = uploader(web, submission, large_file, url=first.url)
    assert second.offset == 7 * CHUNK_BYTES
    second.upload()
    assert [sha256 for _, sha256 in hashes(web, submission)] == [hashlib.sha256(large_file.read_bytes()).hexdigest()]
    assert spooled(web) == []


def begin_request(web: WebProcess, url: str, first_byte: int, n_bytes: int) -> socket.socket:
    """Begin to send a piece by hand."""
    connection = socket.create_connection(("127.0.0.1", web.port), timeout=30)
    head = (
        f"PATCH {httpx.URL(url).raw_path.decode()} HTTP/1.1\r\nHost: portal\r\nTus-Resumable: 1.0.0\r\n"
        f"Upload-Offset: {first_byte}\r\nContent-Type: application/offset+octet-stream\r\nContent-Length: {n_bytes}\r\n\r\n"
    )
    connection.sendall(head.encode())
    return connection


def test_what_arrived_before_the_connection_broke_is_kept(web: WebProcess, large_file: Path) -> None:
    submission = open_submission(web)
    first = uploader(web, submission, large_file)
    first.upload(stop_at=CHUNK_BYTES)
    content = large_file.read_bytes()
    with begin_request(web, first.url, CHUNK_BYTES, 5 * MIB) as connection:
        connection.sendall(content[CHUNK_BYTES : CHUNK_BYTES + 3 * MIB])
    wait_until(lambda: first.get_offset() > CHUNK_BYTES, "what arrived is counted")
    assert first.get_offset() <= CHUNK_BYTES + 3 * MIB
    uploader(web, submission, large_file, url=first.url).upload()
    assert [sha256 for _, sha256 in hashes(web, submission)] == [hashlib.sha256(content).hexdigest()]


def test_a_connection_that_hangs_does_not_keep_its_sender_from_going_on(web: WebProcess, large_file: Path) -> None:
    submission = open_submission(web)
    first = uploader(web, submission, large_file)
    first.upload(stop_at=CHUNK_BYTES)
    with begin_request(web, first.url, CHUNK_BYTES, MIB) as hanging:
        hanging.sendall(b"x" * 1000)
        wait_until(lambda: len(spooled(web)) == 2, "the hanging request writes")
        uploader(web, submission, large_file, url=first.url).upload()
        hanging.sendall(b"x" * (MIB - 1000))
        # Too late: another one brought these bytes, or has ended the upload already.
        assert hanging.recv(12) in (b"HTTP/1.1 409", b"HTTP/1.1 503")
    assert [sha256 for _, sha256 in hashes(web, submission)] == [hashlib.sha256(large_file.read_bytes()).hexdigest()]
    wait_until(lambda: spooled(web) == [], "nothing of the late one is left")


def test_two_that_send_the_same_end_at_the_same_time_make_one_job(web: WebProcess, large_file: Path) -> None:
    submission = open_submission(web)
    first = uploader(web, submission, large_file)
    first.upload(stop_at=10 * CHUNK_BYTES)
    together = threading.Barrier(3, timeout=30)
    outcomes: list[int] = []
    rest = large_file.read_bytes()[10 * CHUNK_BYTES :]
    headers = {
        "Tus-Resumable": "1.0.0",
        "Upload-Offset": str(10 * CHUNK_BYTES),
        "Content-Type": "application/offset+octet-stream",
    }

    def send() -> None:
        together.wait()
        outcomes.append(httpx.patch(first.url, content=rest, headers=headers, trust_env=False, timeout=60).status_code)

    threads = [threading.Thread(target=send) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert outcomes.count(204) == 1
    assert set(outcomes) <= {204, 409, 503}
    assert first.get_offset() == large_file.stat().st_size
    assert len(hashes(web, submission)) == 1
    assert spooled(web) == []
