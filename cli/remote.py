"""`saemi submit` and `saemi status`: clients of a running portal."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import click

from cli.client import Saemi
from cli.console import EXIT_SOME_FAILED, messages, print_json, print_table, progress_bar
from cli.images import images_option
from cli.inputs import find_micrographs, readable
from cli.model_choice import min_confidence_option
from cli.ranges import NM_PER_PX
from shared.errors import SaemiError, TransientError
from shared.image_names import WhichImages, shown_name
from shared.settings import load_settings
from shared.side_car_names import is_side_car
from shared.turns import Priority
from web.schemas import Submission
from worker.micrograph.side_cars import side_cars_beside

PARALLEL_UPLOADS = 4
RESULT_COLUMNS = ("file", "state", "particles", "mean ECD", "D50", "unit", "result")
STATUS_COLUMNS = ("submission", "project", "sample", "queued", "running", "done", "failed", "cancelled", "paused")

server_option = click.option("--server", help="Address of the portal; default: SAEMI_SERVER.")


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--project", required=True, help="Project the micrographs belong to.")
@click.option("--sample", help="Sample they show.")
@click.option("--nm-per-px", type=NM_PER_PX, help="Pixel size, nm; without it what the files state and show.")
@click.option("--model", help="Name or reference of a registered model; without, the portal's default.")
@min_confidence_option
@images_option
@click.option("--person", help="Who hands in; people of a group share its turns evenly.")
@click.option("--group", help="Whose turns in the queue these are; without, the project's own.")
@click.option(
    "--priority",
    type=click.Choice(list(Priority)),
    default=Priority.NORMAL,
    show_default=True,
    help="interactive: somebody waits for it; bulk: it has time, the rest of the person's goes first.",
)
@click.option("--wait", is_flag=True, help="Wait for the results and print them.")
@click.option("--json", "as_json", is_flag=True, help="Print the submission as JSON.")
@server_option
@click.pass_context
def submit(
    context: click.Context,
    *,
    paths: tuple[Path, ...],
    project: str,
    sample: str | None,
    nm_per_px: float | None,
    model: str | None,
    min_confidence: float,
    which: WhichImages,
    person: str | None,
    group: str | None,
    priority: Priority,
    wait: bool,
    as_json: bool,
    server: str | None,
) -> None:
    """Hand micrographs to the portal's queue. PATHS are files, or folders that are searched for images.

    Side-cars (.txt, .hdr, .emi) that lie beside an image under its name go along.
    """
    files = with_side_cars(find_micrographs(paths))
    with Saemi(server or load_settings().effective_server) as saemi:
        submission = saemi.open_submission(
            project,
            sample=sample,
            nm_per_px=nm_per_px,
            model=model,
            min_confidence=min_confidence,
            images=which,
            person=person,
            group=group,
            priority=priority,
        )
        refused = upload_all(saemi, submission.id, names_of(paths, files))
        for path, reason in refused:
            messages.print(f"{readable(path)}: {reason}")
        submission = wait_with_bar(saemi, submission.id) if wait else saemi.submission(submission.id)
        if as_json:
            print_json(submission.model_dump(mode="json"))
        elif wait:
            print_results(saemi, submission.id)
        messages.print(f"Submission {submission.id}: {saemi.server}/submissions/{submission.id}")
    context.exit(EXIT_SOME_FAILED if refused or submission.counts.failed else 0)


@click.command()
@click.argument("submission_id", required=False, type=int)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@server_option
def status(*, submission_id: int | None, as_json: bool, server: str | None) -> None:
    """Show how far a submission is, or all of them."""
    with Saemi(server or load_settings().effective_server) as saemi:
        shown = list(saemi.submissions()) if submission_id is None else [saemi.submission(submission_id)]
    if as_json:
        print_json([submission.model_dump(mode="json") for submission in shown])
    else:
        print_table(STATUS_COLUMNS, [_status_row(submission) for submission in shown])


def with_side_cars(images: Sequence[Path]) -> list[Path]:
    """Return images and the files that instruments wrote beside them, side-cars first: what reads the images needs them."""
    found = dict.fromkeys(beside for image in images for beside in side_cars_beside(image).values())
    return sorted({**found, **dict.fromkeys(images)}, key=lambda path: not is_side_car(path.name))


def names_of(paths: Sequence[Path], files: Sequence[Path]) -> list[tuple[Path, str]]:
    """Return each file with its name in the submission: relative to the folder it was found in, so that folders are kept.

    Where two would be called the same, all are named from the folder that holds all: a side-car must not meet another's image.
    """
    folders = [path for path in paths if path.is_dir()]
    parents = [next((folder for folder in folders if folder in file.parents), file.parent) for file in files]
    names = [readable(file.relative_to(parent)) for file, parent in zip(files, parents, strict=True)]
    if len(set(names)) < len(names):
        common = os.path.commonpath([file.absolute().parent for file in files])
        names = [readable(file.absolute().relative_to(common)) for file in files]
    return list(zip(files, names, strict=True))


def upload_all(saemi: Saemi, submission_id: int, files: Sequence[tuple[Path, str]]) -> list[tuple[Path, str]]:
    """Upload files side by side, all side-cars before the first image; returns those that were refused, with the reason."""
    refused = []

    def upload(file: tuple[Path, str]) -> str | None:
        try:
            saemi.add_file(submission_id, *file)
        except TransientError:
            raise  # nobody answers: the files after this one have no better chance
        except (SaemiError, OSError) as error:
            return str(error)
        return None

    side_cars = [file for file in files if is_side_car(file[1])]
    images = [file for file in files if not is_side_car(file[1])]
    with progress_bar() as bar, ThreadPoolExecutor(PARALLEL_UPLOADS) as pool:
        task = bar.add_task("Uploading", total=len(files))
        for group in (side_cars, images):
            for (path, _), problem in zip(group, pool.map(upload, group), strict=True):
                if problem:
                    refused.append((path, problem))
                bar.advance(task)
    return refused


def wait_with_bar(saemi: Saemi, submission_id: int) -> Submission:
    """Wait for a submission with a progress bar."""
    with progress_bar() as bar:
        task = bar.add_task("Analysing", total=None)

        def show(submission: Submission) -> None:
            counts = submission.counts
            bar.update(task, total=counts.total, completed=counts.total - counts.unfinished)

        return saemi.wait(submission_id, show)


def print_results(saemi: Saemi, submission_id: int) -> None:
    """Print one line for each image of a submission."""
    jobs = sorted(saemi.jobs(submission_id), key=lambda job: job.id)
    analyses = {analysis.id: analysis for analysis in saemi.analyses(submission_id=submission_id)}
    rows: list[list[Any]] = []
    for job in jobs:
        name = shown_name(job.source_name, job.image_index, job.n_images)
        if job.analysis_id is None:
            rows.append([name, job.state, None, None, None, None, job.error_message])
            continue
        analysis = analyses[job.analysis_id]
        found, calibrated = analysis.statistics, analysis.nm_per_px is not None
        sizes = (found.ecd_mean_nm, found.ecd_d50_nm, "nm") if calibrated else (found.ecd_mean_px, found.ecd_d50_px, "px")
        page = f"{saemi.server}/analyses/{analysis.id}"
        rows.append([name, job.state, found.n_particles, *sizes, page])
    print_table(RESULT_COLUMNS, rows)


def _status_row(submission: Submission) -> list[Any]:
    counts, paused = submission.counts, "yes" if submission.paused_at else None
    states = (counts.queued, counts.running, counts.done, counts.failed, counts.cancelled)
    return [submission.id, submission.project, submission.sample, *states, paused]
