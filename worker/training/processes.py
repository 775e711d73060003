"""Work that other processes do ahead of the one that needs it: reading micrographs, and making crops."""

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import cv2
from torch.utils.data import DataLoader, Dataset

T = TypeVar("T")


def ahead(items: Dataset[T], numbers: Sequence[int], processes: int) -> Iterator[T]:
    """Yield items in their order, computed by other processes meanwhile.

    PyTorch's loader is used for it because its processes notice that this one was killed, and end.

    Parameters
    ----------
    items : Dataset
        Item by number; the same whichever process computes it.
    numbers : sequence of int
        Which items, in this order.
    processes : int
        How many; 0 computes each item here when it is asked for.

    Yields
    ------
    T
    """
    # None as batch size: an item is whole, whatever it is.
    loader = DataLoader(
        items,
        batch_size=None,
        sampler=numbers,
        num_workers=processes,
        collate_fn=_unchanged,
        worker_init_fn=_start_process if processes else None,
        # Born with the data in their memory, which is not copied.
        multiprocessing_context="fork" if processes else None,
    )
    with repeatable_pictures():
        yield from loader


@contextmanager
def repeatable_pictures() -> Iterator[None]:
    """Let OpenCV compute the same pictures each time, to the last digit; and let processes be born meanwhile.

    Without it, Intel's routines in OpenCV round by where in memory an array lies, so that a resumed training would not be the
    same. OpenCV's own threads do not survive the birth of a process, which then waits for them for ever.
    """
    threads, intel = cv2.getNumThreads(), cv2.ipp.useIPP()
    cv2.setNumThreads(1)
    cv2.ipp.setUseIPP(False)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)
        cv2.ipp.setUseIPP(intel)


def _unchanged(item: Any) -> Any:
    # PyTorch would otherwise look into the item and turn its arrays into tensors.
    return item


def _start_process(number: int) -> None:  # noqa: ARG001 - PyTorch's signature
    # Ctrl-C is for the process that was started by hand, which then ends these.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
