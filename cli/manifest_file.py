"""The manifest of `saemi submit`: read before anything is sent, and compared with the files that go."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cli.console import messages
from cli.inputs import readable
from shared.archive_names import is_archive
from shared.errors import InputError
from shared.image_names import clean_name
from shared.manifest import Manifest, read_manifest
from shared.manifests import Match, matches
from shared.spreadsheets import MAX_BYTES

# Files that are named one by one.
NAMED_FILES = 10


@dataclass(frozen=True, slots=True)
class ManifestFile:
    """A manifest that can be handed in, and what it says."""

    name: str
    content: bytes
    manifest: Manifest


def checked(path: Path) -> ManifestFile:
    """Read a manifest; where lines of it are wrong, print them and raise InputError."""
    with path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    try:
        return ManifestFile(readable(Path(path.name)), content, read_manifest(content))
    except InputError as error:
        problems = error.details.get("problems", [])
        for problem in problems:
            messages.print(f"{readable(path)}, line {problem['line']}: {problem['message']}")
        n_further = error.details.get("n_problems", 0) - len(problems)
        further = f" There are {n_further:,} more." if n_further else ""
        message = f"The manifest is wrong in these lines; nothing was sent.{further}" if problems else error.message
        raise InputError(message, code=error.code) from error


def warn_of_missing(found: ManifestFile, names: Iterable[str]) -> None:
    """Name the files of a manifest that are not among those that are handed in, by their names in the submission."""
    cleaned = [_cleaned(name) for name in names]
    files = [entry.file_name for entry in found.manifest.entries]
    meant = {file for file, match in matches(dict.fromkeys(files, Match()), cleaned).items() if match.source_name}
    missing = [file for file in files if file not in meant]
    if not missing:
        return
    where = "It may lie in an archive" if any(map(is_archive, cleaned)) else "It may come later"
    shown = ", ".join(missing[:NAMED_FILES]) + (" …" if len(missing) > NAMED_FILES else "")
    n_files = "1 file" if len(missing) == 1 else f"{len(missing):,} files"
    messages.print(
        f"{found.name} names {n_files} that {'is' if len(missing) == 1 else 'are'} not among these: {shown}. {where}."
    )


def _cleaned(name: str) -> str:
    try:
        return clean_name(name)
    except InputError:  # the portal refuses this file and says why
        return name
