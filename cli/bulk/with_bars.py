"""Many files into one submission, with progress bars for people."""

from collections.abc import Sequence
from pathlib import Path

from cli.bulk.hashes import HashCache, HashedFile, Refusal
from cli.bulk.uploading import Outcome, hand_in
from cli.client import Saemi
from cli.console import messages, progress_bar, transfer_bar


def hand_in_with_bars(saemi: Saemi, cache: HashCache, submission_id: int, named: Sequence[tuple[Path, str]]) -> list[Refusal]:
    """Bring files, each with its name in the submission, to the portal; returns those that were refused."""
    refused: list[Refusal] = []
    hashed = _hash_with_bar(cache, named, refused)
    _upload_with_bar(saemi, submission_id, hashed, refused)
    return refused


def _hash_with_bar(cache: HashCache, named: Sequence[tuple[Path, str]], refused: list[Refusal]) -> list[HashedFile]:
    hashed: list[HashedFile] = []
    with progress_bar() as bar:
        task = bar.add_task("Reading", total=len(named))
        for file in cache.hash_files(named):
            if isinstance(file, Refusal):
                refused.append(file)
            else:
                hashed.append(file)
            bar.advance(task)
    return hashed


def _upload_with_bar(saemi: Saemi, submission_id: int, files: Sequence[HashedFile], refused: list[Refusal]) -> None:
    n_known = n_done = 0
    with transfer_bar() as bar:
        task = bar.add_task("Uploading", total=sum(file.n_bytes for file in files))

        def report(_: HashedFile, outcome: Outcome | Refusal) -> None:
            nonlocal n_known, n_done
            n_done += 1
            if isinstance(outcome, Refusal):
                refused.append(outcome)
            elif outcome is Outcome.KNOWN:
                n_known += 1
            bar.update(task, description=f"Uploading, {n_done:,} of {len(files):,} files")

        hand_in(saemi, submission_id, files, report, lambda n_bytes: bar.advance(task, n_bytes))
    if n_known:
        messages.print(f"{n_known:,} of {len(files):,} files were there already and were not sent.")
