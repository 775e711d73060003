"""The network's own thread: it looks at whatever images are there together, and never waits for more while it has one."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from shared.arrays import FloatImage
from worker.analysis.questions import AskingSegmenter, Ended, Lockstep, NetworkLoad, Seen

# Images whose pictures may share a pass: enough to fill one with pictures of a quarter of a megapixel.
IMAGES_AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen of an image, or its error; how long the network was at it, s, and which share of the passes was its own."""

    seen: Seen | Exception
    duration_s: float
    load: NetworkLoad


@dataclass(frozen=True, slots=True, eq=False)
class _Arrival:
    segmenter: AskingSegmenter
    image: FloatImage
    deliver: Callable[[Look], None]


class NetworkLane:
    """Images in at any time, from any thread; out each as soon as all is seen of it. The thread starts with the first image.

    Parameters
    ----------
    images_at_once : int
        Images that are looked at together; others wait.
    """

    def __init__(self, images_at_once: int = IMAGES_AT_ONCE) -> None:
        self._images_at_once = images_at_once
        self._arrivals: SimpleQueue[_Arrival | None] = SimpleQueue()
        self._lockstep = Lockstep()
        self._started_at: dict[_Arrival, float] = {}
        self._loads: dict[_Arrival, NetworkLoad] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def put(self, segmenter: AskingSegmenter, image: FloatImage, deliver: Callable[[Look], None]) -> None:
        """Have an image looked at; `deliver` is called in the lane's thread and must be quick."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="network-lane", daemon=True)
                self._thread.start()
        self._arrivals.put(_Arrival(segmenter, image, deliver))

    def close(self) -> None:
        """End the thread after the images that have been put."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            self._arrivals.put(None)
            thread.join()

    def _run(self) -> None:
        is_open = True
        while is_open or self._started_at:
            if is_open:
                is_open = self._admit()
            for ended in self._round():
                arrival = ended.key
                if isinstance(arrival, _Arrival):
                    duration_s = time.perf_counter() - self._started_at.pop(arrival)
                    arrival.deliver(Look(ended.seen, duration_s, self._loads.pop(arrival)))

    def _round(self) -> list[Ended]:
        """Answer the open questions; what went through a network meanwhile is shared evenly by the images before it."""
        before = {id(arrival.segmenter): arrival.segmenter.load for arrival in self._started_at}
        n_images = Counter(id(arrival.segmenter) for arrival in self._started_at)
        ended = self._lockstep.round()
        for arrival in self._started_at:
            of = id(arrival.segmenter)
            self._loads[arrival] += arrival.segmenter.load.since(before[of], n_images[of])
        return ended

    def _admit(self) -> bool:
        """Take in what has arrived, and wait only where there is nothing to look at; tell whether more may come."""
        while len(self._started_at) < self._images_at_once:
            try:
                arrival = self._arrivals.get(block=not self._started_at)
            except Empty:
                return True
            if arrival is None:
                return False
            self._started_at[arrival] = time.perf_counter()
            self._loads[arrival] = NetworkLoad()
            self._lockstep.add(arrival, arrival.segmenter, arrival.image)
        return True
