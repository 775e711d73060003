"""Options that choose a model and a device for commands without a server, and the model that they mean."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar, get_args

import click

from cli.preparation import existing_database
from cli.ranges import PROBABILITY
from shared import registry
from shared.domain import DEFAULT_MIN_CONFIDENCE, DEFAULT_MODEL
from shared.errors import InputError, OperatorError
from shared.settings import Device, Settings
from shared.stores import blob_store
from worker.model_files import SUFFIX, Model, check_weights, read_model
from worker.segmenters import compute_device
from worker.shipped import shipped_model, shipped_references

Command = TypeVar("Command", bound=Callable[..., object])

MODEL_HELP = f"Name or reference of a model of this release or of the registry, or a {SUFFIX} file with its card beside it."


def model_option(command: Command) -> Command:
    """Let a command without a server choose a model."""
    return click.option("--model", default=DEFAULT_MODEL, show_default=True, help=MODEL_HELP)(command)


def device_option(command: Command) -> Command:
    """Let a command choose where a network computes."""
    choice = click.Choice(get_args(Device))
    meaning = "Where a network computes; auto: the GPU if there is one."
    return click.option("--device", type=choice, default="auto", show_default=True, help=meaning)(command)


def min_confidence_option(command: Command) -> Command:
    """Let a command set the threshold below which particles are marked."""
    return click.option(
        "--min-confidence",
        type=PROBABILITY,
        default=DEFAULT_MIN_CONFIDENCE,
        show_default=True,
        help="Particles of less confidence are marked; they count all the same.",
    )(command)


@contextmanager
def chosen_model(text: str, settings: Settings) -> Iterator[Model]:
    """Give the model that a person means, its weights checked and in place while the block lasts.

    A file is what ends like one; a name or reference is looked for among the models of this release, then in the registry of
    the configured database, if there is one.

    Raises
    ------
    click.BadParameter
        Where there is no such model or its file is refused.
    """
    with ExitStack() as held:
        try:
            model = _of_file_or_release(text) or held.enter_context(_registered(text, settings))
            if model.path is not None:
                check_weights(model)
        except InputError as error:
            raise click.BadParameter(error.message, param_hint="--model") from error
        yield model


def require_device(device: Device) -> None:
    """Raise click.BadParameter where a GPU is asked for and there is none. Only then is PyTorch loaded here."""
    try:
        if device == "cuda":
            compute_device(device)
    except OperatorError as error:
        raise click.BadParameter(error.message, param_hint="--device") from error


def _of_file_or_release(text: str) -> Model | None:
    return read_model(Path(text)) if text.endswith(SUFFIX) else shipped_model(text)


@contextmanager
def _registered(reference: str, settings: Settings) -> Iterator[Model]:
    """Give a model of the registry; raises InputError ``unknown_model`` with those that there are."""
    database = existing_database(settings)
    if database is None:
        raise registry.unknown_model(reference, shipped_references())
    try:
        with database.reading() as session:
            row = registry.resolve(session, reference)
            identity, card = registry.identity(row), row.card
    finally:
        database.dispose()
    if identity.sha256 is None:
        yield Model(identity, card, None)
        return
    store = blob_store(settings)
    if not store.exists(identity.sha256):
        raise InputError(f"The weights of {identity.reference} are not in the file store.", code="model_missing")
    with store.local_path(identity.sha256) as path:
        yield Model(identity, card, path)
