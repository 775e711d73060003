"""`saemi search`: analyses by what was found, and particles by what was measured of them, through a running portal."""

import csv
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, get_args

import click
from pydantic import BaseModel, ValidationError

from cli.client import Saemi
from cli.console import messages, print_json_list, print_table
from cli.remote import server_option
from shared.analysis_lists import CREATED_AT
from shared.conditions import read_condition
from shared.settings import load_settings
from web.analysis_schemas import Analysis, FoundParticle
from web.selection_schemas import ANY_QUANTITIES, AnalysisSelection, ParticleSelection
from web.validation import problems_of, sentence_of

COLUMNS = ("analysis", "file", "sample", "particles", "mean ECD", "D50", "unit")
SHOWN_ANYWAY = (CREATED_AT, "n_particles", "ecd_mean_nm", "ecd_mean_px", "ecd_d50_nm", "ecd_d50_px")
PARTICLE_COLUMNS = ("analysis", "particle", "file", "ECD", "Feret max", "Feret min", "unit", "circularity")
LENGTHS = ("ecd", "feret_max", "feret_min")
SHOWN_OF_PARTICLES = ("label", *(f"{name}_{unit}" for name in LENGTHS for unit in ("nm", "px")), "circularity")
ORDERING = ("sort", "order")
Command = Callable[..., None]


def _options_of_selection(function: Command) -> Command:
    """Give a command an option for each field that the API selects by, under the same name."""
    for name, field in reversed(AnalysisSelection.model_fields.items()):
        option = "--" + name.removesuffix("_id").replace("_", "-")
        is_list = isinstance(field.get_default(), list)
        words = [word for kind in (field.annotation, *get_args(field.annotation)) for word in get_args(kind)]
        choices = [word for word in words if isinstance(word, str)]
        kind = click.Choice(choices) if 0 < len(choices) <= 10 else None  # a quantity is named wrongly in better words
        text = (field.description or "").replace("`", "")
        function = click.option(option, name, type=kind, multiple=is_list, help=text)(function)
    return function


@click.command()
@_options_of_selection
@click.option("--particles", is_flag=True, help="Particles of these analyses; --where takes their quantities too.")
@click.option("--limit", type=click.IntRange(1), help="So many at most; without, all.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@click.option("--csv", "as_csv", is_flag=True, help="Print as CSV, with all columns.")
@server_option
def search(*, particles: bool, limit: int | None, as_json: bool, as_csv: bool, server: str | None, **asked: Any) -> None:
    """Find analyses by what was handed in, read and found; all that is given holds.

    For example: saemi search --project gold --where "ecd_d50_nm<40" --where "n_particles>500" --sort ecd_d50_nm --order asc
    """
    if as_json and as_csv:
        raise click.UsageError("Choose either --json or --csv.")
    given = {name: value for name, value in asked.items() if value not in (None, ())}
    if particles and given.keys() & set(ORDERING):
        raise click.UsageError("Particles come by analysis and label: --particles takes neither --sort nor --order.")
    query = _checked(ParticleSelection if particles else AnalysisSelection, given)
    with Saemi(server or load_settings().effective_server) as saemi:
        if as_csv:
            _print_csv(saemi.search_csv("particles" if particles else "analyses", **query), limit)
            return
        found: Iterator[BaseModel] = saemi.search_particles(**query) if particles else saemi.analyses(**query)
        if as_json:
            print_json_list(item.model_dump(mode="json") for item in islice(found, limit))
        else:
            _print_found(islice(found, limit), query)


def _checked(kind: type[BaseModel], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a query as the API takes it; wrong usage names what is wrong before anything is asked."""
    try:
        return kind.model_validate(given).model_dump(mode="json", exclude_defaults=True)
    except ValidationError as error:
        raise click.UsageError(f"{sentence_of(problems_of(error))}.") from error


def _print_csv(text: Iterable[str], limit: int | None) -> None:
    """Print a table as it comes, so many records of it behind its head."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerows(islice(csv.reader(_lines(text)), None if limit is None else limit + 1))


def _lines(pieces: Iterable[str]) -> Iterator[str]:
    rest = ""
    for piece in pieces:
        *lines, rest = (rest + piece).split("\n")
        yield from (f"{line}\n" for line in lines)
    if rest:
        yield rest


def _print_found(found: Iterable[BaseModel], query: Mapping[str, Any]) -> None:
    items = list(found)
    if not items:
        messages.print("Nothing fits all of this.")
        return
    conditions = [read_condition(text, ANY_QUANTITIES) for text in query.get("where", [])]
    asked = dict.fromkeys([*(each.quantity.name for each in conditions), query.get("sort", CREATED_AT)])
    if isinstance(items[0], Analysis):
        further = [name for name in asked if name not in SHOWN_ANYWAY]
        print_table((*COLUMNS, *further), [_analysis_row(item, further) for item in items if isinstance(item, Analysis)])
    else:
        further = [name for name in asked if name in FoundParticle.model_fields and name not in SHOWN_OF_PARTICLES]
        print_table(
            (*PARTICLE_COLUMNS, *further), [_particle_row(item, further) for item in items if isinstance(item, FoundParticle)]
        )


def _analysis_row(analysis: Analysis, further: Iterable[str]) -> list[Any]:
    found, origin = analysis.statistics, next(iter(analysis.origins), None)
    sizes = (found.ecd_mean_px, found.ecd_d50_px, "px")
    if analysis.nm_per_px is not None:
        sizes = (found.ecd_mean_nm, found.ecd_d50_nm, "nm")
    named = (origin.source_name, origin.sample) if origin else (None, None)
    own = [
        analysis.created_at.isoformat(timespec="seconds") if name == "created_at" else getattr(found, name) for name in further
    ]
    return [analysis.id, *named, found.n_particles, *sizes, *own]


def _particle_row(particle: FoundParticle, further: Iterable[str]) -> list[Any]:
    unit = "px" if particle.ecd_nm is None else "nm"
    sizes = [getattr(particle, f"{name}_{unit}") for name in LENGTHS]
    own = [getattr(particle, name) for name in further]
    return [particle.analysis_id, particle.label, particle.file, *sizes, unit, particle.circularity, *own]
