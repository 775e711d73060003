"""What lies in a watched folder: images with the side-cars beside them. One look lists each folder once and opens no file."""

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cli.inputs import readable
from shared.image_names import is_image
from shared.side_car_names import is_side_car, side_cars_of, split_name


@dataclass(frozen=True, slots=True)
class SeenFile:
    """A file as a look found it; ``place`` is its path below the watched folder, as bytes."""

    path: Path
    place: bytes
    n_bytes: int
    mtime_ns: int

    @property
    def name(self) -> str:
        """Its name in the submission."""
        return os.fsdecode(self.place).replace(os.sep, "/").encode(errors="surrogateescape").decode(errors="replace")


@dataclass(frozen=True, slots=True)
class Recording:
    """An image and the files that the instrument wrote beside it."""

    image: SeenFile
    side_cars: tuple[SeenFile, ...]

    @property
    def files(self) -> tuple[SeenFile, ...]:
        """All of them."""
        return (*self.side_cars, self.image)


def look(root: Path, on_problem: Callable[[str, str], None]) -> list[SeenFile]:
    """List the images and side-cars below a folder, hidden ones left out: ``._a.tif`` is what macOS writes beside ``a.tif``.

    A folder within it that cannot be read is told to ``on_problem``, with the reason, and left out.

    Raises
    ------
    OSError
        When the folder itself cannot be read, because the share is away.
    """
    found, folders = [], [root]
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.name.startswith("."):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(Path(entry.path))
                    elif _counts(entry.name) and entry.is_file():
                        found.append(_seen(root, entry))
        except OSError as error:
            if folder == root:
                raise
            on_problem(readable(folder), error.strerror or str(error))
    return found


def recordings(files: Iterable[SeenFile]) -> Iterator[Recording]:
    """Yield each image with its side-cars; a side-car without an image waits for it."""
    files = list(files)
    side_cars = {"".join(split_name(file.name)): file for file in files if is_side_car(file.name)}
    for file in sorted(files, key=lambda one: one.place):
        if not is_side_car(file.name):
            beside = (side_cars.get(name) for name in side_cars_of(file.name))
            yield Recording(file, tuple(one for one in beside if one is not None))


def _counts(name: str) -> bool:
    return is_side_car(name) or is_image(name)


def _seen(root: Path, entry: os.DirEntry[str]) -> SeenFile:
    status = entry.stat()
    path = Path(entry.path)
    return SeenFile(path, os.fsencode(path.relative_to(root)), status.st_size, status.st_mtime_ns)
