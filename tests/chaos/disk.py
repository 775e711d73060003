"""A disk for the file store that can be filled, and emptied again."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

MIB = 2**20
# Room for the files of ten thousand small micrographs.
DISK_BYTES = 512 * MIB


class Disk(Protocol):
    """Where the file store lies, and the free space below which it takes nothing."""

    @property
    def folder(self) -> Path:
        """The root of the disk."""

    @property
    def min_free_bytes(self) -> int:
        """What SAEMI_MIN_FREE_BYTES says."""

    def fill(self) -> None:
        """Leave less room than the store needs."""

    def empty(self) -> None:
        """Give the room back."""


@dataclass(frozen=True, slots=True)
class OwnDisk:
    """A file system of its own: filled to the last byte, so that files break off in the middle."""

    folder: Path
    min_free_bytes: int = 0

    def fill(self) -> None:
        """Leave no room at all."""
        with (self.folder / "filler").open("wb", buffering=0) as file:
            for chunk in (bytes(MIB), bytes(4096)):
                with suppress(OSError):  # no space left on device
                    while True:
                        file.write(chunk)

    def empty(self) -> None:
        """Give the room back."""
        (self.folder / "filler").unlink()


@dataclass(frozen=True, slots=True)
class SharedDisk:
    """Part of a disk that others use as well: they always keep more than the store needs."""

    folder: Path
    min_free_bytes: int

    def fill(self) -> None:
        """Leave half of what the store was given."""
        surplus = shutil.disk_usage(self.folder).free - self.min_free_bytes
        with (self.folder / "filler").open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, surplus + DISK_BYTES)

    def empty(self) -> None:
        """Give the room back."""
        (self.folder / "filler").unlink()


@contextmanager
def small_disk(folder: Path) -> Iterator[Disk]:
    """A file system in memory where one may be mounted, else a part of the disk that the folder is on."""
    folder.mkdir()
    options = f"size={DISK_BYTES}"
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, check=False)
    if mounted.returncode:
        yield SharedDisk(folder, shutil.disk_usage(folder).free - DISK_BYTES)
        return
    try:
        yield OwnDisk(folder)
    finally:
        subprocess.run(["umount", "-l", folder], check=True)
