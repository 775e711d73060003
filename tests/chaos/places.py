"""Where the blobs of a facility lie, and what happens there: a disk that is filled, an S3 server whose line is cut."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.chaos.disk import small_disk
from tests.chaos.line import Line, port_of
from tests.s3_server import running_s3_server
from tests.stack import free_port

FILL_DISK = "fill the disk"
CUT_LINE_TO_STORE = "cut the line between workers and S3 server"


@dataclass(frozen=True, slots=True)
class Place:
    """What the settings say of it, to the portal and to the workers, and the fault of its own."""

    settings: Mapping[str, Any]
    worker_settings: Mapping[str, Any]
    fault: str
    begin_fault: Callable[[], None]
    end_fault: Callable[[], None]


@contextmanager
def folder_on_small_disk(folder: Path) -> Iterator[Place]:
    """The data folder, on a disk that can be filled."""
    with small_disk(folder / "disk") as disk:
        settings = {"data_dir": disk.folder / "data", "min_free_bytes": disk.min_free_bytes}
        yield Place(settings, settings, FILL_DISK, disk.fill, disk.empty)


@contextmanager
def s3_server_behind_line(folder: Path) -> Iterator[Place]:
    """A bucket of a real S3 server, which workers reach over a line that can be cut."""
    with running_s3_server(folder / "s3") as server, closing(Line(free_port(), port_of(server.address))) as line:
        settings = {"data_dir": folder / "data", **server.settings("chaos")}
        worker_settings = settings | {"s3_endpoint_url": f"http://127.0.0.1:{line.port}"}
        yield Place(settings, worker_settings, CUT_LINE_TO_STORE, line.cut, line.mend)


PLACES: dict[str, Callable[[Path], AbstractContextManager[Place]]] = {
    "folder": folder_on_small_disk,
    "s3": s3_server_behind_line,
}
