"""`saemi status`, and what the clients of a running portal share."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from cli.client import Saemi
from cli.console import print_json, print_table, progress_bar
from cli.inputs import readable
from shared.image_names import shown_name
from shared.settings import load_settings
from shared.side_car_names import is_side_car
from web.schemas import Submission
from worker.micrograph.side_cars import side_cars_beside

PARALLEL_UPLOADS = 4
RESULT_COLUMNS = ("file", "state", "particles", "mean ECD", "D50", "unit", "result")
STATUS_COLUMNS = ("submission", "project", "sample", "queued", "running", "done", "failed", "cancelled", "paused")

server_option = click.option("--server", help="Address of the portal; default: SAEMI_SERVER.")


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
            rows.append([name, job.state, None, None, None, None, job.error_message or job.note])
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
