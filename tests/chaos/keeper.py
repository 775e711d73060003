"""Keeps processes alive, each under a supervisor of its own, so that one can be held down while the others are restarted."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from cli.supervisor import Child, ChildCommand, Supervisor
from tests.stack import wait_until

LOOK_INTERVAL_S = 0.1


class Keeper:
    """Processes by name, restarted when they die."""

    def __init__(self, log_dir: Path) -> None:
        self._log_dir = log_dir
        self._kept: dict[str, tuple[Supervisor, Child]] = {}
        self._held: set[str] = set()
        self._sessions: set[int] = set()
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="keeper", daemon=True)
        self._thread.start()

    def start(self, command: ChildCommand) -> None:
        """Start a process and keep it alive from now on."""
        supervisor = Supervisor(self._log_dir)
        with self._lock:
            self._kept[command.name] = supervisor, supervisor.start(command)
            self._note_sessions()

    def process(self, name: str) -> psutil.Process:
        """The running process of a name, which is started anew after its death; waits for it."""
        wait_until(lambda: self._kept[name][1].process.poll() is None, f"{name} runs")
        return psutil.Process(self._kept[name][1].process.pid)

    def send(self, name: str, number: signal.Signals) -> None:
        """Send a signal to the main process of a name."""
        with suppress(psutil.NoSuchProcess):
            self.process(name).send_signal(number)

    @contextmanager
    def held_down(self, names: list[str], number: signal.Signals) -> Iterator[None]:
        """End processes by a signal and keep them from being started anew while the block lasts."""
        with self._lock:
            self._held.update(names)
        try:
            for name in names:
                self._kept[name][1].process.send_signal(number)
            for name in names:
                self._kept[name][1].process.wait(60)
            yield
        finally:
            with self._lock:
                self._held.difference_update(names)

    @contextmanager
    def frozen(self, name: str) -> Iterator[None]:
        """Stop a process without ending it while the block lasts."""
        process = self.process(name)
        process.suspend()
        try:
            yield
        finally:
            process.resume()

    def stop(self) -> list[psutil.Process]:
        """Stop all, the last started first; returns what is left of them and of all that they ever started."""
        self._over.set()
        self._thread.join()
        return [process for process in psutil.process_iter() if _session(process) in self._sessions]

    def _keep(self) -> None:
        # The kernel ends a child with the thread that started it, so this thread also stops them.
        while not self._over.wait(LOOK_INTERVAL_S):
            with self._lock:
                for name, (supervisor, _) in self._kept.items():
                    if name not in self._held:
                        supervisor.restart_dead()
                self._note_sessions()
        for supervisor, _ in reversed(self._kept.values()):
            supervisor.stop()

    def _note_sessions(self) -> None:
        self._sessions.update(child.process.pid for _, child in self._kept.values())


def _session(process: psutil.Process) -> int | None:
    try:
        fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] == "Z" else int(fields[3])
