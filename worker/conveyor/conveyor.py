"""From claimed jobs to outcomes, several images on their way at once: prepared ahead of the network, finished behind it.

Every stage may run in threads, processes or the calling thread; the images are the same, and so is the code. So many images are
on the way at most, which bounds every queue between the stages, and each order has exactly one outcome.
"""

import threading
import time
from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from queue import SimpleQueue
from types import TracebackType
from typing import Generic, Self

from shared.domain import Micrograph
from shared.storage import BlobStore
from shared.tracing import Stage
from worker.analysis.lettering import TextReader
from worker.analysis.questions import AskingSegmenter, NetworkLoad, Seen
from worker.conveyor.executors import InThisThread, SideProcesses
from worker.conveyor.finishing import Finished, finish
from worker.conveyor.lane import IMAGES_AT_ONCE, Look, NetworkLane
from worker.conveyor.orders import Analysed, Failed, Key, Order, Outcome, StageTimings, Unseen
from worker.micrograph.sandbox import Decoder
from worker.pipeline import Prepared, prepare, specimen


@dataclass(frozen=True, slots=True)
class Station:
    """What one thread prepares images with: a decoding process and a reader of text of its own."""

    decoder: Decoder
    text_reader: TextReader | None


@dataclass(slots=True)
class _Run(Generic[Key]):
    """One call of `Conveyor.run`."""

    outcomes: SimpleQueue[Outcome[Key]] = field(default_factory=SimpleQueue)
    is_abandoned: threading.Event = field(default_factory=threading.Event)


@dataclass(slots=True)
class _Passage(Generic[Key]):
    """One order on its way."""

    order: Order[Key]
    run: _Run[Key]
    decode_s: float = 0.0
    inscriptions_s: float = 0.0
    look_s: float = 0.0
    load: NetworkLoad = field(default_factory=NetworkLoad)
    stages: list[Stage] = field(default_factory=list)

    def fail(self, error: BaseException) -> None:
        self.run.outcomes.put(Failed(self.order.key, error))

    def fail_if_raised(self, future: Future[None]) -> None:
        error = future.exception()
        if error is not None:
            self.fail(error)

    def end(self, micrograph: Micrograph, future: Future[Finished]) -> None:
        error = future.exception()
        if error is not None:
            self.fail(error)
            return
        done = future.result()
        segment_s = self.look_s + done.split_s
        stages = (*self.stages, *done.stages)
        timings = StageTimings(self.decode_s, self.inscriptions_s, segment_s, done.measure_s, done.encode_s)
        self.run.outcomes.put(
            Analysed(self.order.key, micrograph, done.analysis, done.files, timings, self.load + done.load, stages)
        )


class Conveyor:
    """Analyses micrographs and stores their files; saving the outcomes is left to the caller.

    Made by `conveyor_in_one_thread` or `conveyor_around_network`.
    """

    def __init__(
        self,
        store: BlobStore,
        stations: Sequence[Station],
        *,
        preparing: Executor,
        lane: NetworkLane | None,
        finishing: Executor,
        images_under_way: int,
    ) -> None:
        self._store = store
        self._stations: SimpleQueue[Station] = SimpleQueue()
        for station in stations:
            self._stations.put(station)
        self._preparing = preparing
        self._lane = lane
        self._finishing = finishing
        self._images_under_way = images_under_way

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def run(self, orders: Iterable[Order[Key]]) -> Generator[Outcome[Key]]:
        """Analyse micrographs.

        Parameters
        ----------
        orders : iterable of Order
            Asked for the next one, in the calling thread, when there is room for it.

        Yields
        ------
        Analysed or Failed
            One for each order, in the order in which they end. What goes wrong with an image is its own outcome.
        """
        run: _Run[Key] = _Run()
        waiting = iter(orders)
        n_under_way = 0
        is_over = False
        try:
            while True:
                while not is_over and n_under_way < self._images_under_way:
                    order = next(waiting, None)
                    is_over = order is None
                    if order is not None:
                        self._start(_Passage(order, run))
                        n_under_way += 1
                if not n_under_way:
                    return
                yield run.outcomes.get()
                n_under_way -= 1
        finally:
            run.is_abandoned.set()

    def close(self) -> None:
        """End threads and processes after what is under way; the decoders stay the caller's."""
        self._preparing.shutdown()
        if self._lane is not None:
            self._lane.close()
        self._finishing.shutdown()

    def _start(self, passage: _Passage[Key]) -> None:
        self._preparing.submit(self._prepare, passage).add_done_callback(passage.fail_if_raised)

    def _prepare(self, passage: _Passage[Key]) -> None:
        """Decode, read what is written on the image, and hand it to the network, or on where there is none."""
        if passage.run.is_abandoned.is_set():
            return
        order = passage.order
        station = self._stations.get()
        try:
            began_s, started = time.time(), time.perf_counter()
            micrograph = order.read(station.decoder)
            decoded = time.perf_counter()
            prepared = prepare(micrograph, order.parameters, station.text_reader)
            image = specimen(prepared)
        finally:
            self._stations.put(station)
        passage.decode_s, passage.inscriptions_s = decoded - started, time.perf_counter() - decoded
        passage.stages = [
            Stage("decode", began_s, passage.decode_s),
            Stage("inscriptions", began_s + passage.decode_s, passage.inscriptions_s),
        ]
        if self._lane is not None and isinstance(order.segmenter, AskingSegmenter):
            self._lane.put(order.segmenter, image, partial(self._take_look, passage, prepared))
        else:
            self._finish(passage, prepared, Unseen(order.segmenter, image))

    def _take_look(self, passage: _Passage[Key], prepared: Prepared, look: Look) -> None:
        if isinstance(look.seen, Exception):
            passage.fail(look.seen)
            return
        passage.look_s, passage.load = look.duration_s, look.load
        passage.stages.append(Stage("look", time.time() - look.duration_s, look.duration_s))
        self._finish(passage, prepared, look.seen)

    def _finish(self, passage: _Passage[Key], prepared: Prepared, seen: Seen) -> None:
        if passage.run.is_abandoned.is_set():
            return
        future = self._finishing.submit(finish, self._store, prepared, passage.order.segmenter.identity, seen)
        future.add_done_callback(partial(passage.end, prepared.micrograph))


def conveyor_in_one_thread(store: BlobStore, station: Station) -> Conveyor:
    """Return the conveyor for a process that has one core to itself: one image after the other, in the calling thread."""
    here = InThisThread()
    return Conveyor(store, [station], preparing=here, lane=None, finishing=here, images_under_way=1)


def conveyor_around_network(
    store: BlobStore, stations: Sequence[Station], n_processes: int, images_at_once: int = IMAGES_AT_ONCE
) -> Conveyor:
    """Return the conveyor for a process that has a GPU and several cores to itself.

    Parameters
    ----------
    store : BlobStore
        Takes the files of the analyses; must be such that pickle takes it.
    stations : sequence of Station
        Each prepares images in a thread of its own, ahead of the network.
    n_processes : int
        Processes that split, measure and encode behind it.
    images_at_once : int
        Images that the network may look at together.
    """
    threads = ThreadPoolExecutor(len(stations), thread_name_prefix="preparing")
    return Conveyor(
        store,
        stations,
        preparing=threads,
        lane=NetworkLane(images_at_once),
        finishing=SideProcesses(n_processes),
        images_under_way=len(stations) + images_at_once + 2 * n_processes,
    )
