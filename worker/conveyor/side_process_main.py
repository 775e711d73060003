"""The process that calls functions for another: reads calls from its standard input, a socket, and answers with what they gave.

Started by `worker.conveyor.side_process` only. It ends when the other side is gone.
"""

import os
import pickle
import signal
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import cv2

# What a call needs, loaded before the first one comes.
import worker.conveyor.finishing  # noqa: F401

Call = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]


def main() -> None:
    """Serve until the channel closes."""
    # Ctrl-C reaches the whole terminal group; the process that calls decides what becomes of the image in hand.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)  # as many processes as cores run side by side
    with Connection(os.dup(0)) as channel:
        try:
            while True:
                channel.send_bytes(_answer(channel.recv()))
        except (EOFError, BrokenPipeError, ConnectionResetError):
            return


def _answer(call: Call) -> bytes:
    """Pickle whether a call went well, and its result or error."""
    function, args, kwargs = call
    try:
        return pickle.dumps((True, function(*args, **kwargs)), pickle.HIGHEST_PROTOCOL)
    except Exception as error:  # noqa: BLE001 it is raised where the call came from
        # A traceback stays in its process; where this one ended is told by a note.
        error.add_note(traceback.format_exc())
        return _pickled_error(error)


def _pickled_error(error: Exception) -> bytes:
    try:
        return pickle.dumps((False, error), pickle.HIGHEST_PROTOCOL)
    except Exception:  # noqa: BLE001 an error that holds what pickle does not take
        return pickle.dumps((False, RuntimeError("\n".join(error.__notes__))), pickle.HIGHEST_PROTOCOL)


if __name__ == "__main__":
    main()
