"""Child processes that are started together, restarted when they die, and stopped together.

Each child is the leader of a session of its own, so that Ctrl-C reaches the supervisor alone, and is told to stop by the kernel
should the supervisor itself be killed.
"""

import ctypes
import logging
import os
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from logging.handlers import RotatingFileHandler
from pathlib import Path

from shared.log import get_logger

LOG_BYTES = 10 * 2**20
LOG_GENERATIONS = 3
RESTART_DELAY_S = 1.0
# prctl(2): the signal a process gets when its parent dies.
PR_SET_PDEATHSIG = 1

logger = get_logger(__name__)
_libc = ctypes.CDLL(None)


@dataclass(frozen=True, slots=True)
class ChildCommand:
    """How to start a child, and how long it may take to stop."""

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    stop_timeout_s: float


@dataclass(slots=True)
class Child:
    """A running child and the end of what it said."""

    command: ChildCommand
    process: subprocess.Popen[bytes]
    last_lines: deque[str] = field(default_factory=lambda: deque(maxlen=20))


class Supervisor:
    """Keeps a row of children running."""

    def __init__(self, log_dir: Path) -> None:
        self._log_dir = log_dir
        self._children: list[Child] = []
        self._restart_at: dict[str, float] = {}

    def start(self, command: ChildCommand) -> Child:
        """Start a child; what it prints goes to a log file of its name."""
        child = Child(command, self._spawn(command))
        self._follow(child)
        self._children.append(child)
        return child

    def restart_dead(self) -> None:
        """Start the children anew that have ended, each a moment after its end."""
        for child in self._children:
            if child.process.poll() is None:
                continue
            name = child.command.name
            due = self._restart_at.setdefault(name, time.monotonic() + RESTART_DELAY_S)
            if time.monotonic() >= due:
                logger.warning("process_restarted", child=name, exit_code=child.process.returncode)
                del self._restart_at[name]
                child.process = self._spawn(child.command)
                self._follow(child)

    def stop(self) -> None:
        """Stop the children one after the other, the last started first; one that does not obey is killed."""
        for child in reversed(self._children):
            if child.process.poll() is None:
                child.process.terminate()
            try:
                child.process.wait(child.command.stop_timeout_s)
            except subprocess.TimeoutExpired:
                logger.warning("process_killed", child=child.command.name)
                os.killpg(child.process.pid, signal.SIGKILL)
                child.process.wait()
        self._children.clear()

    def _spawn(self, command: ChildCommand) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command.arguments,
            env=dict(command.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - one system call, no lock is taken
        )

    def _follow(self, child: Child) -> None:
        name = f"log-{child.command.name}"
        threading.Thread(target=self._copy_output, args=(child, child.process), name=name, daemon=True).start()

    def _copy_output(self, child: Child, process: subprocess.Popen[bytes]) -> None:
        """Copy a child's output to its log file until it ends."""
        path = self._log_dir / f"{child.command.name}.log"
        handler = RotatingFileHandler(path, maxBytes=LOG_BYTES, backupCount=LOG_GENERATIONS, encoding="utf-8")
        assert process.stdout is not None
        with process.stdout as lines:
            for raw in lines:
                text = raw.decode(errors="replace").rstrip("\n")
                child.last_lines.append(text)
                handler.emit(logging.LogRecord(child.command.name, logging.INFO, "", 0, text, None, None))
        handler.close()


def _die_with_parent() -> None:
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
