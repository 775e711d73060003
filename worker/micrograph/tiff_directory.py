"""The directories (IFDs) of a TIFF, classic and BigTIFF, read without believing a single length or offset.

Sources: Adobe, "TIFF Revision 6.0" (1992), section 2; the BigTIFF design, AWare Systems (2004).
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from worker.micrograph.container import Source, damaged, truncated

# Far more pages than any stack has, previews included; walking so many takes a few seconds.
MAX_PAGES = 100_000
# The directory of a page rarely takes more; a larger one is read in two steps.
USUAL_BYTES = 2048
# Entries of one directory: TIFF itself allows 65,535; vendors use fewer than a hundred.
MAX_ENTRIES = 4096

# Field types that hold unsigned integers (section 2, and 13 from Supplement 1): type code and NumPy type.
# Bytes of one value of each field type (section 2, and the BigTIFF design).
TYPE_BYTES: Mapping[int, int] = MappingProxyType(
    {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
)
# Vendors keep pages of text and thumbnails in a field; more than this is none.
MAX_FIELD_BYTES = 8 * 1024**2
INTEGER_TYPES: Mapping[int, str] = MappingProxyType({1: "u1", 3: "u2", 4: "u4", 7: "u1", 13: "u4", 16: "u8", 18: "u8"})


@dataclass(frozen=True, slots=True)
class Directory:
    """One IFD: where it begins, and its fields by tag, whose values are read and checked when they are asked for."""

    offset: int
    fields: Mapping[int, "_Field"]
    directories: "TiffDirectories"

    def integers(self, tag: int) -> NDArray[np.uint64]:
        """All values of a field, shape (count,); empty where the field is missing."""
        field = self.fields.get(tag)
        return np.empty(0, np.uint64) if field is None else self.directories.values(field)

    def integer(self, tag: int, default: int) -> int:
        """The first value of a field, or the default of the specification."""
        values = self.integers(tag)
        return int(values[0]) if len(values) else default

    def data(self, tag: int) -> bytes:
        """The bytes of a field of any type, cut at `MAX_FIELD_BYTES`; empty where it is missing."""
        field = self.fields.get(tag)
        return b"" if field is None else self.directories.data(field)

    def real(self, tag: int) -> float | None:
        """The first value of a field of type DOUBLE, FLOAT or RATIONAL; None for any other, and for a ratio to zero."""
        field = self.fields.get(tag)
        return None if field is None else self.directories.real(field)

    def raw(self, tag: int) -> bytes:
        """The bytes of a field of type BYTE or UNDEFINED; empty where it is missing."""
        return self.integers(tag).astype(np.uint8).tobytes()


@dataclass(frozen=True, slots=True)
class _Field:
    kind: int
    count: int
    value: bytes  # the entry's own bytes: the values where they fit, else where they lie in the file


class TiffDirectories:
    """The chain of directories of one TIFF; raises InputError ``damaged_file`` or ``truncated_file``.

    Parameters
    ----------
    source : Source
        Begins with the TIFF signature.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        start = source.read(0, 8)
        if start[:2] not in {b"II", b"MM"}:
            raise damaged("the byte order of the TIFF is missing")
        self.byte_order: str = "<" if start[:2] == b"II" else ">"
        self.is_big: bool = self._number(start[2:4]) == 43
        self._offset_bytes = 8 if self.is_big else 4
        self._count_bytes = 8 if self.is_big else 2
        self._entry = struct.Struct(self.byte_order + ("HHQ8s" if self.is_big else "HHI4s"))
        self.first_offset: int = self._number(source.read(8, 8)) if self.is_big else self._number(start[4:8])

    def read(self, offset: int) -> Directory:
        """The directory at an offset."""
        return self._directory(offset, self._entries(offset))

    def pages(self) -> Iterator[Directory]:
        """The directories of the chain; a chain that runs in a circle is damage."""
        visited: set[int] = set()
        offset = self.first_offset
        while offset:
            if offset in visited:
                raise damaged("its list of pages runs in a circle")
            if len(visited) >= MAX_PAGES:
                raise damaged(f"it lists more than {MAX_PAGES:,} pages")
            visited.add(offset)
            entries = self._entries(offset, self._offset_bytes)
            yield self._directory(offset, entries[: -self._offset_bytes])
            offset = self._number(entries[-self._offset_bytes :])

    def values(self, field: _Field) -> NDArray[np.uint64]:
        """The values of a field of unsigned integers, shape (count,); empty for fields of other types."""
        if field.kind not in INTEGER_TYPES:
            return np.empty(0, np.uint64)
        dtype = np.dtype(self.byte_order + INTEGER_TYPES[field.kind])
        return np.frombuffer(self._bytes(field, field.count * dtype.itemsize), dtype).astype(np.uint64)

    def data(self, field: _Field) -> bytes:
        """The bytes of a field of any type, cut at `MAX_FIELD_BYTES`."""
        return self._bytes(field, field.count * TYPE_BYTES.get(field.kind, 0), MAX_FIELD_BYTES)

    def real(self, field: _Field) -> float | None:
        """The first value of a field of type DOUBLE, FLOAT or RATIONAL; None for any other, and for a ratio to zero."""
        data = self.data(field)
        if field.kind in {11, 12} and len(data) >= TYPE_BYTES[field.kind]:
            return float(np.frombuffer(data, self.byte_order + ("f4" if field.kind == 11 else "f8"), 1)[0])
        if field.kind == 5 and len(data) >= 8:
            above, below = np.frombuffer(data, self.byte_order + "u4", 2).tolist()
            return above / below if below else None
        return None

    def _bytes(self, field: _Field, n_bytes: int, at_most: int | None = None) -> bytes:
        """The bytes of a field, those in its entry or those the entry points to."""
        if n_bytes <= self._offset_bytes:
            return field.value[:n_bytes]
        return self._source.read(self._number(field.value), n_bytes if at_most is None else min(n_bytes, at_most))

    def _directory(self, offset: int, entries: bytes) -> Directory:
        fields = {tag: _Field(kind, count, value) for tag, kind, count, value in self._entry.iter_unpack(entries)}
        return Directory(offset, MappingProxyType(fields), self)

    def _entries(self, offset: int, following_bytes: int = 0) -> bytes:
        """The entries of a directory, with so many bytes behind them."""
        if offset < 8 or offset >= self._source.size_bytes:
            raise damaged(f"a page is said to begin at byte {offset:,} of {self._source.size_bytes:,}")
        start = self._source.read_up_to(offset, USUAL_BYTES)
        n_entries = self._number(start[: self._count_bytes])
        if len(start) < self._count_bytes:
            raise truncated(offset + self._count_bytes, self._source.size_bytes)
        if not 1 <= n_entries <= MAX_ENTRIES:
            raise damaged(f"a page is said to have {n_entries:,} properties")
        end = self._count_bytes + n_entries * self._entry.size + following_bytes
        whole = start if end <= len(start) else self._source.read(offset, end)
        return whole[self._count_bytes : end]

    def _number(self, raw: bytes) -> int:
        return int.from_bytes(raw, "little" if self.byte_order == "<" else "big")
