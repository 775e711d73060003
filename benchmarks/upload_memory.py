"""How much memory the portal takes while gigabytes are uploaded: whole files by PUT, and in pieces by the tus protocol.

usage: python -m benchmarks.upload_memory [--gb N] [--file-mb M]

Uploads files of M megabytes, N gigabytes in each of the two ways, four side by side, to a real `saemi web`, and prints the
resident memory of its processes after each tenth. Stored files are removed as soon as they are in, so that the disk needs room
for eight of them only.
"""

import argparse
import base64
import itertools
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from tests.web_process import WebProcess, start_web

PARALLEL_UPLOADS = 4
PIECE_BYTES = 2**20
CHUNK_BYTES = 16 * 2**20
TUS = {"Tus-Resumable": "1.0.0"}
SAMPLE_INTERVAL_S = 0.05
MIB = 2**20


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="How much memory the portal takes during large uploads.")
    parser.add_argument("--gb", type=float, default=1.0, help="10 for the figure of the README")
    parser.add_argument("--file-mb", type=int, default=200)
    arguments = parser.parse_args()
    n_files = max(10, round(arguments.gb * 1000 / arguments.file_mb))
    print(f"{n_files} files of {arguments.file_mb} MB in each way, {PARALLEL_UPLOADS} side by side; MiB resident in the portal")
    with (
        tempfile.TemporaryDirectory(prefix="saemi-bench-") as folder,
        start_web(Path(folder) / "data") as web,
        httpx.Client(base_url=f"{web.address}/api/v1", trust_env=False, timeout=600) as http,
    ):
        submission = http.post("/submissions", json={"project": "benchmark"}).raise_for_status().json()["id"]
        for name, upload in (("whole files", put_file), ("in pieces", send_pieces)):
            measure(web, name, n_files, lambda number, upload=upload: upload(http, submission, number, arguments.file_mb))


def measure(web: WebProcess, name: str, n_files: int, upload: Callable[[int], None]) -> None:
    """Upload so many files, and print the memory after each tenth and the most of it."""
    memory, done, started = Memory(web), itertools.count(1), time.perf_counter()
    print(f"{name:<12} at rest {memory.now_mib():.0f};", end="", flush=True)

    def one(number: int) -> None:
        upload(number)
        discard_stored(web.data_dir / "blobs")
        if (n_done := next(done)) * 10 % n_files < 10:
            print(f" {n_done * 100 // n_files} %: {memory.now_mib():.0f}", end="", flush=True)

    with memory, ThreadPoolExecutor(PARALLEL_UPLOADS) as pool:
        list(pool.map(one, range(n_files)))
    print(f"; at most {memory.peak_mib:.0f}, {time.perf_counter() - started:.0f} s", flush=True)


class Memory:
    """The resident memory of the portal's processes, and the most of it while the block lasts."""

    def __init__(self, web: WebProcess) -> None:
        self._web = web
        self._stop = threading.Event()
        self.peak_mib = 0.0

    def now_mib(self) -> float:
        """Memory at this moment, MiB."""
        pages = (int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in self._web.pids())
        return sum(pages) * os.sysconf("SC_PAGE_SIZE") / MIB

    def __enter__(self) -> None:
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(SAMPLE_INTERVAL_S):
            self.peak_mib = max(self.peak_mib, self.now_mib())


def content(number: int, n_bytes: int) -> Iterator[bytes]:
    """Yield a file that no other is like, in pieces."""
    piece = os.urandom(PIECE_BYTES)
    yield number.to_bytes(8) + piece[8:]
    yield from itertools.repeat(piece, n_bytes // PIECE_BYTES - 1)


def put_file(http: httpx.Client, submission: int, number: int, file_mb: int) -> None:
    """Upload a file by one request."""
    n_bytes = file_mb * 10**6 // PIECE_BYTES * PIECE_BYTES
    address, headers = f"/submissions/{submission}/files", {"Content-Length": str(n_bytes)}
    body = content(number, n_bytes)
    http.put(address, params={"name": f"put {number}.tif"}, content=body, headers=headers).raise_for_status()


def send_pieces(http: httpx.Client, submission: int, number: int, file_mb: int) -> None:
    """Upload a file in pieces."""
    n_bytes = file_mb * 10**6 // PIECE_BYTES * PIECE_BYTES
    values = {"submission_id": str(submission), "filename": f"tus {number}.tif"}
    about = ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in values.items())
    opened = http.post("/uploads", headers=TUS | {"Upload-Length": str(n_bytes), "Upload-Metadata": about}).raise_for_status()
    pieces, first_byte = content(number, n_bytes), 0
    while first_byte < n_bytes:
        size = min(CHUNK_BYTES, n_bytes - first_byte)
        headers = {"Upload-Offset": str(first_byte), "Content-Type": "application/offset+octet-stream"}
        body = itertools.islice(pieces, size // PIECE_BYTES)
        answer = http.patch(
            f"/uploads/{opened.json()['id']}", content=body, headers=TUS | headers | {"Content-Length": str(size)}
        )
        first_byte = int(answer.raise_for_status().headers["Upload-Offset"])


def discard_stored(blobs: Path) -> None:
    """Remove the files that are stored, as nobody analyses them here."""
    for path in blobs.glob("[0-9a-f][0-9a-f]/*/*"):
        path.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
