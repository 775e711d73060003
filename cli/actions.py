"""`saemi pause`, `resume`, `cancel`, `retry`, `keep` and `release`: what people do to submissions, through a running portal."""

from collections.abc import Callable
from typing import Any

import click

from cli.client import Saemi
from cli.console import messages, print_json
from cli.remote import server_option
from shared.actions import Action
from shared.settings import load_settings
from web.action_schemas import ActionOutcome

DONE_TEXT = {
    Action.PAUSE: "paused; what runs comes to its end",
    Action.RESUME: "goes on",
    Action.CANCEL: "cancelled",
    Action.RETRY: "back in the queue",
    Action.KEEP: "kept for ever",
    Action.RELEASE: "kept no longer than others",
}

ids_argument = click.argument("submission_ids", nargs=-1, required=True, type=click.IntRange(1), metavar="ID...")
json_option = click.option("--json", "as_json", is_flag=True, help="Print as JSON.")


def _command(action: Action) -> Callable[[Callable[..., Any]], click.Command]:
    def made(function: Callable[..., Any]) -> click.Command:
        return click.command(action.value)(ids_argument(json_option(server_option(function))))

    return made


@_command(Action.PAUSE)
@click.option("--person", help="Who pauses; shown to everybody who waits for it.")
def pause(submission_ids: tuple[int, ...], *, person: str | None, as_json: bool, server: str | None) -> None:
    """Let nothing more of submissions begin; what runs comes to its end."""
    _act(Action.PAUSE, submission_ids, server, as_json=as_json, person=person)


@_command(Action.RESUME)
def resume(submission_ids: tuple[int, ...], *, as_json: bool, server: str | None) -> None:
    """Let paused submissions go on."""
    _act(Action.RESUME, submission_ids, server, as_json=as_json)


@_command(Action.CANCEL)
def cancel(submission_ids: tuple[int, ...], *, as_json: bool, server: str | None) -> None:
    """Cancel what waits or runs of submissions; results that are there stay."""
    _act(Action.CANCEL, submission_ids, server, as_json=as_json)


@_command(Action.RETRY)
@click.option(
    "--cancelled", "state", flag_value="cancelled", default="failed", help="The cancelled images, not those that failed."
)
def retry(submission_ids: tuple[int, ...], *, state: str, as_json: bool, server: str | None) -> None:
    """Put the failed images of submissions back into the queue."""
    _act(Action.RETRY, submission_ids, server, as_json=as_json, state=state)


@_command(Action.KEEP)
@click.option("--person", help="Who keeps them; shown beside them.")
def keep(submission_ids: tuple[int, ...], *, person: str | None, as_json: bool, server: str | None) -> None:
    """Keep submissions for ever, whatever the installation removes by age."""
    _act(Action.KEEP, submission_ids, server, as_json=as_json, person=person)


@_command(Action.RELEASE)
def release(submission_ids: tuple[int, ...], *, as_json: bool, server: str | None) -> None:
    """Keep submissions no longer than others are kept."""
    _act(Action.RELEASE, submission_ids, server, as_json=as_json)


def _act(action: Action, submission_ids: tuple[int, ...], server: str | None, *, as_json: bool, **options: Any) -> None:
    with Saemi(server or load_settings().effective_server) as saemi:
        outcomes = saemi.act(action, submission_ids, **options)
    if as_json:
        print_json([outcome.model_dump(mode="json") for outcome in outcomes])
    for outcome in outcomes:
        messages.print(f"Submission {outcome.submission_id}: {_said(outcome)}.")


def _said(outcome: ActionOutcome) -> str:
    if outcome.action not in (Action.CANCEL, Action.RETRY):
        return DONE_TEXT[outcome.action]
    images = "1 image" if outcome.n_jobs == 1 else f"{outcome.n_jobs} images"
    return f"{images} {DONE_TEXT[outcome.action]}"
