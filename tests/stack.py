"""The whole of SAEMI as a user starts it, for tests that look at it from outside."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

PROJECT = Path(__file__).resolve().parent.parent


def wait_until(condition: Callable[[], object], what: str, timeout_s: float = 60.0) -> None:
    """Wait for a condition, or fail saying what did not come true."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"{what}: not within {timeout_s:g} s")
        time.sleep(0.02)


def hear_ctrl_c() -> None:
    """Before a program starts: let it hear Ctrl-C, also where the tests run in the background of a shell, which ignores it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@dataclass
class Stack:
    """`saemi up` as a user starts it, and where it can be reached."""

    process: subprocess.Popen[str]
    address: str
    data_dir: Path

    def stop(self) -> int:
        """Press Ctrl-C and wait for the end."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(90)


def free_port() -> int:
    """A port nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def start_stack(data_dir: Path, **settings: object) -> Iterator[Stack]:
    """Run `saemi up` on a data folder while the block lasts."""
    port = free_port()
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SAEMI_")}
    environment |= {f"SAEMI_{name.upper()}": str(value) for name, value in settings.items()}
    log = (data_dir.parent / f"{data_dir.name}.log").open("w+")
    process = subprocess.Popen(
        [sys.executable, "-m", "cli.main", "up", "--port", str(port), "--data", str(data_dir)],
        cwd=data_dir.parent,
        env=environment | {"PYTHONPATH": str(PROJECT)},
        stderr=log,
        text=True,
    )
    stack = Stack(process, f"http://127.0.0.1:{port}", data_dir)
    try:
        wait_until(lambda: process.poll() is not None or answers(stack.address), "the portal answers", 90)
        if process.poll() is not None:
            log.seek(0)
            pytest.fail(f"saemi up ended: {log.read()}")
        yield stack
    finally:
        if process.poll() is None:
            stack.stop()
        log.close()


def answers(address: str) -> bool:
    """Whether the portal at an address answers."""
    try:
        return httpx.get(f"{address}/readyz", timeout=2, trust_env=False).is_success
    except httpx.TransportError:
        return False
