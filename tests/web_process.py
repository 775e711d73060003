"""The portal alone, as a process of its own, for tests and benchmarks that upload, and that kill it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cli.preparation import prepare_database
from shared.settings import Settings
from tests.stack import PROJECT, answers, free_port, wait_until


@dataclass
class WebProcess:
    """`saemi web` over a data folder."""

    data_dir: Path
    settings: dict[str, object]
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        own = {"data_dir": self.data_dir, "port": self.port, "log_format": "json", **self.settings}
        environment = {key: value for key, value in os.environ.items() if not key.startswith("SAEMI_")}
        environment |= {f"SAEMI_{name.upper()}": str(value) for name, value in own.items()} | {"PYTHONPATH": str(PROJECT)}
        with (self.data_dir / "web.log").open("ab") as log:
            command = [sys.executable, "-m", "cli.main", "web"]
            self.process = subprocess.Popen(command, env=environment, stderr=log, start_new_session=True)
        wait_until(lambda: answers(self.address), "the portal answers")

    def pids(self) -> list[int]:
        """The processes of it: gunicorn's master and the one that serves."""
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [self.process.pid, *map(int, children.split())]

    def kill(self) -> None:
        """End all of it at once, as a power cut does."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(30)


@contextmanager
def start_web(data_dir: Path, **settings: object) -> Iterator[WebProcess]:
    """Run the portal while the block lasts."""
    data_dir.mkdir(parents=True, exist_ok=True)
    prepare_database(Settings(data_dir=data_dir, **{key: value for key, value in settings.items() if key == "database_url"}))
    web = WebProcess(data_dir, settings)
    web.start()
    try:
        yield web
    finally:
        if web.process is not None and web.process.poll() is None:
            web.kill()
