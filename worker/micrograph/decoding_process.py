"""The process that decodes: reads paths from its standard input, a socket, and answers with pixels or an error.

Started by `worker.micrograph.sandbox` only. It limits itself, ends with its parent, and imports nothing but the decoders.
"""

import os
import resource
import select
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np

from shared.domain import Micrograph
from shared.errors import InputError, NotFoundError, TransientError
from worker.micrograph.decode import count_images, decode, inspect
from worker.micrograph.limits import DecodeLimits
from worker.micrograph.metadata_message import to_message
from worker.micrograph.protocol import ChannelClosedError, receive_message, send_bytes, send_message

# The waiting process stops an image at its time limit; should it be gone or stuck, the kernel does so this much later.
GRACE_S = 5.0
PARENT_CHECK_MS = 1000
MAX_OPEN_FILES = 64
# Codecs are imported on first use; the first image should not pay for that.
CODECS = ("png_decode", "jpeg8_decode", "lzw_decode", "packbits_decode", "zlib_decode", "floatpred_decode")


def main() -> None:
    """Serve until the channel closes."""
    # Ctrl-C reaches the whole terminal group; the waiting process decides what becomes of the image in hand.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    channel = socket.socket(fileno=sys.stdin.fileno())
    threading.Thread(target=_end_with_parent, args=(channel, os.getppid()), daemon=True).start()
    try:
        limits = DecodeLimits(**receive_message(channel))
        for name in CODECS:
            getattr(imagecodecs, name)
        # From here on files of others are open, and nothing is written any more.
        sys.dont_write_bytecode = True
        _limit_resources(limits)
        send_message(channel, {"ready": True})
        while True:
            _answer(channel, receive_message(channel), limits)
    except ChannelClosedError:
        return


def _limit_resources(limits: DecodeLimits) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, limits.memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (MAX_OPEN_FILES, MAX_OPEN_FILES))
    # Decoding writes no file.
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def _end_with_parent(channel: socket.socket, parent: int) -> None:
    """End this process when the waiting one is gone, even in the middle of an image."""
    poll = select.poll()
    poll.register(channel, 0)  # the end of the other side is always reported
    while not poll.poll(PARENT_CHECK_MS) and os.getppid() == parent:
        pass
    os._exit(0)


def _answer(channel: socket.socket, request: dict[str, Any], limits: DecodeLimits) -> None:
    # The default action of the alarm ends the process; no Python code has to run for it.
    signal.setitimer(signal.ITIMER_REAL, limits.timeout_s + GRACE_S)
    outcome = _try_decode(request, limits)
    if isinstance(outcome, Micrograph):
        pixels = np.ascontiguousarray(outcome.pixels)
        description = {"shape": pixels.shape, "dtype": pixels.dtype.name}
        metadata = None if outcome.metadata is None else to_message(outcome.metadata)
        stated = {"format": outcome.format, "warnings": outcome.warnings, "metadata": metadata}
        place = {"n_images": outcome.n_images, "index": outcome.index}
        send_message(channel, description | stated | place)
        send_bytes(channel, pixels.data.cast("B"))
    else:
        send_message(channel, outcome)
    signal.setitimer(signal.ITIMER_REAL, 0)


def _count(path: Path, limits: DecodeLimits, side_cars: dict[str, Path] | None, *_: object) -> dict[str, Any]:
    return {"n_images": count_images(path, limits, side_cars)}


TASKS: dict[str, Callable[..., Micrograph | dict[str, Any]]] = {"decode": decode, "inspect": inspect, "count": _count}


def _try_decode(request: dict[str, Any], limits: DecodeLimits) -> Micrograph | dict[str, Any]:
    try:
        path, side_cars = _path(request["path"]), _side_cars(request["side_cars"])
        return TASKS[request["task"]](path, limits, side_cars, request["index"], request["name"])
    except NotFoundError as error:
        return _description("not_found", error)
    except InputError as error:
        return _description("input", error)
    except TransientError as error:
        return _description("transient", error)
    except MemoryError:
        return {"error": "out_of_memory"}
    except Exception:  # noqa: BLE001 a bug is reported by the waiting process, which has the log
        return {"error": "bug", "traceback": traceback.format_exc()}


def _side_cars(named: dict[str, str] | None) -> dict[str, Path] | None:
    return None if named is None else {name: _path(path) for name, path in named.items()}


def _path(as_hex: str) -> Path:
    """A path whose bytes need not be text."""
    return Path(os.fsdecode(bytes.fromhex(as_hex)))


def _description(kind: str, error: InputError | TransientError) -> dict[str, Any]:
    return {"error": kind, "code": error.code, "message": error.message, "details": error.details}


if __name__ == "__main__":
    main()
