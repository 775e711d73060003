"""What can be done to a running facility: each fault by name, and the processes that it hits chosen by a seed."""

import random
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

import psutil

from tests.chaos.facility import LEASE_S, WORKERS, Facility

# Longer than a lease, so that what the worker holds is given away, and it wakes up to find that.
PAUSE_S = 2 * LEASE_S
CUT_S = 3.0
# Of what is particular to where the blobs lie.
PLACE_FAULT_S = 3.0

KILL_WORKER = "kill a worker"
KILL_WORKER_CHILD = "kill a child of a worker"
KILL_BROKER = "kill the broker"
STOP_DATABASE = "stop the database at once"
KILL_PORTAL = "kill the portal"
PAUSE_WORKER = "pause a worker"
CUT_LINE_TO_DATABASE = "cut the line between workers and database"


class Faults:
    """Brings faults about. Those that last end by themselves while others come, the last of them at the end of the block."""

    def __init__(self, facility: Facility, seed: int) -> None:
        self._facility = facility
        self._chance = random.Random(seed)
        self._lasting: list[threading.Timer] = []

    def by_name(self) -> dict[str, Callable[[], str]]:
        """Each fault; called, it says what it hit."""
        return {
            KILL_WORKER: self._kill_worker,
            KILL_WORKER_CHILD: self._kill_worker_child,
            KILL_BROKER: lambda: self._signal("broker", signal.SIGKILL),
            STOP_DATABASE: lambda: self._signal("database", signal.SIGQUIT),
            KILL_PORTAL: self._kill_portal,
            PAUSE_WORKER: self._pause_worker,
            CUT_LINE_TO_DATABASE: self._cut_line_to_database,
            self._facility.place.fault: self._trouble_place,
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        for timer in self._lasting:
            timer.join()

    def _kill_worker(self) -> str:
        return self._signal(self._chance.choice(WORKERS), signal.SIGKILL)

    def _kill_worker_child(self) -> str:
        """Kill one of a worker's descendants: pool, decoder or helper; it may have none yet."""
        name = self._chance.choice(WORKERS)
        descendants = _descendants(self._facility.keeper.process(name))
        if not descendants:
            return self._signal(name, signal.SIGKILL)
        victim = self._chance.choice(descendants)
        with suppress(psutil.NoSuchProcess):
            victim.kill()
        return f"{victim.pid} of {name}"

    def _kill_portal(self) -> str:
        """Kill the serving process or the one above it."""
        main = self._facility.keeper.process("web")
        victim = self._chance.choice([main, *_descendants(main)])
        with suppress(psutil.NoSuchProcess):
            victim.kill()
        return f"{victim.pid}, {'the main process' if victim == main else 'the serving process'}"

    def _pause_worker(self) -> str:
        name = self._chance.choice(WORKERS)
        main = self._facility.keeper.process(name)
        paused = [main, *_descendants(main)]
        self._send(paused, signal.SIGSTOP)
        self._later(PAUSE_S, lambda: self._send(paused, signal.SIGCONT))
        return f"{name} with all its processes for {PAUSE_S:g} s"

    def _cut_line_to_database(self) -> str:
        self._facility.line_to_database.cut()
        self._later(CUT_S, self._facility.line_to_database.mend)
        return f"for {CUT_S:g} s"

    def _trouble_place(self) -> str:
        self._facility.place.begin_fault()
        self._later(PLACE_FAULT_S, self._facility.place.end_fault)
        return f"for {PLACE_FAULT_S:g} s"

    def _later(self, delay_s: float, action: Callable[[], None]) -> None:
        timer = threading.Timer(delay_s, action)
        timer.start()
        self._lasting.append(timer)

    def _signal(self, name: str, number: signal.Signals) -> str:
        process = self._facility.keeper.process(name)
        self._send([process], number)
        return f"{process.pid}, {name}"

    @staticmethod
    def _send(processes: list[psutil.Process], number: signal.Signals) -> None:
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)


def _descendants(process: psutil.Process) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        return process.children(recursive=True)
    return []
