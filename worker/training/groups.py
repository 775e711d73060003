"""Groups of images that resemble each other, such as those of one sample or paper, from a table beside the data set."""

import csv
from collections.abc import Collection, Iterable
from pathlib import Path

from shared.errors import InputError

# `papers.csv` is what the EMPS set in its prepared form has.
GROUP_FILES = ("groups.csv", "papers.csv")
GROUP_COLUMNS = ("group", "paper", "paper_doi")


def read_groups(folder: Path, names: Collection[str]) -> dict[str, str]:
    """Read the group of each image.

    Parameters
    ----------
    folder : Path
        The data set. Its ``groups.csv`` or ``papers.csv`` has the columns ``name`` and ``group`` (or ``paper``, ``paper_doi``).
    names : collection of str
        Names of the images; the table may give them with or without ending, and may name others.

    Returns
    -------
    dict of str
        Group by name, of the images that have one; empty where there is no table.

    Raises
    ------
    InputError
        ``invalid_groups`` for a table without these columns or without any of the images.
    """
    path = next((folder / name for name in GROUP_FILES if (folder / name).is_file()), None)
    if path is None:
        return {}
    rows, column = _read_table(path)
    groups = {known_name(row["name"], names): row[column].strip() for row in rows if row["name"] and row[column]}
    found = {name: group for name, group in groups.items() if name in names and group}
    if not found:
        raise InputError(
            f"{path.name} gives no group to any of the {len(names)} images of {folder.name}.", code="invalid_groups"
        )
    return found


def known_name(name: str, names: Collection[str]) -> str:
    """Return the name of an image as the data set has it, where somebody wrote it with its ending; else as it is."""
    name = name.strip()
    without = str(Path(name).with_suffix(""))
    return without if name not in names and without in names else name


def known_names(written: Iterable[str], names: Collection[str]) -> list[str]:
    """Return names as the data set has them."""
    return [known_name(name, names) for name in written]


def _read_table(path: Path) -> tuple[list[dict[str, str]], str]:
    """Rows, and the name of the column with the groups."""
    try:
        # A spreadsheet program marks its UTF-8 with a first character of its own.
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            rows, columns = list(reader), reader.fieldnames or ()
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path.name} is no table of text: {error}.", code="invalid_groups") from error
    column = next((name for name in GROUP_COLUMNS if name in columns), None)
    if column is None or "name" not in columns:
        raise InputError(
            f"{path.name} needs the columns name and group, separated by commas; its first line is {','.join(columns)!r}.",
            code="invalid_groups",
        )
    return rows, column
