"""The decoding process as its parent sees it: started, asked, listened to, ended.

A plain child process rather than `multiprocessing` (and `pebble` on top of it): those refuse to start a child inside a Celery
prefork process, import the parent's main module again, and unpickle what the child sends. Nothing heavy is imported here, so
that a command can start the process before it loads its own libraries.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from shared.errors import DecoderKilledError, InputError, NotFoundError, OperatorError, SaemiError, TransientError
from worker.micrograph.limits import DecodeLimits
from worker.micrograph.protocol import ChannelClosedError, receive_into, receive_message, send_message

PACKAGE_ROOT = Path(__file__).resolve().parents[2]
MODULE = "worker.micrograph.decoding_process"
START_TIMEOUT_S = 60.0
END_TIMEOUT_S = 5.0
# How operators, supervisors and the kernel short of memory end a process; a decoder's own crash has other signals.
OUTSIDE_SIGNALS = (-signal.SIGKILL, -signal.SIGTERM, -signal.SIGHUP)
# What the decoding process needs to run; the settings of SAEMI and their secrets stay here.
PASSED_VARIABLES = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "TZ", "PYTHONUTF8")


class DecodingChild:
    """One decoding process and the channel to it. It loads its libraries while the parent goes on."""

    def __init__(self) -> None:
        self._channel, far_end = socket.socketpair()
        with far_end:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", MODULE], stdin=far_end.fileno(), stdout=subprocess.DEVNULL, env=_environment()
            )
        self._limits: DecodeLimits | None = None
        self._deadline = 0.0
        self.is_idle = False

    @property
    def process_id(self) -> int:
        """The number of the process."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    @property
    def has_limits(self) -> bool:
        """Whether the process has been told its limits, and so may be asked."""
        return self._limits is not None

    def set_limits(self, limits: DecodeLimits) -> None:
        """Tell the process its limits, once, and wait until it is ready; raises OperatorError ``decoder_not_started``."""
        try:
            self._channel.settimeout(START_TIMEOUT_S)
            send_message(self._channel, asdict(limits))
            receive_message(self._channel)
        except (ChannelClosedError, TimeoutError) as error:
            self.end()
            raise OperatorError(
                "The decoding process does not start; its error output says why.", code="decoder_not_started"
            ) from error
        self._limits = limits
        self.is_idle = True

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a request; raises what went wrong.

        The process is idle again after an answer in full; where pixels follow, after `receive_pixels`.
        """
        assert self._limits is not None
        self.is_idle = False
        self._deadline = time.monotonic() + self._limits.timeout_s
        try:
            self._wait_until_deadline()
            send_message(self._channel, request)
            answer = receive_message(self._channel)
        except TimeoutError as error:
            raise _timed_out(self._limits) from error
        except ChannelClosedError as error:
            raise self.death() from error
        if "error" in answer:
            self.is_idle = answer["error"] not in {"out_of_memory", "bug"}
            raise _error_of(answer, self._limits)
        return answer

    def receive_pixels(self, room: memoryview) -> None:
        """The bytes behind an answer, as many as there is room for."""
        assert self._limits is not None
        try:
            self._wait_until_deadline()
            receive_into(self._channel, room)
        except TimeoutError as error:
            raise _timed_out(self._limits) from error
        except ChannelClosedError as error:
            raise self.death() from error

    def end(self) -> None:
        """Kill the process and wait for its end."""
        self._channel.close()
        self._process.kill()
        self._process.wait()

    def forget(self) -> None:
        """Leave the process to the one that this one was forked from."""
        self._channel.close()
        self._process.returncode = 0  # not ours to wait for

    def death(self) -> SaemiError:
        """The error of a process that died, or that talks nonsense."""
        try:
            exit_code = self._process.wait(END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            exit_code = None  # it lives and talks nonsense, which is a crash to the user
        if exit_code in OUTSIDE_SIGNALS:
            return DecoderKilledError("The decoding process was ended from outside, perhaps for lack of memory.")
        return InputError(
            "The file makes the decoder crash; it is probably damaged. Export the image once more, without compression.",
            code="decoder_crashed",
            exit_code=exit_code,
        )

    def _wait_until_deadline(self) -> None:
        # Zero would mean "do not wait at all".
        self._channel.settimeout(max(1e-3, self._deadline - time.monotonic()))


def _environment() -> dict[str, str]:
    passed = {name: os.environ[name] for name in PASSED_VARIABLES if name in os.environ}
    # One thread: the threads of a linear algebra that is never used would reserve gigabytes of address space.
    return {**passed, "PYTHONPATH": str(PACKAGE_ROOT), "OPENBLAS_NUM_THREADS": "1"}


def _error_of(answer: dict[str, Any], limits: DecodeLimits) -> Exception:
    kind = answer["error"]
    if kind == "out_of_memory":
        return _out_of_memory(limits)
    if kind == "bug":
        return RuntimeError(f"the decoder failed:\n{answer['traceback']}")
    error_class: type[SaemiError] = {"not_found": NotFoundError, "transient": TransientError}.get(kind, InputError)
    return error_class(answer["message"], code=answer["code"], **answer["details"])


def _out_of_memory(limits: DecodeLimits) -> InputError:
    return InputError(
        f"Decoding the image needs more than the {limits.memory_bytes // 2**20:,} MiB allowed. Cut it into smaller images.",
        code="decoding_out_of_memory",
        limit_bytes=limits.memory_bytes,
    )


def _timed_out(limits: DecodeLimits) -> InputError:
    return InputError(
        f"Decoding the image took longer than {limits.timeout_s:g} s. "
        "Save it without compression, or cut it into smaller images.",
        code="decoding_timed_out",
        limit_s=limits.timeout_s,
    )
