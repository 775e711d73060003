"""One training in a run folder: checkpoint, log and curves after every epoch, from which a killed one goes on."""

import csv
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from math import isfinite
from pathlib import Path

import numpy as np
import torch

from shared.errors import OperatorError
from worker.analysis.network import ParticleNet
from worker.training.curves import write_curves
from worker.training.holdout import Holdout
from worker.training.loop import CHECKPOINT_NAME, EpochReport, TrainingData, new_state, resume, save_checkpoint, train
from worker.training.processes import repeatable_pictures
from worker.training.reading import DataSet
from worker.training.sampling import paper_weights, training_batch
from worker.training.settings import TrainingSettings

LOG_NAME, CURVES_NAME = "log.csv", "curves.png"
VALIDATION_BATCHES = 10
# Any number that no training step has.
VALIDATION_SEED = 10**9


@dataclass(frozen=True, slots=True)
class Run:
    """Where a training runs: the folder that gets checkpoint, log and curves, the device, and the processes that make crops."""

    folder: Path
    device: torch.device
    loaders: int = 0


def training_data(data: DataSet, holdout: Holdout, settings: TrainingSettings) -> TrainingData:
    """Split a data set into micrographs to learn from and fixed crops to validate on.

    Parameters
    ----------
    data : DataSet
        All images.
    holdout : Holdout
        Those that validate.
    settings : TrainingSettings
        Size and number of the crops.

    Returns
    -------
    TrainingData
    """
    sides = [[one for one in data.ready if (one.summary.name in holdout.names) is validates] for validates in (False, True)]
    learnt, validating = ([one.crop for one in side] for side in sides)
    equal = np.full(len(validating), 1 / max(len(validating), 1))
    with repeatable_pictures():
        validation = [
            training_batch(validating, equal, settings.crop_px, settings.batch, (VALIDATION_SEED, number))
            for number in range(VALIDATION_BATCHES if validating else 0)
        ]
    return TrainingData(learnt, paper_weights([one.summary.paper for one in sides[0]]), validation)


def run_training(
    run: Run,
    data: TrainingData,
    settings: TrainingSettings,
    net: ParticleNet,
    on_step: Callable[[int, float | None], None],
) -> ParticleNet:
    """Train in a folder, resuming from its checkpoint if there is one.

    Parameters
    ----------
    run : Run
        Where; the folder exists.
    data : TrainingData
        What to learn from.
    settings : TrainingSettings
        The course.
    net : ParticleNet
        With its first weights; changed.
    on_step : callable
        Told the number of steps done and the loss of the last one, for a progress bar; None at the start, which may be a
        resumed one.

    Returns
    -------
    ParticleNet
        With the averaged weights.

    Raises
    ------
    OperatorError
        ``training_diverged`` when the loss is no number any more.
    """
    # All chance comes from the seed and the number of the step (`sampling`); this is for what may be added to the network.
    torch.manual_seed(settings.seed)
    state = new_state(net, settings, run.device)
    if (run.folder / CHECKPOINT_NAME).exists():
        resume(run.folder / CHECKPOINT_NAME, state, settings)
    on_step(state.step, None)
    reports = [report for report in read_log(run.folder / LOG_NAME) if report.step <= state.step]
    with _repeatable(run.device):
        for report in train(state, data, settings, on_step, run.loaders):
            if not isfinite(report.training):
                raise OperatorError(f"The loss is no number at step {report.step}: try another seed.", code="training_diverged")
            reports.append(report)
            # The log first: a run that is killed in between forgets the row, and makes it again.
            _write_log(run.folder / LOG_NAME, reports)
            save_checkpoint(run.folder / CHECKPOINT_NAME, state, settings)
            write_curves(run.folder / CURVES_NAME, reports)
    return state.averaged


def read_log(path: Path) -> list[EpochReport]:
    """Reports of the epochs of a run so far; none where there is no log."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [EpochReport(int(row["step"]), *(float(row[field.name]) for field in fields(EpochReport)[1:])) for row in rows]


@contextmanager
def _repeatable(device: torch.device) -> Iterator[None]:
    """Make a GPU compute the same each time; a CPU does so by itself."""
    if device.type != "cuda":
        yield
        return
    # Read by cuBLAS when it starts; without it some of its sums depend on how streams interleave.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    before = torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = False
    torch.use_deterministic_algorithms(mode=True, warn_only=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0])
        torch.backends.cudnn.benchmark = before[1]


def _write_log(path: Path, reports: Sequence[EpochReport]) -> None:
    partial = path.with_suffix(".part")
    with partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(EpochReport)])
        writer.writeheader()
        writer.writerows(asdict(report) for report in reports)
    partial.replace(path)
