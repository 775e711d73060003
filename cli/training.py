"""`saemi train`: a model from your own labelled micrographs."""

import json
import os
import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from math import isnan
from pathlib import Path
from typing import Any

import click
import torch

from cli.console import messages, print_json, print_table, progress_bar
from cli.model_choice import chosen_model
from shared.domain import ModelIdentity
from shared.errors import InputError, OperatorError
from shared.settings import load_settings
from worker.analysis.network import ParticleNet
from worker.model_files import SUFFIX, card_path
from worker.training.evaluation import read_names
from worker.training.finish import finish, training_facts
from worker.training.groups import read_groups
from worker.training.holdout import Holdout, named_holdout, proposed_holdout
from worker.training.labelled import find_labelled
from worker.training.loop import TrainingData
from worker.training.mixing import with_synthetic
from worker.training.reading import DataSet, read_data_set
from worker.training.run import Run, run_training, training_data
from worker.training.run_folder import claim, course_of, held, is_finished, learnt_data, model_path, refuse_other_course
from worker.training.settings import FINE_TUNING, FROM_IMAGENET, TrainingSettings, chosen_settings
from worker.training.start import Start, start_from_imagenet, start_from_model

COLUMNS = ("figure", "value", "ci95_low", "ci95_high", "n")
# The folder's name becomes the model's, which stands in file names, addresses and tables.
MODEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
# Settings that have an option, in the order of the command that repeats a training.
OPTIONS = ("steps", "batch", "crop_px", "seed", "ema_decay", "frozen_stages", "synthetic_share")
# A GPU waits for crops, which one core makes too slowly; a CPU has no core to spare.
LOADERS = {"cuda": 8, "cpu": 0}
# Below this number of images, starting processes takes longer than they save.
MIN_IMAGES_TO_SHARE = 16
MAX_READING_PROCESSES = 8


def _share(_context: click.Context, _option: click.Parameter, value: float | None) -> float | None:
    # Click's own range lets NaN through, which is smaller and larger than nothing.
    if value is not None and isnan(value):
        raise click.BadParameter("nan is no number.")
    return value


@click.command()
@click.option(
    "--data",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder with images and labels, or with a COCO file; may hold groups.csv (name,group).",
)
@click.option(
    "--from",
    "reference",
    help=f"Model to train on from: a name or reference, or a {SUFFIX} file.  [default: ImageNet weights]",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("saemi-model"),
    show_default=True,
    help="Folder of the run; its last part is the model's name. A stopped run goes on.",
)
@click.option(
    "--validation",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with the names of the images that are not trained on, one a line.  [default: a fifth, whole groups]",
)
@click.option("--steps", type=click.IntRange(1, 1_000_000), help="Length of the training.")
@click.option("--batch", type=click.IntRange(1, 512), help="Crops of a step.")
@click.option("--crop-px", type=click.IntRange(64, 2048), help="Side of a crop, px.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), help="The only source of chance.")
@click.option(
    "--ema-decay",
    type=click.FloatRange(0, 1, max_open=True),
    callback=_share,
    help="Share of the averaged weights a step keeps.",
)
@click.option("--frozen-stages", type=click.IntRange(0, 7), help="First stages of the encoder that keep their weights.")
@click.option(
    "--synthetic-share",
    type=click.FloatRange(0, 1, max_open=True),
    callback=_share,
    help="Share of the crops that show drawn particles.  [default: 0.2; 0 with --from]",
)
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True)
@click.option("--threads", type=click.IntRange(1, 256), help="Threads that compute.  [default: all cores]")
@click.option("--loaders", type=click.IntRange(0, 64), help="Processes that make crops ahead.  [default: 0; 8 for a GPU]")
@click.option("--json", "as_json", is_flag=True, help="Print the card of the model as JSON.")
def train(
    *,
    data: Path,
    reference: str | None,
    out: Path,
    validation: Path | None,
    device: str,
    threads: int | None,
    loaders: int | None,
    as_json: bool,
    **chosen: Any,
) -> None:
    """Train a model on your own labelled micrographs, or train an existing one further with --from.

    A run that was stopped, however it ended, goes on when the same command is given again. Writes NAME-VERSION.safetensors with
    its card, log.csv and curves.png. What is not chosen depends on --from; it is printed at the start.
    """
    name = _model_name(out)
    torch.set_num_threads(threads or _n_cores())
    run = _run(out, device, loaders)
    start = _start(reference, chosen["seed"] or 0)
    settings = chosen_settings(FROM_IMAGENET if start.identity is None else FINE_TUNING, **chosen)
    course = course_of(settings, start.facts)
    # Before the data is read, which takes a while.
    refuse_other_course(out, course)
    images = _read(data)
    holdout = _holdout(images, validation)
    for warning in (*images.warnings, *holdout.warnings):
        messages.print(f"Warning: {warning}")
    with _clear_ends(out), held(out):
        identity = claim(out, name, start.identity, course, learnt_data(images, holdout)).identity
        path = model_path(out, identity)
        if is_finished(out, identity):
            messages.print(f"{path} is finished; nothing was changed.")
        else:
            command = _command(data, reference, name, validation, settings)
            facts = training_facts(images, holdout, settings, start.facts) | {"command": command}
            _announce(identity, facts, run.device)
            net = _train(run, _crops(images, holdout, settings), settings, start.net)
            _finish(run, net, identity, facts, data=images, holdout=holdout)
    _report(path, as_json=as_json)


def _model_name(out: Path) -> str:
    name = out.resolve().name
    if not MODEL_NAME.fullmatch(name):
        raise click.BadParameter(
            f"{name!r} cannot name a model: its last part is to have letters, digits, dots, dashes and underscores only.",
            param_hint="--out",
        )
    return name


def _run(out: Path, device: str, loaders: int | None) -> Run:
    available = torch.cuda.is_available()
    if device == "cuda" and not available:
        raise click.BadParameter("PyTorch finds no GPU here.", param_hint="--device")
    kind = ("cuda" if available else "cpu") if device == "auto" else device
    return Run(out, torch.device(kind), min(LOADERS[kind], _n_cores()) if loaders is None else loaders)


def _n_cores() -> int:
    return len(os.sched_getaffinity(0))


def _start(reference: str | None, seed: int) -> Start:
    if reference is None:
        return start_from_imagenet(seed)
    try:
        with chosen_model(reference, load_settings()) as model:
            return start_from_model(model)
    except InputError as error:
        raise click.BadParameter(error.message, param_hint="--from") from error
    except click.BadParameter as error:
        error.param_hint = "--from"
        raise


def _read(folder: Path) -> DataSet:
    images = find_labelled(folder)
    groups = read_groups(folder, {image.name for image in images})
    processes = min(_n_cores(), MAX_READING_PROCESSES) if len(images) >= MIN_IMAGES_TO_SHARE else 0
    with progress_bar() as bar:
        task = bar.add_task("Reading the data", total=len(images))
        return read_data_set(folder.resolve().name, images, groups, processes, lambda: bar.advance(task))


def _holdout(data: DataSet, validation: Path | None) -> Holdout:
    if validation is None:
        return proposed_holdout(data.summaries)
    return named_holdout(data.summaries, read_names(validation), validation.name)


@contextmanager
def _clear_ends(out: Path) -> Iterator[None]:
    """Say clearly what stopped a training from outside, and that nothing is lost."""
    try:
        yield
    except KeyboardInterrupt:
        messages.print("Stopped. The same command goes on where it was.")
        raise
    except torch.OutOfMemoryError as error:
        raise OperatorError(
            "The memory of the GPU is too small for this training: choose a smaller --batch or --crop-px, and another --out.",
            code="gpu_memory",
        ) from error
    except OSError as error:
        raise OperatorError(f"The training cannot be written to {out}: {error.strerror}.", code="out_unwritable") from error


def _command(data: Path, reference: str | None, name: str, validation: Path | None, settings: TrainingSettings) -> str:
    """The command that repeats the training, without the folders of this machine."""
    parts = ["saemi", "train", "--data", data.resolve().name]
    if reference is not None:
        parts += ["--from", Path(reference).name]
    parts += ["--out", name]
    for option in OPTIONS:
        parts += [f"--{option.replace('_', '-')}", str(getattr(settings, option))]
    if validation is not None:
        parts += ["--validation", validation.name]
    return shlex.join(parts)


def _announce(identity: ModelIdentity, facts: dict[str, Any], device: torch.device) -> None:
    data, start = facts["data"], facts["from"]
    n_validating = len(data["split"]["validation"])
    origin = f"{start['name']}-{start['version']}" if "version" in start else start["name"]
    messages.print(
        f"Training {identity.reference} from {origin} on {data['n_images'] - n_validating} images of {data['name']}; "
        f"{n_validating} validate ({data['split']['rule']}); {data['n_particles']} particles in all; on {device.type}."
    )
    messages.print("Settings: " + ", ".join(f"{name} {value}" for name, value in facts["training"].items()))


def _crops(images: DataSet, holdout: Holdout, settings: TrainingSettings) -> TrainingData:
    """Micrographs to learn from and, if the settings want them, drawn ones."""
    real = training_data(images, holdout, settings)
    share, count = settings.synthetic_share, settings.synthetic_scenes
    with progress_bar() as bar:
        task = bar.add_task("Drawing particles", total=count if share else 0)
        return with_synthetic(real, share, count, settings.seed, lambda: bar.advance(task))


def _train(run: Run, data: TrainingData, settings: TrainingSettings, net: ParticleNet) -> ParticleNet:
    with progress_bar() as bar:
        task = bar.add_task("Training", total=settings.steps)

        def on_step(step: int, loss: float | None) -> None:
            if loss is None and step:
                messages.print(f"Going on after step {step} of {settings.steps}.")
            bar.update(task, completed=step, description="Training" if loss is None else f"Training, loss {loss:.3f}")

        return run_training(run, data, settings, net, on_step)


def _finish(
    run: Run, net: ParticleNet, identity: ModelIdentity, facts: dict[str, Any], *, data: DataSet, holdout: Holdout
) -> None:
    validation = [image for image in data.images if image.name in holdout.names]
    with progress_bar() as bar:
        # Each is seen twice: to calibrate the confidence, and to be scored.
        task = bar.add_task("Validating", total=2 * len(validation))
        finish(run, net, identity, facts, validation, groups=data.groups, on_image=lambda: bar.advance(task))


def _report(path: Path, *, as_json: bool) -> None:
    """Print the figures of a finished model, and how to use it."""
    card = json.loads(card_path(path).read_text(encoding="utf-8"))
    if as_json:
        print_json(card)
    elif card["figures"]:
        print_table(COLUMNS, [[name, *(figure[column] for column in COLUMNS[1:])] for name, figure in card["figures"].items()])
    messages.print(f"The model is {path}, with its card {card_path(path).name}. Use it:")
    messages.print(f"    saemi analyze --model {shlex.quote(str(path))} FOLDER")
    messages.print(f"    saemi models add {shlex.quote(str(path))}")
