"""A pool that is told to stop: every process of it hears so, whichever of them have just ended."""

import os
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest

from worker import pool_process


def test_a_process_that_has_ended_keeps_the_others_from_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    heard: list[int] = []
    before = signal.signal(pool_process.BEGIN_NOTHING_MORE, lambda number, _: heard.append(number))
    monkeypatch.setattr(pool_process, "active_children", lambda: [SimpleNamespace(pid=pid) for pid in (ended.pid, os.getpid())])
    try:
        pool_process._pass_on()
    finally:
        signal.signal(pool_process.BEGIN_NOTHING_MORE, before)
    assert heard == [pool_process.BEGIN_NOTHING_MORE]
