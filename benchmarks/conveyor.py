"""How a machine without a GPU is used best: several arrangements of the same conveyor over the same cores and micrographs.

usage: python -m benchmarks.conveyor [--images N] [--rounds N] [--model NAME] [--no-scale-bar]

Each arrangement analyses generated 1024 × 768 micrographs from file to stored files, without a database. They take turns,
because other users of a machine slow it down for seconds at a time; start-up and a first image of each process do not count.
"""

import argparse
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

import cv2

from shared.domain import Parameters
from shared.storage import FolderBlobStore
from worker.analysis.lettering import TextReader
from worker.conveyor.conveyor import Conveyor, Station, conveyor_around_network, conveyor_in_one_thread
from worker.conveyor.orders import Failed, Order
from worker.micrograph.sandbox import Decoder
from worker.segmenters import create_segmenter
from worker.shipped import require_shipped
from worker.text_reader import RapidTextReader
from worker.training.synthetic import write_samples

CORES = len(os.sched_getaffinity(0))
Make = Callable[[ExitStack, FolderBlobStore, bool], Conveyor]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Arrangements of the conveyor on CPU cores.")
    parser.add_argument("--images", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model", default="particlenet")
    parser.add_argument("--no-scale-bar", action="store_true")
    arguments = parser.parse_args()
    arrangements: dict[str, tuple[int, Make]] = {
        f"{CORES} processes, one thread each": (CORES, in_one_thread),
        f"{CORES} processes, one image prepared ahead": (CORES, partial(around, preparing=1, finishing=0)),
        "1 process around the network": (1, partial(around, preparing=CORES, finishing=CORES)),
    }
    with tempfile.TemporaryDirectory(prefix="saemi-bench-") as folder:
        files = write_samples(Path(folder), arguments.images)
        rates: dict[str, list[float]] = {name: [] for name in arrangements}
        for number in range(arguments.rounds):
            for name, (n_processes, make) in arrangements.items():
                out = Path(folder) / f"{number} {name}"
                start = (make, arguments.model, not arguments.no_scale_bar)
                rates[name].append(images_per_second(files, out, n_processes, start))
    print(f"{len(files)} images of 1024 × 768, {arguments.model}, {CORES} cores; images/s in each round and their median")
    for name, found in rates.items():
        print(f"{name:44}" + "".join(f"{rate:7.2f}" for rate in found) + f"{statistics.median(found):9.2f}")


def images_per_second(files: Sequence[Path], out: Path, n_processes: int, start: tuple[Make, str, bool]) -> float:
    """Share the files out over processes that are warm, and time them together."""
    context = multiprocessing.get_context("spawn")
    with started(context, out, n_processes, start) as channels:
        for channel in channels:
            channel.send(files[:1])
        for channel in channels:
            channel.recv()
        began = time.perf_counter()
        for number, channel in enumerate(channels):
            channel.send(files[number::n_processes])
        for channel in channels:
            channel.recv()
        return len(files) / (time.perf_counter() - began)


@contextmanager
def started(context, out: Path, n_processes: int, start: tuple[Make, str, bool]) -> Iterator[list[Connection]]:
    """Give the channels to processes that each analyse what they are sent."""
    channels, processes = [], []
    for number in range(n_processes):
        near, far = context.Pipe()
        processes.append(context.Process(target=serve, args=(far, out / str(number), *start)))
        channels.append(near)
        processes[-1].start()
    yield channels
    for channel in channels:
        channel.send([])
    for process in processes:
        process.join()


def serve(channel: Connection, out: Path, make: Make, model: str, reads_text: bool) -> None:  # noqa: FBT001 sent as a value
    """Analyse the files that come through a channel, until there are none."""
    cv2.setNumThreads(1)
    segmenter = create_segmenter(require_shipped(model), "cpu")
    with ExitStack() as stack:
        conveyor = stack.enter_context(make(stack, FolderBlobStore(out), reads_text))
        while files := channel.recv():
            orders = [Order(path, partial(read, path), Parameters(model=model), segmenter) for path in files]
            outcomes = list(conveyor.run(orders))
            failed = [outcome for outcome in outcomes if isinstance(outcome, Failed)]
            if failed:
                raise failed[0].error
            channel.send(len(outcomes))


def read(path: Path, decoder: Decoder):
    """Decode a file."""
    return decoder.decode(path)


def in_one_thread(stack: ExitStack, store: FolderBlobStore, reads_text: bool) -> Conveyor:  # noqa: FBT001 sent as a value
    """Everything in the calling thread."""
    return conveyor_in_one_thread(store, station(stack, reads_text))


def around(stack: ExitStack, store: FolderBlobStore, reads_text: bool, preparing: int, finishing: int) -> Conveyor:  # noqa: FBT001
    """So many threads ahead of the network, so many processes behind it; without any, that is done in the network's thread."""
    stations = [station(stack, reads_text) for _ in range(preparing)]
    if finishing:
        return conveyor_around_network(store, stations, finishing)
    threads = (ThreadPoolExecutor(1), ThreadPoolExecutor(1))
    return Conveyor(store, stations, preparing=threads[0], lane=None, finishing=threads[1], images_under_way=3)


def station(stack: ExitStack, reads_text: bool) -> Station:  # noqa: FBT001 sent as a value
    """A decoder, and a reader of text where it is wanted."""
    reader: TextReader | None = RapidTextReader() if reads_text else None
    return Station(stack.enter_context(Decoder()), reader)


if __name__ == "__main__":
    main()
