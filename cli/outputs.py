"""Files of results in other formats, made of the folder that a command has filled: what `--format` writes."""

import csv
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click
import numpy as np
from click.core import ParameterSource
from numpy.typing import NDArray

from cli.console import messages, progress_bar
from cli.images import ImageOfFile
from cli.inputs import readable
from shared.arrays import GreyImage, Labels
from shared.distributions.sample import COUNTING_RULES, DEFAULT_COUNTING_RULE, CountingRule
from shared.errors import InputError, OperatorError
from shared.image_names import shown_name
from shared.output_formats import OUTPUT_FORMATS
from shared.quantities import ParticleTable
from shared.tables import particle_types
from worker.outputs.content import AnalysedImage, Choices, Content, LeftOut
from worker.outputs.formats import writer

Command = TypeVar("Command", bound=Callable[..., object])

STEM = "results"
MAX_NAMED = 5
NUMPY_TYPES = {int: np.int64, float: np.float64, bool: np.bool_}


@dataclass(frozen=True, slots=True)
class Source:
    """An image that a command was about, the row of the summary that it led to, and where its label map and picture are."""

    image: ImageOfFile
    stem: str
    row: Mapping[str, Any]
    labels: Callable[[], Labels]
    preview: Callable[[], GreyImage]
    parameters: Mapping[str, Any] | None = None


def format_option(command: Command) -> Command:
    """Let a command write its results in further formats."""
    listed = "; ".join(f"{name}: {one.description.removesuffix('.')}" for name, one in OUTPUT_FORMATS.items())
    return click.option(
        "--format",
        "formats",
        type=click.Choice(list(OUTPUT_FORMATS)),
        multiple=True,
        help=f"Write {STEM}.* of all images besides; several times for several. {listed}.",
    )(command)


def counting_rule_option(command: Command) -> Command:
    """Let a command choose which particles its statistics count."""
    return click.option(
        "--counting-rule",
        "rule",
        type=click.Choice(list(COUNTING_RULES)),
        default=DEFAULT_COUNTING_RULE,
        show_default=True,
        help="Which particles count in the statistics; the tables list all of them.",
    )(command)


def command_line(context: click.Context, **pinned: str) -> str:
    """Return the command as it was called, for a shell; values that are pinned stand in place of what was said or left out."""
    options, arguments = [], []
    for parameter in context.command.params:
        name = str(parameter.name)
        value: Any = pinned.get(name, context.params[name])
        was_said = name in pinned or context.get_parameter_source(name) is not ParameterSource.DEFAULT
        if isinstance(parameter, click.Argument):
            arguments += [readable(Path(one)) for one in value]
        elif was_said and isinstance(parameter, click.Option):
            options += _words(parameter, value)
    return shlex.join(["saemi", str(context.info_name), *arguments, *options])


def described(paths: Sequence[Path]) -> str:
    """Name what a command was about, the first few of many files."""
    further = len(paths) - MAX_NAMED
    return ", ".join([readable(path) for path in paths[:MAX_NAMED]] + ([f"{further:,} more"] if further > 0 else []))


def write_outputs(
    out: Path, sources: Sequence[Source], formats: Sequence[str], *, title: str, rule: CountingRule, command: str
) -> bool:
    """Write all formats and tell whether each of them could be made; those that could not are named with the reason.

    Raises
    ------
    OperatorError
        ``out_unwritable`` where there is no room, or no permission.
    """
    content = _content(out, sources, title=title, rule=rule, command=command)
    all_made = True
    for name in dict.fromkeys(formats):
        target = out / f"{STEM}.{OUTPUT_FORMATS[name].extension}"
        try:
            with progress_bar() as bar:
                task = bar.add_task(f"Writing {target.name}", total=len(content.images))
                writer(name)(content, target, lambda n_done, task=task: bar.update(task, completed=n_done))  # type: ignore[misc]
        except InputError as error:
            messages.print(f"{target.name} is not written: {error.message}")
            all_made = False
        except OSError as error:
            raise OperatorError(f"{target} cannot be written: {error.strerror}.", code="out_unwritable") from error
    return all_made


def read_particles(path: Path) -> ParticleTable:
    """Read the table of the particles of one image, as `cli.results.write_particles` wrote it."""
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    columns = dict(zip(header, zip(*rows, strict=True) if rows else [()] * len(header), strict=True))
    types = particle_types()
    return ParticleTable(**{name: _values(columns[name], types[name]) for name in types})  # type: ignore[arg-type]


def _values(cells: Sequence[str], of: type) -> NDArray[Any] | None:
    """Values of a column; None where every cell is empty, and of a table without rows an array without values."""
    if cells and not any(cells):
        return None
    if of is bool:
        return np.array([cell == "true" for cell in cells], dtype=np.bool_)
    return np.array([cell or "nan" for cell in cells], dtype=NUMPY_TYPES[of])


def _content(out: Path, sources: Sequence[Source], *, title: str, rule: CountingRule, command: str) -> Content:
    failed = [LeftOut(_name(source), source.row["error_message"]) for source in sources if source.row["state"] == "failed"]
    images = [_analysed(out, source) for source in sources if source.row["state"] != "failed"]
    return Content(title, sorted(images, key=lambda image: image.name), failed, Choices(rule=rule), command)


def _analysed(out: Path, source: Source) -> AnalysedImage:
    path = out / f"{source.stem}.particles.csv"
    return AnalysedImage(
        name=_name(source),
        stem=source.stem,
        record=source.row,
        particles=lambda: read_particles(path),
        labels=source.labels,
        preview=source.preview,
        parameters=source.parameters,
    )


def _name(source: Source) -> str:
    n_images = source.row["n_images"]
    return shown_name(readable(source.image.path), source.image.index, n_images)


def _words(option: click.Option, value: Any) -> list[str]:
    if option.is_flag:
        return [option.opts[0]] if value else option.secondary_opts[:1]
    values = value if option.multiple else [value]
    return [word for one in values for word in (option.opts[0], readable(one) if isinstance(one, Path) else str(one))]
