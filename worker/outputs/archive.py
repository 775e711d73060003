"""ZIP archives that are written member by member, never held in memory."""

import re
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Self

# What some system refuses in the name of a file, and what would lead out of the folder that the archive is unpacked in.
UNSAFE = re.compile(r'[\x00-\x1f<>:"/\\|?*]|^\.+|[. ]+$')
# Half of zlib's default time for a few percent of size.
DEFLATE_LEVEL = 4


class Archive:
    """A ZIP archive that is being written; leave its block to finish it."""

    def __init__(self, target: Path | IO[bytes]) -> None:
        self._zip = zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=DEFLATE_LEVEL)
        self._names: set[str] = set()
        self._time = time.localtime()[:6]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    @contextmanager
    def member(self, stem: str, ending: str, *, is_compressed: bool = False) -> Iterator[IO[bytes]]:
        """Open a new member ``STEM.ENDING``; what is compressed already is stored as it is."""
        info = zipfile.ZipInfo(self._free_name(stem, ending), self._time)
        info.compress_type = zipfile.ZIP_STORED if is_compressed else zipfile.ZIP_DEFLATED
        # Nobody knows before how large a member becomes.
        with self._zip.open(info, "w", force_zip64=True) as file:
            yield file

    def comment(self, text: str) -> None:
        """Attach a text to the archive as a whole, as much of it as fits."""
        self._zip.comment = text.encode()[: zipfile.ZIP_MAX_COMMENT].decode(errors="ignore").encode()

    def _free_name(self, stem: str, ending: str) -> str:
        safe = UNSAFE.sub("_", stem) or "_"
        name, number = f"{safe}.{ending}", 2
        while name.casefold() in self._names:
            name, number = f"{safe}_{number}.{ending}", number + 1
        self._names.add(name.casefold())
        return name
