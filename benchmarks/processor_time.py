"""Processor time of the whole installation by kind of process: unlike time on the clock, other programs hardly change it."""

from collections import Counter
from contextlib import suppress

import psutil

# Words of a command line that tell what a process is; the first that fits counts.
KINDS = {
    "decoding_process": "decoders",
    "spawn": "pool processes",
    "worker": "worker",
    "scheduler": "scheduler",
    "web": "portal",
    "unixsocket": "broker",
    "up": "supervisor",
}


def used_s(process_id: int) -> Counter[str]:
    """Processor time that a process and those under it have used until now, s, by kind of process."""
    used: Counter[str] = Counter()
    root = psutil.Process(process_id)
    for process in (root, *root.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            used[_kind(process)] += times.user + times.system
    return used


def _kind(process: psutil.Process) -> str:
    words = " ".join(process.cmdline()).replace("/", " ").replace("-", " ").replace(".", " ").split()
    return next((kind for word, kind in KINDS.items() if word in words), "others")
