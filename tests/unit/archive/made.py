"""Archives, honest and not, for the tests of unpacking."""

import bz2
import gzip
import io
import lzma
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Mapping

Entries = Mapping[str, bytes] | Iterable[tuple[str, bytes]]
COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    ".tar": lambda content: content,
    ".tar.gz": gzip.compress,
    ".tgz": gzip.compress,
    ".tar.xz": lzma.compress,
    ".tar.bz2": bz2.compress,
}


def pairs(entries: Entries) -> Iterable[tuple[str, bytes]]:
    return entries.items() if isinstance(entries, Mapping) else entries


def zip_bytes(entries: Entries, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in pairs(entries):
            archive.writestr(raw_info(name), content, method)
    return stream.getvalue()


def raw_info(name: str, mode: int = stat.S_IFREG | 0o644) -> zipfile.ZipInfo:
    """An entry whose name is written as it is given, whatever it holds."""
    info = zipfile.ZipInfo("placeholder")
    info.filename = name
    info.create_system = 3
    info.external_attr = mode << 16
    return info


def special_zip(name: str, mode: int) -> bytes:
    """A ZIP with an entry that is no plain file."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(raw_info(name, mode), b"/etc/passwd")
    return stream.getvalue()


def encrypted_zip(name: str) -> bytes:
    """A ZIP that says its entry is encrypted: bit 0 in both of its headers."""
    content = bytearray(zip_bytes({name: b"secret"}))
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


def tar_bytes(entries: Entries, ending: str = ".tar", form: int = tarfile.PAX_FORMAT) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=form) as archive:
        for name, content in pairs(entries):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return COMPRESS[ending](stream.getvalue())


def special_tar(name: str, kind: bytes) -> bytes:
    """A TAR with an entry that is no plain file, before one that is."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, "/etc/passwd"
        archive.addfile(info)
        plain = tarfile.TarInfo("good.tif")
        plain.size = 4
        archive.addfile(plain, io.BytesIO(b"good"))
    return stream.getvalue()


def archive_bytes(name: str, entries: Entries) -> bytes:
    """An archive of the kind that its name says."""
    if name.endswith(".zip"):
        return zip_bytes(entries)
    return tar_bytes(entries, next(ending for ending in COMPRESS if name.endswith(ending)))
