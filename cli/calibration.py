"""`saemi calibrate`: decide which pixel size holds for images that are analysed, through a running portal."""

from typing import Any

import click
from pydantic import ValidationError

from cli.client import Saemi
from cli.console import EXIT_SOME_FAILED, messages, print_json, progress_bar
from cli.ranges import NM_PER_PX
from cli.remote import server_option
from shared.calibration import Choice, Scope
from shared.leases import JobState
from shared.settings import load_settings
from web.calibration_schemas import CalibrationDecision, DecisionRequest


@click.command()
@click.option("--submission", "submission_id", type=click.IntRange(1), help="Number of the submission: all of its images.")
@click.option("--analysis", "analysis_id", type=click.IntRange(1), help="Number of an analysis: its image.")
@click.option("--instrument", is_flag=True, help="All images like that of --analysis: same instrument, magnification, width.")
@click.option("--nm-per-px", type=NM_PER_PX, help="The pixel size, nm.")
@click.option(
    "--use",
    type=click.Choice([choice.value for choice in Choice if choice is not Choice.MANUAL]),
    help="A reading of the image, or automatic: take decisions back.",
)
@click.option("--person", required=True, help="Who decides; kept with the decision.")
@click.option("--comment", help="Why; kept with the decision.")
@click.option("--wait", is_flag=True, help="Wait until all images obey.")
@click.option("--json", "as_json", is_flag=True, help="Print the decision as JSON.")
@server_option
@click.pass_context
def calibrate(
    context: click.Context,
    *,
    submission_id: int | None,
    analysis_id: int | None,
    instrument: bool,
    nm_per_px: float | None,
    use: str | None,
    person: str,
    comment: str | None,
    wait: bool,
    as_json: bool,
    server: str | None,
) -> None:
    """Decide which pixel size holds; sizes in nm are then recomputed, nothing is analysed again.

    Either --submission or --analysis, and either --nm-per-px or --use.
    """
    _require_one("Name either --submission or --analysis.", submission_id, analysis_id)
    _require_one("Give either --nm-per-px or --use.", nm_per_px, use)
    if instrument and analysis_id is None:
        raise click.UsageError("--instrument needs --analysis: an image of the instrument.")
    request = _request(
        person=person,
        scope=Scope.SUBMISSION if submission_id is not None else Scope.INSTRUMENT if instrument else Scope.IMAGE,
        analysis_id=analysis_id,
        submission_id=submission_id,
        choice=use or Choice.MANUAL,
        nm_per_px=nm_per_px,
        comment=comment,
    )
    with Saemi(server or load_settings().effective_server) as saemi:
        decision = saemi.decide(request)
        if wait:
            decision = _wait_with_bar(saemi, decision)
    if as_json:
        print_json(decision.model_dump(mode="json"))
    messages.print(_line(decision))
    context.exit(EXIT_SOME_FAILED if decision.state is JobState.FAILED else 0)


def _require_one(message: str, first: object, second: object) -> None:
    if (first is None) == (second is None):
        raise click.UsageError(message)


def _request(**values: Any) -> DecisionRequest:
    try:
        return DecisionRequest.model_validate(values)
    except ValidationError as error:
        problems = "; ".join(f"--{e['loc'][0]}: {e['msg'].removeprefix('Value error, ')}" for e in error.errors())
        raise click.UsageError(problems) from error


def _wait_with_bar(saemi: Saemi, decision: CalibrationDecision) -> CalibrationDecision:
    with progress_bar() as bar:
        task = bar.add_task("Recomputing", total=decision.n_analyses)
        return saemi.wait_for_decision(decision.id, lambda current: bar.update(task, completed=current.n_changed))


def _line(decision: CalibrationDecision) -> str:
    analyses = "analysis" if decision.n_analyses == 1 else "analyses"
    said = f"Decision {decision.id} is about {decision.n_analyses} {analyses}"
    if decision.state is JobState.FAILED:
        return f"{said}; it was not applied: {decision.error_message}"
    return f"{said}; {decision.n_changed} changed." if decision.state is JobState.DONE else f"{said}; it is being applied."
