"""`saemi models`: the models that analyses can name, on the database of the settings."""

from pathlib import Path
from typing import Any

import click

from cli.console import print_json, print_table
from cli.model_card import markdown
from cli.preparation import required_database
from shared import registry
from shared.cards import MAIN_FIGURES, architecture, main_figures
from shared.errors import InputError
from shared.settings import load_settings
from shared.stores import blob_store
from web.schemas import RegisteredModel
from worker.model_files import read_model
from worker.segmenters import create_segmenter
from worker.shipped import add_model

COLUMNS = ("reference", "default", "sha256", "architecture", "added", *MAIN_FIGURES.values())
HASH_DIGITS = 12


@click.group()
def models() -> None:
    """Look after the models that analyses can name."""


@models.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON, cards included.")
def list_models(*, as_json: bool) -> None:
    """List the models, the newest first."""
    with required_database(load_settings()).reading() as session:
        found = [RegisteredModel.of(row) for row in registry.models(session)]
    if as_json:
        print_json([model.model_dump(mode="json") for model in found])
    else:
        print_table(COLUMNS, [_row(model) for model in found])


@models.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def add(*, file: Path) -> None:
    """Register the weights FILE with the card beside it, and keep them in the file store.

    A file that is cut, altered or of another architecture is refused with the reason.
    """
    settings = load_settings()
    database = required_database(settings)
    try:
        # What cannot be loaded would only fail later, with every job that names it.
        create_segmenter(read_model(file), "cpu")
        added = add_model(database, blob_store(settings), file)
    except InputError as error:
        raise click.BadParameter(error.message, param_hint="FILE") from error
    with database.reading() as session:
        is_default = registry.resolve(session, added.reference).is_default
    click.echo(f"{added.reference} is registered{', and the default' if is_default else ''}.")


@models.command("default")
@click.argument("reference")
def choose_default(*, reference: str) -> None:
    """Make REFERENCE the model of those who choose none; no later release changes that."""
    database = required_database(load_settings())
    try:
        with database.writing() as session:
            chosen = registry.identity(registry.choose_default(session, reference)).reference
    except InputError as error:
        raise click.BadParameter(error.message, param_hint="REFERENCE") from error
    click.echo(f"{chosen} is the default.")


@models.command()
@click.argument("reference")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def card(*, reference: str, as_json: bool) -> None:
    """Print what is known about the model REFERENCE: data, split, figures, licence."""
    try:
        with required_database(load_settings()).reading() as session:
            model = RegisteredModel.of(registry.resolve(session, reference))
    except InputError as error:
        raise click.BadParameter(error.message, param_hint="REFERENCE") from error
    if as_json:
        print_json(model.model_dump(mode="json"))
    else:
        click.echo(markdown(model))


def _row(model: RegisteredModel) -> list[Any]:
    figures = [None if figure is None else figure.value for figure in main_figures(model.card).values()]
    default = "default" if model.is_default else ""
    sha256 = None if model.sha256 is None else model.sha256[:HASH_DIGITS]
    return [model.reference, default, sha256, architecture(model.card) or None, f"{model.added_at:%Y-%m-%d}", *figures]
