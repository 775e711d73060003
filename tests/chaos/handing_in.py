"""Hands a lot in as a person's client does: several files at a time, each again until it is taken."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event

import httpx

from tests.chaos.images import Drawings, Lot

PARALLEL_UPLOADS = 5
REQUEST_TIMEOUT_S = 10.0
# What a portal answers while something that it needs is away; anything else is a defect.
COME_AGAIN = (503, 507)
PAUSE_S = 0.2
NO_IDLE_CONNECTIONS = httpx.Limits(max_keepalive_connections=0)


@dataclass
class Client:
    """A client of the portal that comes again, and notes how long each request took."""

    address: str
    durations_s: list[float] = field(default_factory=list)
    n_repeated: int = 0
    over: Event = field(default_factory=Event)
    # One for all requests, each over a connection of its own: to make a client takes as long as many a request.
    _http: httpx.Client = field(default_factory=lambda: httpx.Client(trust_env=False, limits=NO_IDLE_CONNECTIONS))

    def open_submission(self, project: str) -> int:
        """Open a submission for the fast segmenter."""
        body = {"project": project, "model": "classical", "nm_per_px": 0.5}
        return int(self._until_taken("POST", "/submissions", json=body).json()["id"])

    def add_file(self, submission: int, name: str, content: bytes) -> int:
        """Add a file; returns its job."""
        answer = self._until_taken("PUT", f"/submissions/{submission}/files", params={"name": name}, content=content)
        return int(answer.json()["id"])

    def add_lot(self, submission: int, lot: Lot) -> None:
        """Add all files of a lot."""
        with ThreadPoolExecutor(PARALLEL_UPLOADS) as pool:
            jobs = list(pool.map(lambda file: self.add_file(submission, *file), lot.files()))
        assert len(set(jobs)) == len(lot), "each file has a job of its own"

    def _until_taken(self, method: str, path: str, **options: object) -> httpx.Response:
        while not self.over.is_set():
            started = time.perf_counter()
            try:
                answer = self._http.request(method, f"{self.address}/api/v1{path}", timeout=REQUEST_TIMEOUT_S, **options)
            except httpx.TransportError:
                answer = None
            self.durations_s.append(time.perf_counter() - started)
            if answer is not None and answer.is_success:
                return answer
            if answer is not None:
                assert answer.status_code in COME_AGAIN, f"{method} {path}: {answer.status_code} {answer.text}"
            self.n_repeated += 1
            self.over.wait(PAUSE_S)
        raise AssertionError("the test is over")


@contextmanager
def handed_in_meanwhile(client: Client, submission: int, lot: Lot) -> Iterator[None]:
    """Hand a lot in while the block lasts; at its end all of it has been taken, or the block has failed."""
    with ThreadPoolExecutor(1) as pool:
        uploads = pool.submit(client.add_lot, submission, lot)
        try:
            yield
        except BaseException:
            client.over.set()
            raise
        uploads.result()


def hand_in_for(client: Client, drawings: Drawings, duration_s: float) -> tuple[int, Lot]:
    """Hand in as a person does at work, one small lot after the other, for so long; returns submission and all of it."""
    project = "at work"
    submission, lots = client.open_submission(project), []
    until = time.monotonic() + duration_s
    while time.monotonic() < until:
        lots.append(drawings.lot(project, PARALLEL_UPLOADS))
        client.add_lot(submission, lots[-1])
        client.over.wait(PAUSE_S)
    return submission, Lot(project, range(lots[0].numbers.start, lots[-1].numbers.stop))
