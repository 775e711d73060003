"""A process that calls functions for this one, seen from here: started, asked, replaced when it has died, ended.

A plain child and the channel of `multiprocessing`, without its processes: those refuse to start inside a process of Celery's
pool. The child is one of ours and is trusted: what comes back is unpickled.
"""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import ParamSpec, TypeVar, cast

from shared.errors import ProcessKilledError

MODULE = "worker.conveyor.side_process_main"
PACKAGE_ROOT = Path(__file__).resolve().parents[2]
END_TIMEOUT_S = 5.0

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class SideProcess:
    """One process at a time; one thread at a time may call it. It loads its libraries while this process goes on."""

    def __init__(self) -> None:
        self._start()

    @property
    def process_id(self) -> int:
        """The number of the process."""
        return self._process.pid

    def call(self, function: Callable[Arguments, Result], /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        """Call a function in the process.

        Raises
        ------
        ProcessKilledError
            Where the process ended meanwhile; the next call has a new one. What the function raises is raised here.
        """
        if self._process.poll() is not None:  # between two calls: nobody's image
            self._replace()
        try:
            self._channel.send((function, args, kwargs))
            is_well, answer = self._channel.recv()
        except (EOFError, OSError) as error:
            returncode = self._replace()
            raise _death(returncode) from error
        if not is_well:
            raise answer
        return cast("Result", answer)

    def end(self) -> None:
        """End the process."""
        self._channel.close()
        try:
            self._process.wait(END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _start(self) -> None:
        near_end, far_end = socket.socketpair()
        with far_end:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", MODULE], stdin=far_end.fileno(), stdout=subprocess.DEVNULL, env=_environment()
            )
        self._channel = Connection(near_end.detach())

    def _replace(self) -> int:
        """Start another process in place of one that has ended, or hangs up, and return how it ended."""
        self.end()
        returncode = self._process.returncode
        self._start()
        return returncode


def _environment() -> dict[str, str]:
    """Of this process, with one thread for linear algebra: as many processes as cores run side by side."""
    places = [str(PACKAGE_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return {**os.environ, "PYTHONPATH": os.pathsep.join(places), **threads}


def _death(returncode: int) -> ProcessKilledError:
    how = f"ended with status {returncode}" if returncode >= 0 else f"was ended by {signal.Signals(-returncode).name}"
    return ProcessKilledError(f"The process that measured the image {how}.")
