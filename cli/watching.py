"""`saemi watch`: a folder that microscopes write into, handed in as it fills."""

import hashlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from cli.bulk.hashes import HashCache
from cli.bulk.local_state import state_folder
from cli.client import Saemi
from cli.console import EXIT_SOME_FAILED
from cli.inputs import readable
from cli.remote import server_option
from cli.stopping import stop_on_signals
from cli.submission_choices import SubmissionChoices, submission_options
from cli.watch.state import WatchState
from cli.watch.watcher import Batching, Look, Watch, Watcher
from shared.errors import SaemiError
from shared.log import configure_logging, get_logger
from shared.settings import load_settings

logger = get_logger(__name__)


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@submission_options
@click.option(
    "--every", "every_s", type=click.FloatRange(min=0.1), default=15.0, show_default=True, help="Seconds from look to look."
)
@click.option(
    "--settle",
    "settle_s",
    type=click.FloatRange(min=0),
    default=30.0,
    show_default=True,
    help="Seconds over which two looks or more must find a file unchanged before it counts as complete.",
)
@click.option(
    "--per",
    "batching",
    type=click.Choice(["day", "folder"]),
    default="day",
    show_default=True,
    help="One submission for the images of a day, or for each folder right below FOLDER, whose name is the sample.",
)
@click.option("--once", is_flag=True, help="Look once and leave, for cron; the next run knows what this one saw.")
@click.option("--state", type=click.Path(dir_okay=False, path_type=Path), help="File that remembers what was handed in.")
@server_option
@click.pass_context
def watch(
    context: click.Context,
    *,
    folder: Path,
    choices: SubmissionChoices,
    every_s: float,
    settle_s: float,
    batching: Batching,
    once: bool,
    state: Path | None,
    server: str | None,
) -> None:
    """Hand in what a microscope writes into FOLDER, as soon as it is complete, until Ctrl-C.

    Works on network shares, needs nothing on the microscope's computer, never hands in a file twice, and goes on after restarts
    and while the portal is away. Side-cars (.txt, .hdr, .emi) go along.
    """
    choices.require_project()
    settings = load_settings()
    configure_logging(settings.log_format, "watch")
    address = server or settings.effective_server
    file = state or _state_file(address, folder, choices)
    plan = Watch(folder.absolute(), choices, batching, settle_s)
    with stop_on_signals() as stop, WatchState(file) as remembered, HashCache() as cache:
        watcher = Watcher(plan, remembered, cache, time.time)
        logger.info("watching", folder=readable(plan.root), server=address, project=choices.project, state=readable(file))
        went_well = _look(watcher, address, stop)
        while not once and not stop.wait(every_s):
            _look(watcher, address, stop)
        logger.info("watching_ended")
    context.exit(EXIT_SOME_FAILED if once and not went_well else 0)


def _look(watcher: Watcher, address: str, stop: threading.Event) -> bool:
    """Look once; whatever is away at the moment is there at a later look. Tells whether all went well."""
    try:
        with Saemi(address) as saemi, _given_up_when(stop, saemi):
            look = watcher.look(saemi)
    except SaemiError as error:
        logger.warning("portal_away" if not stop.is_set() else "look_interrupted", code=error.code, message=error.message)
        return False
    except OSError as error:
        logger.warning("folder_away", reason=error.strerror or str(error))
        return False
    _tell(look)
    return not look.n_refused


def _tell(look: Look) -> None:
    if look.n_handed_in or look.n_refused or look.n_waiting:
        logger.info("looked", handed_in=look.n_handed_in, refused=look.n_refused, waiting=look.n_waiting)


@contextmanager
def _given_up_when(stop: threading.Event, saemi: Saemi) -> Iterator[None]:
    """Let what is being sent end at once when the command is told to stop."""
    over = threading.Event()

    def watch_for_stop() -> None:
        while not over.wait(0.1):
            if stop.is_set():
                saemi.give_up()
                return

    thread = threading.Thread(target=watch_for_stop, name="stop", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _state_file(address: str, folder: Path, choices: SubmissionChoices) -> Path:
    """Return where the watch of a folder for a project of a portal remembers."""
    name = "\n".join((address, readable(folder.resolve()), choices.project or ""))
    return state_folder() / f"watch-{hashlib.sha256(name.encode()).hexdigest()[:16]}.db"
