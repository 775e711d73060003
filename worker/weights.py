"""Trained weights: written as a safetensors file with a model card beside it, and read back after they were checked.

Nothing is unpickled: a safetensors file is a table of numbers, and one that is cut, altered or foreign is refused with
the reason.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from shared.domain import ModelIdentity
from shared.errors import InputError
from worker.analysis.network import ARCHITECTURE, ARCHITECTURE_VERSION, ParticleNet
from worker.model_files import card_path, check_weights, described_model, file_sha256, read_model


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A trained network and what is known about it.

    Attributes
    ----------
    net : ParticleNet
        On the CPU, float32, ready for `worker.analysis.network_segmenter.network_segmenter`.
    identity : ModelIdentity
        Name and version from the card, and the SHA-256 of the weights file.
    card : dict
        All that the card says: data, split, seed, command, figures, licence.
    """

    net: ParticleNet
    identity: ModelIdentity
    card: dict[str, Any]


def save_weights(path: Path, net: ParticleNet, identity: ModelIdentity, facts: dict[str, Any]) -> None:
    """Write weights in half precision, and their card beside them.

    Parameters
    ----------
    path : Path
        Ends with ``.safetensors``; it and its card are replaced if they exist.
    net : ParticleNet
        Trained, not fused.
    identity : ModelIdentity
        Name and version.
    facts : dict
        What else the card shall say, as JSON values.
    """
    state = {key: _halved(value).contiguous() for key, value in net.state_dict().items()}
    partial = path.with_suffix(".part")
    save_file(state, partial, metadata={"architecture": ARCHITECTURE, "architecture_version": ARCHITECTURE_VERSION})
    # safetensors gives the file to its owner alone; a model is for everyone on the machine.
    partial.chmod(0o644)
    card = {
        "name": identity.name,
        "version": identity.version,
        "architecture": ARCHITECTURE,
        "architecture_version": ARCHITECTURE_VERSION,
        "sha256": file_sha256(partial),
        **facts,
    }
    card_partial = card_path(path).with_suffix(".part.json")
    card_partial.write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    partial.replace(path)
    card_partial.replace(card_path(path))


def load_weights(path: Path, card: dict[str, Any] | None = None) -> LoadedModel:
    """Read weights after checking them against their card.

    Parameters
    ----------
    path : Path
        The safetensors file.
    card : dict, optional
        Its model card; without it the one beside the file is read. The registry knows those of its models, whose weights lie
        in the blob store under their SHA-256 alone.

    Returns
    -------
    LoadedModel

    Raises
    ------
    InputError
        ``model_missing``, ``model_is_pickle``, ``model_card_invalid``, ``model_altered``, ``model_damaged`` or
        ``model_foreign``, with a message that says what is wrong with which model.
    """
    model = read_model(path) if card is None else described_model(path, card)
    called, architecture = model.identity.reference, (model.card["architecture"], model.card["architecture_version"])
    if architecture != (ARCHITECTURE, ARCHITECTURE_VERSION):
        raise _foreign(called, " ".join(architecture))
    check_weights(model)
    return LoadedModel(_read_net(path, called), model.identity, model.card)


def _read_net(path: Path, called: str) -> ParticleNet:
    net = ParticleNet()
    wanted = net.state_dict()
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            if metadata.get("architecture") != ARCHITECTURE or metadata.get("architecture_version") != ARCHITECTURE_VERSION:
                raise _foreign(called, metadata.get("architecture", "unknown"))
            state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - no dictionary
    except SafetensorError as error:
        raise InputError(f"{called} is no whole safetensors file: {error}.", code="model_damaged") from error
    if {key: value.shape for key, value in state.items()} != {key: value.shape for key, value in wanted.items()}:
        raise _foreign(called, "a network with other layers")
    if not all(bool(torch.isfinite(value).all()) for value in state.values()):
        raise InputError(f"{called} holds weights that are not finite numbers.", code="model_damaged")
    net.load_state_dict({key: value.to(wanted[key].dtype) for key, value in state.items()})
    return net.eval()


def _foreign(called: str, found: str) -> InputError:
    return InputError(f"{called} holds {found}; this release runs {ARCHITECTURE} {ARCHITECTURE_VERSION}.", code="model_foreign")


def _halved(value: torch.Tensor) -> torch.Tensor:
    return value.half() if value.is_floating_point() else value
