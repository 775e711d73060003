"""`saemi demo`: sample micrographs through the running queue, and the table of what was found."""

import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import httpx

from cli.bulk.hashes import HashCache
from cli.bulk.with_bars import hand_in_with_bars
from cli.client import Saemi
from cli.console import EXIT_SOME_FAILED, messages
from cli.remote import names_of, print_results, server_option, wait_with_bar
from cli.stack import run_stack
from shared.settings import Settings, load_settings, portal_address
from worker.training.synthetic import write_samples

N_SAMPLES = 8


@click.command()
@server_option
@click.pass_context
def demo(context: click.Context, *, server: str | None) -> None:
    """Analyse sample micrographs through the queue and print the results.

    Real micrographs are taken where SAEMI_SHARED_DATA names a folder of them, generated ones elsewhere. Without a running
    portal one is started for the time of the demonstration.
    """
    settings = load_settings()
    with (
        tempfile.TemporaryDirectory(prefix="saemi-demo-") as folder,
        _portal(settings, server) as address,
        Saemi(address) as saemi,
        HashCache(Path(folder) / "hashes.db") as cache,
    ):
        files, project = _samples(settings, Path(folder))
        submission = saemi.open_submission(project, sample="demonstration")
        refused = hand_in_with_bars(saemi, cache, submission.id, names_of([], files))
        submission = wait_with_bar(saemi, submission.id)
        print_results(saemi, submission.id)
        messages.print(f"\nLook at them: {saemi.server}/submissions/{submission.id}")
    context.exit(EXIT_SOME_FAILED if refused or submission.counts.failed else 0)


def _samples(settings: Settings, folder: Path) -> tuple[list[Path], str]:
    """Return micrographs to show, spread over the folder of real ones, or made."""
    images = sorted(Path(settings.shared_data, "emps", "images").glob("*.png"))
    if len(images) >= N_SAMPLES:
        return images[:: len(images) // N_SAMPLES][:N_SAMPLES], "Real micrographs (EMPS)"
    messages.print("Making sample micrographs …")
    write_samples(folder, N_SAMPLES)
    return sorted(folder.glob("*.png")), "Generated micrographs"


@contextmanager
def _portal(settings: Settings, server: str | None) -> Iterator[str]:
    """Give the address of the running portal, or run one while the block lasts."""
    address = server or settings.effective_server
    if _answers(address):
        yield address
        return
    if server:
        raise click.UsageError(f"{server} does not answer.")
    messages.print("No portal is running: starting one for the demonstration …")
    ready, stop, problem = threading.Event(), threading.Event(), []

    def run() -> None:
        try:
            run_stack(settings, lambda _: ready.set(), stop)
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            problem.append(error)
            ready.set()

    thread = threading.Thread(target=run, name="stack")
    thread.start()
    ready.wait()
    try:
        if problem:
            raise problem[0]
        yield portal_address(settings.host, settings.port)
        messages.print("The portal of the demonstration stops now; `make up` shows the results at this address.")
    finally:
        stop.set()
        thread.join()


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/readyz", timeout=2, trust_env=False).is_success
    except httpx.TransportError:
        return False
