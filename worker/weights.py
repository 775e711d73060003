"""Trained weights on disk: a safetensors file and, beside it, a model card in JSON that holds its SHA-256.

Nothing is unpickled: a safetensors file is a table of numbers, and one that is cut, altered or foreign is refused with
the reason.
"""

import hashlib
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

SUFFIX = ".safetensors"
# First bytes of what torch.save and pickle write: a ZIP archive, or a pickle of protocol 2 and later.
PICKLE_STARTS = (b"PK\x03\x04", b"\x80")
READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A trained network and what is known about it.

    Attributes
    ----------
    net : ParticleNet
        On the CPU, float32, ready for `worker.analysis.network_segmenter.network_segmenter`.
    identity : ModelIdentity
        Name and version from the card.
    sha256 : str
        Of the weights file, hexadecimal.
    card : dict
        All that the card says: data, split, seed, command, figures, licence.
    """

    net: ParticleNet
    identity: ModelIdentity
    sha256: str
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


def load_weights(path: Path) -> LoadedModel:
    """Read weights after checking them against their card.

    Parameters
    ----------
    path : Path
        The safetensors file.

    Returns
    -------
    LoadedModel

    Raises
    ------
    InputError
        ``model_missing``, ``model_is_pickle``, ``model_card_invalid``, ``model_altered``, ``model_damaged`` or
        ``model_foreign``, with a message that says what is wrong with which file.
    """
    if not path.is_file():
        raise InputError(f"{path.name}: there is no such weights file.", code="model_missing")
    _refuse_pickle(path)
    card = _read_card(path)
    if (card["architecture"], card["architecture_version"]) != (ARCHITECTURE, ARCHITECTURE_VERSION):
        raise _foreign(path, f"{card['architecture']} {card['architecture_version']}")
    sha256 = file_sha256(path)
    if sha256 != card["sha256"]:
        raise InputError(
            f"{path.name} is not the file that its card describes: it is cut or altered (SHA-256 {sha256[:12]}…, "
            f"expected {str(card['sha256'])[:12]}…). Copy the file again.",
            code="model_altered",
        )
    return LoadedModel(_read_net(path), ModelIdentity(card["name"], card["version"]), sha256, card)


def card_path(path: Path) -> Path:
    """Return where the card of a weights file lies: beside it, with the ending ``.json``."""
    return path.with_suffix(".json")


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(READ_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _read_net(path: Path) -> ParticleNet:
    net = ParticleNet()
    wanted = net.state_dict()
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            if metadata.get("architecture") != ARCHITECTURE or metadata.get("architecture_version") != ARCHITECTURE_VERSION:
                raise _foreign(path, metadata.get("architecture", "unknown"))
            state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - no dictionary
    except SafetensorError as error:
        raise InputError(f"{path.name} is no whole safetensors file: {error}.", code="model_damaged") from error
    if {key: value.shape for key, value in state.items()} != {key: value.shape for key, value in wanted.items()}:
        raise _foreign(path, "a network with other layers")
    if not all(bool(torch.isfinite(value).all()) for value in state.values()):
        raise InputError(f"{path.name} holds weights that are not finite numbers.", code="model_damaged")
    net.load_state_dict({key: value.to(wanted[key].dtype) for key, value in state.items()})
    return net.eval()


def _read_card(path: Path) -> dict[str, Any]:
    try:
        card = json.loads(card_path(path).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(
            f"{path.name} has no model card {card_path(path).name} beside it.", code="model_card_invalid"
        ) from error
    except ValueError as error:
        raise InputError(f"{card_path(path).name} is not JSON: {error}.", code="model_card_invalid") from error
    needed = ("name", "version", "architecture", "architecture_version", "sha256")
    missing = [key for key in needed if not isinstance(card, dict) or not isinstance(card.get(key), str)]
    if missing:
        raise InputError(f"{card_path(path).name} does not state {', '.join(missing)}.", code="model_card_invalid")
    return dict(card)


def _refuse_pickle(path: Path) -> None:
    with path.open("rb") as file:
        start = file.read(9)
    # A safetensors file begins with the length of its header, little-endian: eight bytes of which the last are 0, and then "{".
    is_table = start[4:] == b"\0\0\0\0{"
    if not is_table and start.startswith(PICKLE_STARTS):
        raise InputError(
            f"{path.name} is a pickle (torch.save), which can run any program when it is opened; only safetensors are read.",
            code="model_is_pickle",
        )


def _foreign(path: Path, found: str) -> InputError:
    return InputError(
        f"{path.name} holds {found}; this release runs {ARCHITECTURE} {ARCHITECTURE_VERSION}.", code="model_foreign"
    )


def _halved(value: torch.Tensor) -> torch.Tensor:
    return value.half() if value.is_floating_point() else value
