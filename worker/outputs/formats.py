"""What writes each format of `shared.output_formats`: one module with a function `write`, loaded when it is needed."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from shared.output_formats import output_format
from worker.outputs.content import Content

Progress = Callable[[int], None]
# Loaded by name, because the libraries behind some take longer to load than a small file takes to write.
MODULES = {
    "csv": "csv_tables",
    "xlsx": "workbook",
    "parquet": "parquet",
    "json": "json_document",
    "coco": "coco",
    "labels": "label_maps",
    "overlays": "overlays",
    "roi": "roi_set",
    "nanodefiner": "nanodefiner",
    "figures": "figures",
    "pdf": "report",
}


class Write(Protocol):
    """Writes one format."""

    def __call__(self, content: Content, target: Path, progress: Progress) -> None:
        """Write a file of results.

        Parameters
        ----------
        content : Content
            What is written.
        target : Path
            The file; one that is there is written over.
        progress : callable
            Called with the number of images done so far.

        Raises
        ------
        InputError
            Where the content gives no such file, with the reason.
        """


def writer(name: str) -> Write:
    """Return what writes a format, or raise InputError ``unknown_format``."""
    output_format(name)
    return cast("Write", import_module(f"worker.outputs.{MODULES[name]}").write)
