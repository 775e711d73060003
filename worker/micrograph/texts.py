"""Texts of instrument files: from bytes in whatever encoding to clean characters, and from lines to named values."""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

# What is kept of a file's own fields: enough for every vendor at hand, little enough for a row of the database.
MAX_FIELDS = 500
MAX_NAME_CHARACTERS = 120
MAX_VALUE_CHARACTERS = 500
MAX_RAW_CHARACTERS = 60_000
# Side-cars and headers of text are at most some tens of kB.
MAX_TEXT_BYTES = 4 * 1024**2
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
# A number and a unit that is not the beginning of another, as m is of mm.
WHOLE_END = re.compile(r"\d\s*([pnuµμ]m|mm)\s*$")
SECTION = re.compile(r"\[(.+)\]")


def decode_text(data: bytes) -> str:
    """The characters of a text in UTF-8, UTF-16 or Windows Latin-1, whichever it is.

    Latin-1 never fails and comes last; UTF-16 is told by its mark, or by the zero bytes of its ASCII characters.
    """
    data = data[:MAX_TEXT_BYTES]
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace").rstrip("\0")
    start = data[:200]
    if len(start) >= 8 and start[1::2].count(0) > 0.8 * len(start[1::2]):
        return data.decode("utf-16-le", "replace").rstrip("\0")
    if len(start) >= 8 and start[0::2].count(0) > 0.8 * len(start[0::2]):
        return data.decode("utf-16-be", "replace").rstrip("\0")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        # Not every byte has a meaning in Windows' Latin-1; the rest is marked.
        text = data.decode("cp1252", "replace")
    return text.rstrip("\0")


def clean(value: Any, max_characters: int = MAX_VALUE_CHARACTERS) -> str:
    """A value as one line of text without control characters, cut to a length."""
    text = decode_text(value) if isinstance(value, bytes) else str(value)
    # Half of a surrogate pair cannot be encoded, and so neither be stored nor printed.
    text = text[: 4 * max_characters].encode("utf-8", "replace").decode("utf-8")
    return " ".join(CONTROL.sub(" ", text).split())[:max_characters]


def whole_lines(text: str) -> list[str]:
    r"""The lines of a text without the last one where its end is missing: there the text may have been cut within a number.

    A last line that ends in a unit of two letters is whole, because no other unit begins with it. Lines with a zero byte inside
    are left out: there a copy has a hole.

    Examples
    --------
    >>> whole_lines("HV=5\nPixelSizeX=1.5e-0"), whole_lines("HV=5\nPixelSizeX=1.5e-09\n"), whole_lines("a\nsize=12.5 nm")
    (['HV=5'], ['HV=5', 'PixelSizeX=1.5e-09'], ['a', 'size=12.5 nm'])
    """
    lines = text.rstrip("\0").splitlines(keepends=True)
    if lines and lines[-1] == lines[-1].rstrip("\r\n") and not WHOLE_END.search(lines[-1]):
        lines.pop()
    return [line.rstrip("\r\n") for line in lines if "\0" not in line]


def key_values(text: str, separator: str = "=") -> dict[str, str]:
    """Lines ``name=value`` under headings ``[section]`` as ``section.name``; the first of two equal names counts."""
    found: dict[str, str] = {}
    section = ""
    for line in whole_lines(text):
        stripped = line.strip()
        heading = SECTION.fullmatch(stripped)
        if heading:
            section = heading.group(1).strip()
            continue
        name, sign, value = stripped.partition(separator)
        if sign and name.strip():
            found.setdefault(f"{section}.{name.strip()}" if section else name.strip(), value.strip())
    return found


def flatten(tree: Any, prefix: str = "") -> Iterable[tuple[str, Any]]:
    """The leaves of nested mappings, named by their path."""
    if isinstance(tree, Mapping):
        for name, value in tree.items():
            yield from flatten(value, f"{prefix}.{name}" if prefix else str(name))
    else:
        yield prefix, tree


def bounded(fields: Iterable[tuple[str, Any]]) -> Mapping[str, str]:
    """Fields as clean texts, as many as there is room for; empty ones are left out."""
    kept: dict[str, str] = {}
    room = MAX_RAW_CHARACTERS
    for raw_name, raw_value in fields:
        name, value = clean(raw_name, MAX_NAME_CHARACTERS), clean(raw_value)
        if not name or not value or name in kept:
            continue
        room -= len(name) + len(value)
        if room < 0 or len(kept) >= MAX_FIELDS:
            break
        kept[name] = value
    return MappingProxyType(kept)
