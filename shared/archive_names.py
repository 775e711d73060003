"""Archives of images by their names: which files are archives, and what their members are called in the submission.

Names of members are never paths of ours (files are stored by their hash). What a name could do elsewhere, in a download or to a
person who reads it, is refused all the same: nobody writes `..` into an archive of micrographs.
"""

import unicodedata

from shared.errors import InputError
from shared.image_names import DRIVE, clean_name

ZIP_ENDINGS = (".zip",)
TAR_ENDINGS = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz")
ARCHIVE_ENDINGS = (*ZIP_ENDINGS, *TAR_ENDINGS)
# Not unpacked: these are refused inside an archive as those above are.
OTHER_ARCHIVE_ENDINGS = (".7z", ".rar", ".gz", ".xz", ".bz2", ".zst", ".tbz2")


def is_archive(name: str) -> bool:
    """Tell whether a file's name is that of an archive that is unpacked."""
    return name.lower().endswith(ARCHIVE_ENDINGS)


def is_any_archive(name: str) -> bool:
    """Tell whether a file's name is that of an archive, or of a compressed file, of any kind."""
    return name.lower().endswith((*ARCHIVE_ENDINGS, *OTHER_ARCHIVE_ENDINGS))


def member_name(archive_name: str, name: str) -> str:
    """Return what a member of an archive is called in the submission: `lot.zip/day 1/a.tif`.

    Raises
    ------
    InputError
        ``unsafe_member_name`` for what no honest archive holds, with the reason; ``invalid_name`` for a name that is too long.
    """
    reason = _danger(name)
    if reason:
        raise InputError(f"The archive calls this file {_printable(name)!r}: {reason}.", code="unsafe_member_name")
    return clean_name(f"{archive_name}/{clean_name(name)}")


def shown_member_name(archive_name: str, name: str, number: int) -> str:
    """Return how a member that was refused is listed, whatever it is called; ``number`` counts the members from 1."""
    try:
        return clean_name(f"{archive_name}/{clean_name(name)}")
    except InputError:  # nothing is left of the name, or too much
        return f"{archive_name}/(file {number:,})"


def _danger(name: str) -> str | None:
    parts = name.split("/")
    if not name.strip("/ ."):
        return "that is no name"
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in name):
        return "names with control characters are refused"
    if "\\" in name:
        return "names with a backslash are refused"
    if name.startswith("/") or DRIVE.match(name):
        return "absolute names are refused"
    if any(part.strip() == ".." for part in parts):
        return "names that lead out of the archive are refused"
    return None


def _printable(name: str) -> str:
    return "".join("�" if unicodedata.category(c) in ("Cc", "Cs") else c for c in name)[:200]
