"""The manifest of a submission as its page shows it."""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.manifest_rows import ManifestRow
from shared.manifests import ListedEntry, ManifestCounts
from web.pages.writing import count


@dataclass(frozen=True, slots=True)
class ManifestLine:
    """A manifest in words, with the first names that no file of the submission has, and that several have."""

    name: str
    words: str
    missing: list[str]
    has_more_missing: bool
    ambiguous: list[str]
    has_more_ambiguous: bool


def manifest_line(
    row: ManifestRow, counts: ManifestCounts, missing: Sequence[ListedEntry], ambiguous: Sequence[ListedEntry]
) -> ManifestLine:
    """Describe a manifest by its counts and the first of its entries that no file, or no single one, fits."""
    words = f"{count(counts.here)} of {count(counts.total)} files are here."
    if counts.files_without_entry:
        words += f" {count(counts.files_without_entry)} other{'s are' if counts.files_without_entry > 1 else ' is'} not in it."
    return ManifestLine(
        name=row.name,
        words=words,
        missing=[entry.row.file_name for entry in missing],
        has_more_missing=counts.missing > len(missing),
        ambiguous=[entry.row.file_name for entry in ambiguous],
        has_more_ambiguous=counts.ambiguous > len(ambiguous),
    )
