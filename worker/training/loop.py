"""Training: AdamW with a warm-up and a cosine, averaged weights, checkpoints that a killed run resumes from bit for bit."""

import math
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from shared.arrays import FloatArray
from worker.analysis.network import ParticleNet
from worker.training.augmentation import Crop
from worker.training.losses import Batch, Losses, losses
from worker.training.processes import ahead
from worker.training.sampling import training_batch
from worker.training.settings import TrainingSettings

CHECKPOINT_NAME = "checkpoint.pt"


@dataclass(frozen=True, slots=True)
class EpochReport:
    """Mean losses of an epoch, on the crops trained on and, with averaged weights, on the same validation crops each time.

    Those on the validation crops are NaN where there are none.
    """

    step: int
    learning_rate: float
    training: float
    validation: float
    foreground: float
    distance: float
    contact: float


@dataclass(slots=True)
class TrainingState:
    """The network in training, its average and the optimiser; changed by every step."""

    net: ParticleNet
    averaged: ParticleNet
    optimiser: torch.optim.AdamW
    step: int = 0


@dataclass(frozen=True, slots=True)
class TrainingData:
    """Micrographs to learn from with their probabilities, shape (n,), and fixed crops to validate on."""

    wholes: Sequence[Crop]
    weights: FloatArray
    validation: Sequence[Batch]


def new_state(net: ParticleNet, settings: TrainingSettings, device: torch.device) -> TrainingState:
    """Prepare a network for training from its first step.

    Parameters
    ----------
    net : ParticleNet
        With its first weights; becomes part of the state.
    settings : TrainingSettings
        Learning rates and frozen stages.
    device : torch.device
        Where to train.

    Returns
    -------
    TrainingState
    """
    averaged = ParticleNet()
    averaged.load_state_dict(net.state_dict())
    _move(net, device)
    _move(averaged.requires_grad_(requires_grad=False).eval(), device)
    for module in _frozen(net, settings):
        module.requires_grad_(requires_grad=False)
    encoder = [value for module in (net.stem, net.stages) for value in module.parameters() if value.requires_grad]
    decoder = [value for module in (net.decoder, net.head) for value in module.parameters()]
    groups = [{"params": encoder, "share": settings.encoder_share}, {"params": decoder, "share": 1.0}]
    optimiser = torch.optim.AdamW(groups, lr=settings.learning_rate, weight_decay=settings.weight_decay)
    return TrainingState(net, averaged, optimiser)


def train(
    state: TrainingState,
    data: TrainingData,
    settings: TrainingSettings,
    on_step: Callable[[int, float], None],
    loaders: int = 0,
) -> Iterator[EpochReport]:
    """Train to the end, yielding after every epoch, when the state is worth saving.

    Parameters
    ----------
    state : TrainingState
        New, or resumed; changed.
    data : TrainingData
        What to learn from.
    settings : TrainingSettings
        The course.
    on_step : callable
        Told the number of the step and its loss, for a progress bar.
    loaders : int
        Processes that make crops ahead of the training; 0 makes them in between. They do not change the result.

    Yields
    ------
    EpochReport
    """
    device = next(state.net.parameters()).device
    found: list[float] = []
    for batch in ahead(_Steps(data, settings), range(state.step, settings.steps), loaders):
        found.append(training_step(state, _on_device(batch, device), settings))
        on_step(state.step, found[-1])
        if state.step % settings.steps_per_epoch == 0 or state.step == settings.steps:
            yield _report(state, data, settings, sum(found) / len(found))
            found.clear()


def training_step(state: TrainingState, batch: Batch, settings: TrainingSettings) -> float:
    """Learn from one batch, changing the state; returns its loss."""
    for group in state.optimiser.param_groups:
        group["lr"] = group["share"] * learning_rate(state.step, settings)
    state.net.train()
    for module in _frozen(state.net, settings):
        module.eval()
    device = batch.image.device
    with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
        maps = state.net(batch.image)
    loss = losses(maps, batch).total
    state.optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_([p for p in state.net.parameters() if p.requires_grad], 5.0)
    state.optimiser.step()
    state.step += 1
    _average(state, settings)
    return float(loss.detach())


def learning_rate(step: int, settings: TrainingSettings) -> float:
    """Rise linearly, then fall along half a cosine to a hundredth."""
    if step < settings.warm_up_steps:
        return settings.learning_rate * (step + 1) / settings.warm_up_steps
    progress = (step - settings.warm_up_steps) / max(settings.steps - settings.warm_up_steps, 1)
    return settings.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0))))


def save_checkpoint(path: Path, state: TrainingState, settings: TrainingSettings) -> None:
    """Write the state so that the file is always whole: a run killed at any time finds this one or the one before."""
    content = {
        "net": state.net.state_dict(),
        "averaged": state.averaged.state_dict(),
        "optimiser": state.optimiser.state_dict(),
        "step": state.step,
        "settings": asdict(settings),
    }
    partial = path.with_suffix(".part")
    with partial.open("wb") as file:
        torch.save(content, file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def resume(path: Path, state: TrainingState, settings: TrainingSettings) -> None:
    """Put the state back to a checkpoint; raises ValueError if that was of another course of training."""
    content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    if TrainingSettings(**content["settings"]) != settings:
        raise ValueError(f"{path} belongs to a training with other settings: {content['settings']}")
    state.net.load_state_dict(content["net"])
    state.averaged.load_state_dict(content["averaged"])
    state.optimiser.load_state_dict(content["optimiser"])
    state.step = content["step"]


def mean_losses(net: ParticleNet, batches: Sequence[Batch]) -> Losses:
    """Mean losses of a network over batches, without learning from them; NaN where there are no batches."""
    device = next(net.parameters()).device
    net.eval()
    with torch.inference_mode():
        moved = (_on_device(batch, device) for batch in batches)
        found = [losses(net(batch.image), batch) for batch in moved]
    names = ("foreground", "distance", "contact")
    if not found:
        return Losses(*(torch.tensor(torch.nan) for _ in names))
    return Losses(*(torch.stack([getattr(one, name) for one in found]).mean() for name in names))


class _Steps(Dataset[Batch]):
    """The batches of a training by the number of their step."""

    def __init__(self, data: TrainingData, settings: TrainingSettings) -> None:
        self.data, self.settings = data, settings

    def __getitem__(self, step: int) -> Batch:
        settings = self.settings
        return training_batch(self.data.wholes, self.data.weights, settings.crop_px, settings.batch, (settings.seed, step))


def _report(state: TrainingState, data: TrainingData, settings: TrainingSettings, training: float) -> EpochReport:
    found = mean_losses(state.averaged, data.validation)
    parts = (float(part) for part in (found.total, found.foreground, found.distance, found.contact))
    return EpochReport(state.step, learning_rate(state.step, settings), training, *parts)


def _average(state: TrainingState, settings: TrainingSettings) -> None:
    # Early weights are forgotten sooner, or the average would begin with the untrained decoder.
    decay = min(settings.ema_decay, (1 + state.step) / (10 + state.step))
    with torch.no_grad():
        for kept, new in zip(state.averaged.state_dict().values(), state.net.state_dict().values(), strict=True):
            if kept.is_floating_point():
                kept.lerp_(new, 1 - decay)
            else:
                kept.copy_(new)


def _frozen(net: ParticleNet, settings: TrainingSettings) -> list[torch.nn.Module]:
    return [net.stem, *net.stages[: settings.frozen_stages]] if settings.frozen_stages else []


def _move(net: ParticleNet, device: torch.device) -> None:
    net.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]


def _on_device(batch: Batch, device: torch.device) -> Batch:
    moved: dict[str, Tensor] = {name: getattr(batch, name).to(device, non_blocking=True) for name in Batch.__slots__}
    # The layout of the network's weights; otherwise each first convolution would turn the pictures around.
    moved["image"] = moved["image"].to(memory_format=torch.channels_last)
    return Batch(**moved)
