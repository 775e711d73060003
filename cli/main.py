"""The `saemi` command."""

import sys
from pathlib import Path

import click

from cli.console import EXIT_SOME_FAILED, EXIT_USAGE, messages
from shared.errors import SaemiError
from shared.queues import QUEUES
from shared.settings import load_settings

USAGE_CODES = frozenset({"invalid_settings", "invalid_server", "no_files", "unknown_model"})


class LazyGroup(click.Group):
    """Loads a command's module when the command is called, so that `saemi --help` needs no image library."""

    lazy = {  # noqa: RUF012 - click's own style of declaration
        "analyze": "cli.local",
        "inspect": "cli.inspection",
        "measure": "cli.measurement",
        "evaluate": "cli.evaluation",
        "train": "cli.training",
        "submit": "cli.submitting",
        "status": "cli.remote",
        "search": "cli.searching",
        "watch": "cli.watching",
        "pause": "cli.actions",
        "resume": "cli.actions",
        "cancel": "cli.actions",
        "retry": "cli.actions",
        "keep": "cli.actions",
        "release": "cli.actions",
        "calibrate": "cli.calibration",
        "export": "cli.export_command",
        "demo": "cli.demo",
        "models": "cli.models",
        "config": "cli.admin",
        "admin": "cli.admin",
    }

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name all commands."""
        return sorted([*super().list_commands(ctx), *self.lazy])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module."""
        if cmd_name not in self.lazy:
            return super().get_command(ctx, cmd_name)
        module = __import__(self.lazy[cmd_name], fromlist=[cmd_name])
        command: click.Command = getattr(module, cmd_name)
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="saemi")
def saemi() -> None:
    """Particle sizes from electron micrographs, for a whole facility."""


@saemi.command()
@click.option("--port", type=click.IntRange(1, 65535), help="Port of the portal; default: SAEMI_PORT.")
@click.option("--data", "data_dir", type=click.Path(path_type=Path), help="Data folder; default: SAEMI_DATA_DIR.")
def up(*, port: int | None, data_dir: Path | None) -> None:
    """Run everything on this machine: broker, workers, scheduler and portal. Ctrl-C stops all of it."""
    from cli.stack import run_stack
    from cli.stopping import stop_on_signals

    settings = load_settings(port=port, data_dir=data_dir)
    messages.print(f"Starting SAEMI on {settings.data_dir} …")
    with stop_on_signals() as stop:
        run_stack(settings, lambda address: messages.print(f"SAEMI is ready: {address}   (Ctrl-C stops it)"), stop)
    messages.print("SAEMI has stopped; its jobs go on at the next start.")


@saemi.command()
def web() -> None:
    """Run the portal alone."""
    from cli.processes import run_web

    run_web(load_settings())


def _queues(_context: click.Context, _parameter: click.Parameter, value: str) -> list[str]:
    names = [name.strip() for name in value.split(",")]
    if not set(names) <= set(QUEUES):
        raise click.BadParameter(f"the queues are {', '.join(QUEUES)}")
    return names


@saemi.command()
@click.option(
    "--queues", default=",".join(QUEUES), show_default=True, callback=_queues, help="Work it takes, names with commas between."
)
def worker(*, queues: list[str]) -> None:
    """Run a worker alone."""
    from cli.processes import run_worker

    run_worker(load_settings(), queues)


@saemi.command()
def scheduler() -> None:
    """Run a scheduler alone. One is enough for any number of workers; of several one leads and the others stand by."""
    from cli.processes import run_scheduler

    run_scheduler(load_settings())


def main() -> None:
    """Run the command line; every error of ours is one clear message and an exit code."""
    try:
        saemi.main(standalone_mode=True)
    except SaemiError as error:
        messages.print(f"saemi: {error.message}")
        sys.exit(EXIT_USAGE if error.code in USAGE_CODES else EXIT_SOME_FAILED)


if __name__ == "__main__":
    main()
