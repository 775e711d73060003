"""A real worker process on a real broker and both databases: it analyses what the API takes, and nothing stops it."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from shared import registry
from shared.database import Database
from shared.domain import ModelIdentity
from shared.messaging import ANALYSE_TASK, EXPORT_TASK, RECALIBRATE_TASK, JobSender, create_celery
from shared.queues import ANALYSIS_QUEUE, DECISION_QUEUE, EXPORT_QUEUE
from shared.settings import Settings
from shared.storage import FolderBlobStore
from tests.conftest import fresh_postgres
from tests.databases import make_tables
from tests.integration.analyses import draw_discs
from tests.models import NEWEST, card
from tests.stack import PROJECT, wait_until
from tests.unit.micrograph.files import png_bytes
from web.app import create_app
from web.services import EXTENSION
from worker.dispatcher import Dispatcher
from worker.model_files import card_path, file_sha256
from worker.scheduler import Scheduler
from worker.shipped import add_model, register_shipped

TIMEOUT_S = 2.0
QUEUE_OF_THIS_TEST = 7  # a database of the broker that no other test uses


@dataclass
class RunningWorker:
    """A worker as an operator starts it, the API that feeds it, and what it logs."""

    process: subprocess.Popen[bytes]
    api: FlaskClient
    broker_url: str
    log: Path

    def submit(self, content: bytes, name: str, model: str = "classical") -> int:
        body = {"project": "worker", "nm_per_px": 0.5, "model": model}
        submission = self.api.post("/api/v1/submissions", json=body).json
        assert submission
        assert submission["parameters"]["model"]
        answer = self.api.put(f"/api/v1/submissions/{submission['id']}/files", query_string={"name": name}, data=content)
        assert answer.status_code == 201
        assert answer.json
        return int(answer.json["id"])

    def job(self, job_id: int) -> dict[str, Any]:
        job: dict[str, Any] = self.api.get(f"/api/v1/jobs/{job_id}").get_json()
        return job

    def finished(self, job_id: int) -> dict[str, Any]:
        wait_until(lambda: self.job(job_id)["state"] in ("done", "failed"), f"job {job_id} comes to its end", 90)
        return self.job(job_id)

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]


@pytest.fixture(scope="module", params=["postgresql", "sqlite"])
def database_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a database with all tables."""
    if request.param == "sqlite":
        database = Database(f"sqlite:///{tmp_path_factory.mktemp('worker') / 'saemi.db'}")
        make_tables(database)
        database.dispose()
        yield database.engine.url.render_as_string()
    else:
        with fresh_postgres(request.getfixturevalue("postgres_url")) as database:
            make_tables(database)
            yield database.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)


def register_own(database_url: str, store: FolderBlobStore, folder: Path) -> None:
    """The models of the release, one of an architecture that nobody runs, and one whose weights are lost."""
    database = Database(database_url)
    assert register_shipped(database, store) == []
    weights = folder / "stardist-1.safetensors"
    weights.write_bytes(b"\x02\0\0\0\0\0\0\0{}")
    foreign = ModelIdentity("stardist", "1", file_sha256(weights))
    card_path(weights).write_text(json.dumps(card(foreign, architecture="stardist")))
    add_model(database, store, weights)
    lost = ModelIdentity("lost", "1", "0" * 64)
    with database.writing() as session:
        registry.register(session, lost, card(lost))
    database.dispose()


@pytest.fixture(scope="module")
def worker(database_url: str, broker_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningWorker]:
    """A worker with one process in its pool."""
    folder = tmp_path_factory.mktemp("worker")
    # The broker's own databases keep this worker from the messages of other tests.
    register_own(database_url, FolderBlobStore(folder / "blobs"), folder)
    own_broker = f"{broker_url}?virtual_host={QUEUE_OF_THIS_TEST}"
    values = {"data_dir": folder, "database_url": database_url, "broker_url": own_broker, "worker_processes": 1}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SAEMI_")}
    environment |= {f"SAEMI_{name.upper()}": str(value) for name, value in values.items()}
    log = folder / "worker.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "cli.main", "worker"],
            cwd=folder,
            env=environment | {"PYTHONPATH": str(PROJECT), "PYTHONWARNINGS": "default"},
            stdout=output,
            stderr=output,
        )
    settings = Settings(**values)
    app = create_app(settings)
    services = app.extensions[EXTENSION]
    sender = JobSender(own_broker, TIMEOUT_S)
    scheduler, stop = Scheduler(services.database, Dispatcher(services.database, sender, settings), settings), threading.Event()
    thread = threading.Thread(target=scheduler.run, args=(stop,))
    thread.start()
    running = RunningWorker(process, app.test_client(), own_broker, log)
    yield running
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0, log.read_text()
    stop.set()
    thread.join(30)
    sender.close()
    services.database.dispose()


def test_the_worker_analyses_what_the_api_takes(worker: RunningWorker) -> None:
    job = worker.finished(worker.submit(png_bytes(draw_discs(6)), "six.png"))
    assert (job["state"], job["error_message"]) == ("done", None)
    analysis = worker.api.get(f"/api/v1/analyses/{job['analysis_id']}").get_json()
    assert analysis["statistics"]["n_particles"] == 6
    assert analysis["nm_per_px"] == 0.5


def test_a_broken_file_fails_its_own_job_only(worker: RunningWorker) -> None:
    jobs = [worker.submit(content, name) for content, name in [(b"", "empty.tif"), (png_bytes(draw_discs(3)), "three.png")]]
    broken, healthy = map(worker.finished, jobs)
    assert (broken["state"], broken["error_code"]) == ("failed", "empty_file")
    assert healthy["state"] == "done"


def test_a_model_that_is_refused_fails_its_own_jobs_only(worker: RunningWorker) -> None:
    references = ("stardist", "classical", "lost", "classical-1")
    jobs = [worker.submit(png_bytes(draw_discs(number + 7)), f"{name}.png", name) for number, name in enumerate(references)]
    foreign, first, lost, second = map(worker.finished, jobs)
    assert (foreign["state"], foreign["error_code"]) == ("failed", "model_foreign")
    assert "stardist-1 holds stardist 1; this release runs" in foreign["error_message"]
    assert (lost["state"], lost["error_code"]) == ("failed", "model_missing")
    assert "lost-1" in lost["error_message"]
    assert [job["state"] for job in (first, second)] == ["done", "done"]


def test_weights_that_are_altered_fail_their_jobs_until_they_are_mended(worker: RunningWorker) -> None:
    (model,) = [item for item in worker.api.get("/api/v1/models").get_json()["items"] if item["reference"] == NEWEST.reference]
    store = FolderBlobStore(worker.log.parent / "blobs")
    with store.local_path(model["sha256"]) as path:
        whole = path.read_bytes()
        path.write_bytes(whole[:-1])
        altered = worker.finished(worker.submit(png_bytes(draw_discs(4)), "altered.png", "particlenet"))
        assert (altered["state"], altered["error_code"]) == ("failed", "model_altered")
        path.write_bytes(whole)
    mended = worker.finished(worker.submit(png_bytes(draw_discs(4)), "mended.png", "particlenet"))
    assert (mended["state"], mended["error_message"]) == ("done", None)
    analysis = worker.api.get(f"/api/v1/analyses/{mended['analysis_id']}").get_json()
    stored = (analysis["model_name"], analysis["model_version"], analysis["model_sha256"])
    assert stored == (NEWEST.name, NEWEST.version, model["sha256"])


def test_a_decision_is_applied_without_another_analysis_and_holds_for_images_that_come_later(worker: RunningWorker) -> None:
    def shown(job_id: int) -> dict[str, Any]:
        analysis: dict[str, Any] = worker.api.get(f"/api/v1/analyses/{worker.finished(job_id)['analysis_id']}").get_json()
        return analysis

    job_id = worker.submit(png_bytes(draw_discs(5, radius=8)), "decided.png")
    before = shown(job_id)
    submission = worker.job(job_id)["submission_id"]
    body = {"person": "Ada", "scope": "submission", "submission_id": submission, "choice": "manual", "nm_per_px": 5.0}
    made = worker.api.post("/api/v1/calibration-decisions", json=body)
    assert (made.status_code, made.get_json()["n_analyses"]) == (202, 1)
    address = f"/api/v1/calibration-decisions/{made.get_json()['id']}"
    wait_until(lambda: worker.api.get(address).get_json()["state"] in ("done", "failed"), "the decision is applied")
    assert worker.api.get(address).get_json() | {"state": "done", "n_changed": 1} == worker.api.get(address).get_json()
    after = shown(job_id)
    assert (before["nm_per_px"], after["nm_per_px"], after["calibration"]["decision"]["person"]) == (0.5, 5.0, "Ada")
    assert after["statistics"]["ecd_mean_nm"] == pytest.approx(10 * before["statistics"]["ecd_mean_nm"], rel=1e-12)
    assert (after["id"], after["created_at"], after["duration_s"]) == (before["id"], before["created_at"], before["duration_s"])
    query = {"name": "later.png"}
    later = worker.api.put(
        f"/api/v1/submissions/{submission}/files", query_string=query, data=png_bytes(draw_discs(5, radius=7))
    )
    assert shown(later.get_json()["id"])["nm_per_px"] == 5.0


def test_messages_of_nonsense_do_not_stop_the_worker(worker: RunningWorker) -> None:
    sender = create_celery(worker.broker_url, TIMEOUT_S)
    sender.send_task("saemi.unknown", args=[[1]], queue=ANALYSIS_QUEUE)
    for arguments in ([], ["text"], [None], [[None]], [["a", {}]], [[2**80]], [[10**9]], [[-1]], [[1], [2]], [[[1]]], [[]]):
        for task in (ANALYSE_TASK, RECALIBRATE_TASK, EXPORT_TASK):
            for queue in (ANALYSIS_QUEUE, DECISION_QUEUE, EXPORT_QUEUE):
                sender.send_task(task, args=arguments, queue=queue)
    for number in (0, -1, 10**9, 2**80, "1", None):
        sender.send_task(RECALIBRATE_TASK, args=[number], queue=DECISION_QUEUE)
        sender.send_task(EXPORT_TASK, args=[number], queue=EXPORT_QUEUE)
    sender.send_task(ANALYSE_TASK, kwargs={"unknown": 1}, queue=ANALYSIS_QUEUE)
    sender.close()
    job = worker.finished(worker.submit(png_bytes(draw_discs(5)), "after_the_garbage.png"))
    assert job["state"] == "done"
    assert worker.process.poll() is None


def test_every_line_of_the_log_is_json_and_the_processes_of_the_pool_name_the_job(worker: RunningWorker) -> None:
    job_id = worker.submit(png_bytes(draw_discs(2)), "logged.png")
    worker.finished(job_id)
    wait_until(lambda: any(line.get("job_id") == job_id and line["event"] == "job_done" for line in worker.lines()), "logged")
    lines = [line for line in worker.lines() if line.get("job_id") == job_id]
    assert [line["event"] for line in lines] == ["job_started", "job_done"]
    for line in lines:
        assert {"submission_id", "timestamp", "level", "logger"} <= set(line)
        assert line["process"] == "worker"
    others = [line for line in worker.lines() if line.get("job_id") != job_id and "submission_id" in line]
    assert all(line["job_id"] for line in others), "what is bound for one job does not stay for the next"
