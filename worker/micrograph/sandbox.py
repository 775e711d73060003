"""Decodes untrusted files in one long-lived process with limits of memory and time, restarted when it dies or overruns.

A plain child process rather than `multiprocessing` (and `pebble` on top of it): those refuse to start a child inside a Celery
prefork process, import the parent's main module again, and unpickle what the child sends.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from shared.domain import Metadata, Micrograph, Pixels
from shared.errors import DecoderKilledError, InputError, NotFoundError, OperatorError, SaemiError, TransientError
from worker.micrograph.limits import DecodeLimits
from worker.micrograph.metadata_message import from_message
from worker.micrograph.protocol import ChannelClosedError, receive_into, receive_message, send_message

PACKAGE_ROOT = Path(__file__).resolve().parents[2]
MODULE = "worker.micrograph.decoding_process"
START_TIMEOUT_S = 60.0
END_TIMEOUT_S = 5.0
# How operators, supervisors and the kernel short of memory end a process; a decoder's own crash has other signals.
OUTSIDE_SIGNALS = (-signal.SIGKILL, -signal.SIGTERM, -signal.SIGHUP)
# What the decoding process needs to run; the settings of SAEMI and their secrets stay here.
PASSED_VARIABLES = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "TZ", "PYTHONUTF8")
DTYPES = ("uint8", "uint16", "float32")


class Decoder:
    """Decodes files one after the other in a process of its own, which starts with the first file.

    Safe to share between threads; after a fork each process starts its own child.

    Parameters
    ----------
    limits : DecodeLimits, optional
        Ceilings for each image.
    """

    def __init__(self, limits: DecodeLimits | None = None) -> None:
        self._limits = limits or DecodeLimits()
        self._child: _Child | None = None
        self._lock = threading.Lock()
        self._owner = os.getpid()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def decode(self, path: Path, side_cars: Mapping[str, Path] | None = None) -> Micrograph:
        """The image of a file, with what the file states about it.

        Parameters
        ----------
        path : Path
            The file, readable by this user; its name does not matter.
        side_cars : mapping of str to Path, optional
            Files that belong to the image, by their original names; those beside it where none are named.

        Raises
        ------
        InputError
            As `worker.micrograph.decode.decode` does, and ``decoding_timed_out``, ``decoding_out_of_memory``,
            ``decoder_crashed``. The next file is decoded by a new process.
        DecoderKilledError
            Where somebody else, such as the kernel short of memory, ended the process.
        OperatorError
            ``decoder_not_started``.
        """
        return self._ask("decode", path, side_cars)

    def inspect(self, path: Path, side_cars: Mapping[str, Path] | None = None) -> Micrograph:
        """The same as `decode` gives, also of an image that shows nothing: the reason stands in its warnings."""
        return self._ask("inspect", path, side_cars)

    @property
    def process_id(self) -> int | None:
        """The decoding process, None before the first file and after `close`."""
        return None if self._child is None else self._child.process_id

    def close(self) -> None:
        """End the process; a later `decode` starts another."""
        self._forget_after_fork()
        with self._lock:
            self._end_child()

    def _ask(self, task: str, path: Path, side_cars: Mapping[str, Path] | None) -> Micrograph:
        self._forget_after_fork()
        with self._lock:
            child = self._running_child()
            try:
                return child.answer(_request(task, path, side_cars))
            except BaseException:
                # Whatever is left of an interrupted answer in the channel must not become the next one's.
                if not child.is_idle:
                    self._end_child()
                raise

    def _running_child(self) -> "_Child":
        if self._child is not None and not self._child.is_alive:
            self._end_child()
        if self._child is None:
            self._child = _Child(self._limits)
        return self._child

    def _end_child(self) -> None:
        if self._child is not None:
            self._child.end()
            self._child = None

    def _forget_after_fork(self) -> None:
        if self._owner != os.getpid():
            # The child belongs to the process this one was forked from, and so may a lock that was held.
            if self._child is not None:
                self._child.forget()
            self._child, self._lock, self._owner = None, threading.Lock(), os.getpid()


class _Child:
    """One decoding process and the channel to it."""

    def __init__(self, limits: DecodeLimits) -> None:
        self._limits = limits
        self._channel, far_end = socket.socketpair()
        with far_end:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", MODULE], stdin=far_end.fileno(), stdout=subprocess.DEVNULL, env=_environment()
            )
        self.is_idle = False
        try:
            self._channel.settimeout(START_TIMEOUT_S)
            send_message(self._channel, asdict(limits))
            receive_message(self._channel)
        except (ChannelClosedError, TimeoutError) as error:
            self.end()
            raise OperatorError(
                "The decoding process does not start; its error output says why.", code="decoder_not_started"
            ) from error
        self.is_idle = True

    @property
    def process_id(self) -> int:
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def answer(self, request: dict[str, Any]) -> Micrograph:
        self.is_idle = False
        deadline = time.monotonic() + self._limits.timeout_s
        try:
            self._wait_until(deadline)
            send_message(self._channel, request)
            answer = receive_message(self._channel)
            if "error" in answer:
                self.is_idle = answer["error"] not in {"out_of_memory", "bug"}
                raise _error_of(answer, self._limits)
            pixels, metadata = self._receive_pixels(answer, deadline), _metadata_of(answer)
        except TimeoutError as error:
            raise _timed_out(self._limits) from error
        except ChannelClosedError as error:
            raise self._death() from error
        self.is_idle = True
        return Micrograph(pixels, str(answer["format"]), tuple(map(str, answer["warnings"])), metadata)

    def end(self) -> None:
        self._channel.close()
        self._process.kill()
        self._process.wait()

    def forget(self) -> None:
        self._channel.close()
        self._process.returncode = 0  # not ours to wait for

    def _death(self) -> SaemiError:
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

    def _receive_pixels(self, answer: dict[str, Any], deadline: float) -> Pixels:
        height, width = map(int, answer["shape"])
        if answer["dtype"] not in DTYPES or not 0 < height * width <= self._limits.max_pixels:
            raise ChannelClosedError("an impossible image was announced")
        pixels: Pixels = np.empty((height, width), answer["dtype"])
        self._wait_until(deadline)
        receive_into(self._channel, pixels.data.cast("B"))
        return pixels

    def _wait_until(self, deadline: float) -> None:
        # Zero would mean "do not wait at all".
        self._channel.settimeout(max(1e-3, deadline - time.monotonic()))


def _request(task: str, path: Path, side_cars: Mapping[str, Path] | None) -> dict[str, Any]:
    """Paths as hexadecimal digits: their bytes need not be text."""
    beside = None if side_cars is None else {name: os.fsencode(place).hex() for name, place in side_cars.items()}
    return {"task": task, "path": os.fsencode(path).hex(), "side_cars": beside}


def _metadata_of(answer: dict[str, Any]) -> Metadata | None:
    try:
        return None if answer["metadata"] is None else from_message(answer["metadata"])
    except (KeyError, TypeError, ValueError) as error:
        raise ChannelClosedError("impossible metadata were announced") from error


def _environment() -> dict[str, str]:
    passed = {name: os.environ[name] for name in PASSED_VARIABLES if name in os.environ}
    # One thread: the threads of a linear algebra that is never used would reserve gigabytes of address space.
    return {**passed, "PYTHONPATH": str(PACKAGE_ROOT), "PYTHONDONTWRITEBYTECODE": "1", "OPENBLAS_NUM_THREADS": "1"}


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
