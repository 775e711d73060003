"""A store on an S3 server that is away, frozen, cut off or refuses us: who must act is named, and nobody waits for ever."""

import hashlib
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.errors import OperatorError, TransientError
from shared.s3_store import PART_BYTES, S3BlobStore, blob_key
from shared.storage import put_bytes
from tests.chaos.line import Line, port_of
from tests.s3_server import BUCKET, S3Server, running_s3_server, started_s3_server
from tests.stack import wait_until

READ_TIMEOUT_S = 0.5
# Three attempts, and the pauses between them of up to three seconds in all.
LONGEST_S = 3 * READ_TIMEOUT_S + 6.0
Use = Callable[[S3BlobStore, str], object]


def list_all(store: S3BlobStore, _sha256: str) -> object:
    return list(store.blobs())


USES: dict[str, Use] = {
    "put": lambda store, _: put_bytes(store, b"other content"),
    "put in parts": lambda store, _: put_bytes(store, bytes(PART_BYTES + 1)),
    "open": lambda store, sha256: store.open(sha256),
    "exists": lambda store, sha256: store.exists(sha256),
    "list": list_all,
    "set aside": lambda store, sha256: store.set_aside(sha256),
}


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[S3Server]:
    """A server that a test may kill."""
    with running_s3_server(tmp_path / "server") as server:
        yield server


@pytest.fixture
def frozen_server(s3_server: S3Server) -> Iterator[S3Server]:
    """The server of all tests, which takes connections and answers nothing while the test lasts."""
    os.kill(s3_server.process.pid, signal.SIGSTOP)
    yield s3_server
    os.kill(s3_server.process.pid, signal.SIGCONT)


def impatient(server: S3Server) -> S3BlobStore:
    return S3BlobStore(server.access, BUCKET, "failures", READ_TIMEOUT_S)


def assert_transient(use: Callable[[], object]) -> None:
    started = time.monotonic()
    with pytest.raises(TransientError) as caught:
        use()
    assert caught.value.code == "storage_unavailable"
    assert time.monotonic() - started < LONGEST_S


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_a_server_that_does_not_answer_holds_nobody_up_for_longer_than_its_time_limits(
    frozen_server: S3Server, use: Use
) -> None:
    store = impatient(frozen_server)
    assert_transient(lambda: use(store, "0" * 64))


def test_a_server_that_dies_between_two_parts_shows_no_half_blob_when_it_is_back(tmp_path: Path) -> None:
    n_bytes = 30 * PART_BYTES
    with running_s3_server(tmp_path / "server") as server:
        store = impatient(server)

        def kill_when_begun() -> None:
            wait_until(lambda: server.keys("failures/"), "parts are on their way")
            server.process.kill()

        killer = threading.Thread(target=kill_when_begun)
        killer.start()
        assert_transient(lambda: store.put(bytes(PART_BYTES) for _ in range(30)))
        killer.join()
        assert_transient(lambda: store.exists("0" * 64))
    with started_s3_server(tmp_path / "server") as server:
        store = S3BlobStore(server.access, BUCKET, "failures")
        assert list(store.blobs()) == []
        assert [key.endswith("(begun)") for key in server.keys("failures/")] == [True]
        store.discard_incomplete(before=datetime.now(UTC) - timedelta(days=1))
        assert len(server.keys("failures/")) == 1
        store.discard_incomplete(before=datetime.now(UTC) + timedelta(seconds=2))
        assert server.keys("failures/") == []
        assert store.put(bytes(PART_BYTES) for _ in range(30)).n_bytes == n_bytes


def test_a_server_that_dies_while_a_blob_is_read_is_transient_and_no_short_blob(own_server: S3Server) -> None:
    sha256 = put_bytes(S3BlobStore(own_server.access, BUCKET, "failures"), os.urandom(64 * 2**20))
    with impatient(own_server).open(sha256) as blob:
        assert len(blob.read(100)) == 100
        own_server.process.kill()
        own_server.process.wait()
        assert_transient(blob.read)


def test_an_upload_that_breaks_off_before_its_first_byte_leaves_no_empty_blob(s3_server: S3Server) -> None:
    content = b"a micrograph"
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:
        breaking = pool.submit(carry_the_head_alone, listener, port_of(s3_server.address))
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        sha256 = put_bytes(S3BlobStore(replace(s3_server.access, endpoint_url=address), BUCKET, "broken-off"), content)
        breaking.result().close()
    with S3BlobStore(s3_server.access, BUCKET, "broken-off").open(sha256) as blob:
        assert blob.read() == content


@pytest.mark.parametrize("n_bytes", [12, PART_BYTES + 1])
def test_an_empty_object_in_the_place_of_a_blob_is_none_and_is_written_over(s3_server: S3Server, n_bytes: int) -> None:
    store, content = S3BlobStore(s3_server.access, BUCKET, f"emptied-{n_bytes}"), os.urandom(n_bytes)
    sha256 = hashlib.sha256(content).hexdigest()
    store._client.put_object(Bucket=BUCKET, Key=blob_key(store._root, sha256), Body=b"")
    assert not store.exists(sha256)
    assert put_bytes(store, content) == sha256
    assert store.exists(sha256)
    with store.open(sha256) as blob:
        assert blob.read() == content
    assert store.exists(put_bytes(store, b"")), "what is rightly empty is there"


def test_a_part_that_is_not_what_was_sent_is_refused(s3_server: S3Server) -> None:
    store = S3BlobStore(s3_server.access, BUCKET, "altered")

    def alter(params: dict[str, Any], **_: object) -> None:
        params["body"].write(b"x")
        params["body"].seek(0)

    store._client.meta.events.register("before-call.s3.UploadPart", alter)
    with pytest.raises(TransientError) as caught:
        put_bytes(store, bytes(PART_BYTES + 1))
    assert caught.value.code == "storage_unavailable"
    assert s3_server.keys("altered/") == []


def carry_the_head_alone(listener: socket.socket, server_port: int) -> Line:
    """Carry the head of one request and not its body; who comes again finds a line that works."""
    connection, _ = listener.accept()
    port = listener.getsockname()[1]
    listener.close()
    with connection, socket.create_connection(("127.0.0.1", server_port)) as there:
        received = b""
        while b"\r\n\r\n" not in received:
            received += connection.recv(2**16)
        there.sendall(b"".join(received.partition(b"\r\n\r\n")[:2]))
        there.shutdown(socket.SHUT_WR)
        while there.recv(2**16):  # until the server has done what it does with such a request
            pass
        return Line(port, server_port)


def test_wrong_credentials_are_the_operators_to_mend(s3_server: S3Server) -> None:
    store = S3BlobStore(replace(s3_server.access, secret_access_key="wrong"), BUCKET, "failures")
    for name, use in USES.items():
        with pytest.raises(OperatorError) as caught:
            use(store, "0" * 64)
        assert caught.value.code == "storage_refused", name
        assert "SAEMI_S3_ACCESS_KEY_ID" in caught.value.message
        assert "wrong" not in caught.value.message


def test_a_missing_bucket_is_the_operators_to_mend_and_not_a_missing_blob(s3_server: S3Server) -> None:
    store = S3BlobStore(s3_server.access, "no-such-bucket", "failures")
    for name, use in USES.items():
        with pytest.raises(OperatorError) as caught:
            use(store, "0" * 64)
        assert caught.value.code == "storage_missing", name


def test_without_credentials_the_settings_that_lack_are_named(
    s3_server: S3Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    store = S3BlobStore(replace(s3_server.access, access_key_id="", secret_access_key=""), BUCKET)
    with pytest.raises(OperatorError, match="SAEMI_S3_ACCESS_KEY_ID"):
        store.exists("0" * 64)
