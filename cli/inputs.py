"""Which files a command is about: those named, and the micrographs in the folders named."""

import os
from collections.abc import Sequence
from pathlib import Path

from shared.errors import InputError
from shared.image_names import IMAGE_ENDINGS


def find_micrographs(paths: Sequence[Path], results: Path | None = None) -> list[Path]:
    """Return the files named, whatever they are called, and the files in the folders named that have an image's ending.

    Parameters
    ----------
    paths
        Files and folders.
    results
        A folder of results, whose pictures are no micrographs; it may lie in a folder that is searched.

    Raises
    ------
    InputError
        ``no_files`` when there is none.
    """
    found: dict[Path, None] = {}
    for path in paths:
        found.update(dict.fromkeys(_in_folder(path, results) if path.is_dir() else [path]))
    if not found:
        endings = ", ".join(sorted(IMAGE_ENDINGS))
        raise InputError(f"No micrographs found: a folder is searched for {endings}.", code="no_files")
    return list(found)


def readable(path: Path) -> str:
    """Return a path as text that can be printed and stored, also where its bytes are no text."""
    return os.fsencode(path).decode(errors="replace")


def _in_folder(folder: Path, results: Path | None) -> list[Path]:
    found = (path for path in folder.rglob("*") if path.suffix.lower() in IMAGE_ENDINGS and _is_image(path))
    if results is None or results.resolve() == folder.resolve():
        return sorted(found)
    return sorted(path for path in found if not path.resolve().is_relative_to(results.resolve()))


def _is_image(path: Path) -> bool:
    """Whether a file is an image of its own: an ``.emi`` is the side-car of the ``.ser`` files beside it."""
    return path.is_file() and not (path.suffix.lower() == ".emi" and path.with_name(f"{path.stem}_1.ser").is_file())
