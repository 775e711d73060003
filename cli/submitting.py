"""`saemi submit`: files and folders into the portal's queue, again and again until all have arrived."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from cli.bulk.hashes import HashCache, Refusal
from cli.bulk.unfinished import UnfinishedSubmissions, command_key
from cli.bulk.with_bars import hand_in_with_bars
from cli.client import Saemi
from cli.console import EXIT_SOME_FAILED, messages, print_json
from cli.inputs import find_micrographs, readable
from cli.manifest_file import checked, warn_of_missing
from cli.patience import LONG_PATIENCE_S
from cli.remote import names_of, print_results, server_option, wait_with_bar, with_side_cars
from cli.submission_choices import SubmissionChoices, submission_options
from shared.errors import NotFoundError, TransientError
from shared.settings import load_settings
from web.schemas import Submission

# `--resume` without a number.
LAST = 0


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@submission_options
@click.option(
    "--manifest",
    "manifest_path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="CSV or XLSX that gives sample and metadata of each file; its column `file` names them.",
)
@click.option(
    "--resume",
    type=click.IntRange(min=0),
    is_flag=False,
    flag_value=LAST,
    metavar="[ID]",
    help="Go on with a submission; without ID with the interrupted one of the same files, or refuse where there is none.",
)
@click.option("--new", is_flag=True, help="Open a new submission also where one of the same files was interrupted.")
@click.option("--wait", is_flag=True, help="Wait for the results and print them.")
@click.option("--json", "as_json", is_flag=True, help="Print the submission as JSON.")
@server_option
@click.pass_context
def submit(
    context: click.Context,
    *,
    paths: tuple[Path, ...],
    choices: SubmissionChoices,
    manifest_path: Path | None,
    resume: int | None,
    new: bool,
    wait: bool,
    as_json: bool,
    server: str | None,
) -> None:
    """Hand micrographs to the portal's queue. PATHS are files, or folders that are searched for images.

    Side-cars (.txt, .hdr, .emi) that lie beside an image under its name go along. What the portal has is not sent again. After
    an interruption the same command goes on with the same submission.
    """
    if new and resume is not None:
        raise click.UsageError("--new and --resume exclude each other.")
    if not resume:
        choices.require_project()
    manifest = checked(manifest_path) if manifest_path else None
    named = names_of(paths, with_side_cars(find_micrographs(paths)))
    if manifest:
        warn_of_missing(manifest, [name for _, name in named])
    with (
        Saemi(server or load_settings().effective_server) as saemi,
        UnfinishedSubmissions() as unfinished,
        HashCache() as cache,
    ):
        command = command_key(saemi.server, paths, asdict(choices))
        submission = _begun(saemi, unfinished, command, resume) if not new else None
        if submission is None:
            submission = choices.open(saemi)
        unfinished.remember(command, submission.id)
        saemi.patience_s = LONG_PATIENCE_S
        if manifest:
            saemi.put_manifest(submission.id, manifest.content, manifest.name)
        refused = _hand_in(saemi, cache, submission.id, named)
        unfinished.forget(command)
        for refusal in refused:
            messages.print(f"{readable(refusal.path)}: {refusal.reason}")
        submission = wait_with_bar(saemi, submission.id) if wait else saemi.submission(submission.id)
        if as_json:
            print_json(submission.model_dump(mode="json"))
        elif wait:
            print_results(saemi, submission.id)
        messages.print(f"Submission {submission.id}: {saemi.server}/submissions/{submission.id}")
    context.exit(EXIT_SOME_FAILED if refused or submission.counts.failed else 0)


def _begun(saemi: Saemi, unfinished: UnfinishedSubmissions, command: str, resume: int | None) -> Submission | None:
    """Return the submission to go on with: the one named, else the one that this command began, if any."""
    if resume:
        return saemi.submission(resume)
    number = unfinished.find(command)
    if number is not None:
        try:
            submission = saemi.submission(number)
        except NotFoundError:  # another portal under the same address, or begun anew
            unfinished.forget(command)
        else:
            messages.print(f"Going on with submission {number}, which was interrupted (--new opens another one).")
            return submission
    if resume == LAST:
        raise click.UsageError("No submission of these files and options was interrupted: give its number.")
    return None


def _hand_in(saemi: Saemi, cache: HashCache, submission_id: int, named: Sequence[tuple[Path, str]]) -> list[Refusal]:
    try:
        return hand_in_with_bars(saemi, cache, submission_id, named)
    except (KeyboardInterrupt, TransientError):
        messages.print(f"Interrupted. The same command goes on with submission {submission_id}.")
        raise
