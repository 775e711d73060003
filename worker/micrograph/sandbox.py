"""Decodes untrusted files in one long-lived process with limits of memory and time, restarted when it dies or overruns."""

import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import numpy as np

from shared.arrays import Pixels
from shared.domain import Metadata, Micrograph
from worker.micrograph.decoding_child import DecodingChild
from worker.micrograph.limits import DecodeLimits
from worker.micrograph.metadata_message import from_message

DTYPES = ("uint8", "uint16", "float32")
# A file's number of images is only counted; what is read of them is limited elsewhere.
MAX_COUNTED = 2**62
Outcome = TypeVar("Outcome")
Answer = dict[str, Any]


class Decoder:
    """Decodes files one after the other in a process of its own, which starts with the first file.

    Safe to share between threads; after a fork each process starts its own child.

    Parameters
    ----------
    limits : DecodeLimits, optional
        Ceilings for each image.
    child : DecodingChild, optional
        A process that has been started already and not been asked yet; the decoder ends it.
    """

    def __init__(self, limits: DecodeLimits | None = None, child: DecodingChild | None = None) -> None:
        self._limits = limits or DecodeLimits()
        self._child = child
        self._lock = threading.Lock()
        self._owner = os.getpid()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def decode(
        self, path: Path, side_cars: Mapping[str, Path] | None = None, index: int = 0, name: str | None = None
    ) -> Micrograph:
        """An image of a file, with what the file states about it.

        Parameters
        ----------
        path : Path
            The file, readable by this user; its name does not matter.
        side_cars : mapping of str to Path, optional
            Files that belong to the image, by their original names; those beside it where none are named.
        index : int
            Which image of the file, from 0; ``Micrograph.n_images`` tells how many there are.
        name : str, optional
            The file's original name, where it lies under another one.

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
        return self._ask(_request("decode", path, side_cars, index, name), self._micrograph)

    def inspect(
        self, path: Path, side_cars: Mapping[str, Path] | None = None, index: int = 0, name: str | None = None
    ) -> Micrograph:
        """The same as `decode` gives, also of an image that shows nothing: the reason stands in its warnings."""
        return self._ask(_request("inspect", path, side_cars, index, name), self._micrograph)

    def count_images(self, path: Path, side_cars: Mapping[str, Path] | None = None) -> int:
        """How many images a file holds, by its headers alone; raises as `decode` does."""
        return self._ask(_request("count", path, side_cars), lambda _, answer: _whole(answer["n_images"], 1, MAX_COUNTED))

    @property
    def process_id(self) -> int | None:
        """The decoding process, None before the first file and after `close`."""
        return None if self._child is None else self._child.process_id

    def close(self) -> None:
        """End the process; a later `decode` starts another."""
        self._forget_after_fork()
        with self._lock:
            self._end_child()

    def _ask(self, request: Answer, read: Callable[[DecodingChild, Answer], Outcome]) -> Outcome:
        self._forget_after_fork()
        with self._lock:
            child = self._running_child()
            try:
                return _outcome(child, request, read)
            finally:
                # Whatever is left of an interrupted answer in the channel must not become the next one's.
                if not child.is_idle:
                    self._end_child()

    def _running_child(self) -> DecodingChild:
        if self._child is not None and not self._child.is_alive:
            self._end_child()
        if self._child is None:
            self._child = DecodingChild()
        if not self._child.has_limits:
            self._child.set_limits(self._limits)
        return self._child

    def _micrograph(self, child: DecodingChild, answer: Answer) -> Micrograph:
        """What an answer describes; raises KeyError, TypeError or ValueError where that cannot be."""
        n_images = _whole(answer["n_images"], 1, self._limits.max_images)
        index = _whole(answer["index"], 0, n_images - 1)
        warnings, metadata = tuple(map(str, answer["warnings"])), _metadata_of(answer)
        pixels = self._room_for(answer)
        child.receive_pixels(pixels.data.cast("B"))
        return Micrograph(pixels, str(answer["format"]), warnings, metadata, n_images, index)

    def _room_for(self, answer: Answer) -> Pixels:
        height, width = (_whole(side, 1, self._limits.max_pixels) for side in answer["shape"])
        if answer["dtype"] not in DTYPES or height * width > self._limits.max_pixels:
            raise ValueError("an impossible image was announced")
        dtype: Any = answer["dtype"]
        room: Pixels = np.empty((height, width), dtype)
        return room

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


def _outcome(child: DecodingChild, request: Answer, read: Callable[[DecodingChild, Answer], Outcome]) -> Outcome:
    answer = child.ask(request)
    try:
        outcome = read(child, answer)
    except (KeyError, TypeError, ValueError) as error:
        # The decoding process may be whatever a hostile file made of it.
        raise child.death() from error
    child.is_idle = True
    return outcome


def _request(task: str, path: Path, side_cars: Mapping[str, Path] | None, index: int = 0, name: str | None = None) -> Answer:
    """Paths as hexadecimal digits: their bytes need not be text."""
    beside = None if side_cars is None else {name: os.fsencode(place).hex() for name, place in side_cars.items()}
    return {"task": task, "path": os.fsencode(path).hex(), "side_cars": beside, "index": index, "name": name}


def _metadata_of(answer: Answer) -> Metadata | None:
    return None if answer["metadata"] is None else from_message(answer["metadata"])


def _whole(value: Any, least: int, most: int) -> int:
    """A whole number within limits; raises ValueError for anything else."""
    if type(value) is not int or not least <= value <= most:
        raise ValueError("an impossible number was announced")
    return value
