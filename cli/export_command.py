"""`saemi export`: a report or a file of analyses, made by a running portal and downloaded."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args
from urllib.parse import urlencode

import click
from pydantic import ValidationError

from cli.client import Saemi
from cli.console import EXIT_SOME_FAILED, messages, print_json, progress_bar, transfer_bar
from cli.exporting import ask_for_export, download_export, require_folder, wait_for_export
from cli.patience import LONG_PATIENCE_S
from cli.remote import server_option
from cli.results import make_folder
from shared.distributions.sample import COUNTING_RULES, DEFAULT_COUNTING_RULE
from shared.distributions.summary import Weighting
from shared.export_choices import MOST_BINS, SHOWN_QUANTITIES
from shared.leases import JobState
from shared.output_formats import OUTPUT_FORMATS
from shared.settings import load_settings
from web.export_schemas import Export, ExportBody

FORMATS_TEXT = "\b\nFormats:\n" + "\n".join(f"  {name:12} {one.description}" for name, one in OUTPUT_FORMATS.items())


def _file_or_folder(_context: click.Context, _option: click.Parameter, text: str) -> Path:
    """Read where the file goes; a path that ends as folders do is one, and is made where it does not exist."""
    if text.endswith(("/", os.sep)):
        make_folder(Path(text))
    return Path(text)


@click.command(epilog=FORMATS_TEXT)
@click.option("--format", "format_name", type=click.Choice(list(OUTPUT_FORMATS)), help="What is made; see below.")
@click.option("--submission", type=click.IntRange(1), help="Of all images of a submission.")
@click.option("--sample", help="Of all images of a sample.")
@click.option("--analysis", "analysis_ids", type=click.IntRange(1), multiple=True, help="Of an analysis. Again for more.")
@click.option("--search", help="Of all that the query of an address of the page Analyses finds.", metavar="QUERY")
@click.option("--quantity", type=click.Choice(SHOWN_QUANTITIES), default="ecd", show_default=True, help="Of distributions.")
@click.option("--weighting", type=click.Choice(get_args(Weighting)), default="number", show_default=True)
@click.option(
    "--counting-rule",
    type=click.Choice(list(COUNTING_RULES)),
    default=DEFAULT_COUNTING_RULE,
    show_default=True,
    help="Which particles count.",
)
@click.option("--bins", type=click.IntRange(1, MOST_BINS), help="Of histograms; without, as many as suit the data.")
@click.option("--log-axis", is_flag=True, help="Logarithmic axis of sizes.")
@click.option("--person", help="Who asks; shown in the list of exports.")
@click.option("--resume", type=click.IntRange(1), metavar="ID", help="Wait for and download an export that was asked for.")
@click.option(
    "--out",
    type=click.Path(),
    default=".",
    callback=_file_or_folder,
    help="File, or folder: one that exists or ends in a slash; default: this folder.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the export as JSON.")
@server_option
@click.pass_context
def export(
    context: click.Context,
    /,
    *,
    format_name: str | None,
    submission: int | None,
    sample: str | None,
    analysis_ids: tuple[int, ...],
    search: str | None,
    resume: int | None,
    out: Path,
    as_json: bool,
    server: str | None,
    **choices: Any,
) -> None:
    """Make a report or a file of analyses and download it. Without a selection, of all analyses.

    The portal makes it, whether this command waits or not: an interrupted one goes on by --resume.
    """
    if (format_name is None) == (resume is None):
        raise click.UsageError("Give either --format or --resume.")
    if resume is not None and (submission or sample or analysis_ids or search):
        raise click.UsageError("--resume names what was selected: leave the selection out.")
    require_folder(out)  # before anybody waits
    body = None if format_name is None else _body(format_name, _query(submission, sample, search), analysis_ids, choices)
    with Saemi(server or load_settings().effective_server) as saemi:
        asked = ask_for_export(saemi, body) if body else saemi.shown_export(resume or 0)
        saemi.patience_s = LONG_PATIENCE_S
        try:
            made = _wait_with_bar(saemi, asked)
            path = _download_with_bar(saemi, made, out) if made.file else None
        except KeyboardInterrupt:
            messages.print(f"Interrupted. `saemi export --resume {asked.id}` goes on.")
            raise
    if as_json:
        print_json(made.model_dump(mode="json") | {"path": None if path is None else str(path)})
    elif path is not None:
        click.echo(path)
    if made.state is not JobState.DONE:
        messages.print(f"Export {made.id}: {made.error_message or made.state}")
    context.exit(0 if path else EXIT_SOME_FAILED)


def _query(submission: int | None, sample: str | None, search: str | None) -> str:
    """Return the selection as the query of an address."""
    if search is not None and (submission is not None or sample is not None):
        raise click.UsageError("--search says all that is selected: leave --submission and --sample out.")
    chosen = {"submission_id": submission, "sample": sample}
    return search or urlencode({name: value for name, value in chosen.items() if value is not None})


def _body(format_name: str, query: str, analysis_ids: Sequence[int], options: dict[str, Any]) -> ExportBody:
    person = options.pop("person")
    try:
        return ExportBody(
            format=format_name,
            selection=query,
            analysis_ids=list(analysis_ids) or None,
            choices=options,
            person=person,
        )
    except ValidationError as error:
        problems = "; ".join(f"{e['loc'][0]}: {e['msg'].removeprefix('Value error, ')}" for e in error.errors())
        raise click.UsageError(problems) from error


def _wait_with_bar(saemi: Saemi, asked: Export) -> Export:
    with progress_bar() as bar:
        task = bar.add_task("Waiting", total=None)

        def show(current: Export) -> None:
            running = current.state is JobState.RUNNING
            description = "Making the file" if running else "Waiting"
            bar.update(task, description=description, total=current.n_images, completed=current.n_done)

        return wait_for_export(saemi, asked.id, show)


def _download_with_bar(saemi: Saemi, made: Export, out: Path) -> Path:
    with transfer_bar() as bar:
        task = bar.add_task("Downloading", total=made.file.n_bytes if made.file else None)
        return download_export(saemi, made, out, lambda n_bytes: bar.advance(task, n_bytes))
