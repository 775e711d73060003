"""How the command line speaks: results on standard output, everything else on standard error, progress on terminals only."""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table

# File names may hold square brackets and colons, which rich would take for markup and emoji.
messages = Console(stderr=True, soft_wrap=True, highlight=False, markup=False, emoji=False)
# A pipe has no width: nothing is cut or folded there.
PIPE_COLUMNS = 100_000
EXIT_SOME_FAILED = 1
EXIT_USAGE = 2


def print_json(value: Any) -> None:
    """Print a result for programs."""
    print(json.dumps(value, ensure_ascii=False, indent=2))


def print_json_list(items: Iterable[Any]) -> None:
    """Print a list of results for programs, item after item as they come."""
    separator = "\n"
    print("[", end="")
    for item in items:
        print(separator + json.dumps(item, ensure_ascii=False), end="")
        separator = ",\n"
    print("\n]")


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print a result for people; numbers with four digits, a dash for what is missing."""
    table = Table(*columns, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*(_cell(value) for value in row))
    width = None if sys.stdout.isatty() else PIPE_COLUMNS
    Console(width=width, highlight=False, markup=False, emoji=False).print(table)


def progress_bar() -> Progress:
    """Return a progress bar that counts, silent where standard error is no terminal."""
    return _bar(MofNCompleteColumn())


def transfer_bar() -> Progress:
    """Return a progress bar of bytes, silent where standard error is no terminal."""
    return _bar(DownloadColumn(), TransferSpeedColumn())


def _bar(*amount: ProgressColumn) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        *amount,
        TimeRemainingColumn(),
        console=messages,
        disable=not messages.is_terminal,
        transient=True,
    )


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.4g}" if value < 1e4 else f"{value:.0f}"
    return str(value)
