"""Which files a command is about: those named, and the micrographs in the folders named."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from shared.errors import InputError

MICROGRAPH_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"})
# A file system's limit, with room for what is appended to a stem.
MAX_STEM_BYTES = 220


def find_micrographs(paths: Sequence[Path]) -> list[Path]:
    """Return the files named, whatever they are called, and the files in the folders named that have an image's ending.

    Raises
    ------
    InputError
        ``no_files`` when there is none.
    """
    found: dict[Path, None] = {}
    for path in paths:
        found.update(dict.fromkeys(_in_folder(path) if path.is_dir() else [path]))
    if not found:
        endings = ", ".join(sorted(MICROGRAPH_SUFFIXES))
        raise InputError(f"No micrographs found: a folder is searched for {endings}.", code="no_files")
    return list(found)


def distinct_stems(paths: Iterable[Path]) -> Iterator[str]:
    """Yield a name for the results of each file: its stem, shortened where too long, numbered where two are the same."""
    seen: set[str] = set()
    for path in paths:
        stem = base = path.stem.encode()[:MAX_STEM_BYTES].decode(errors="ignore")
        number = 2
        while stem.casefold() in seen:
            stem = f"{base}_{number}"
            number += 1
        seen.add(stem.casefold())
        yield stem


def _in_folder(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in MICROGRAPH_SUFFIXES and path.is_file())
