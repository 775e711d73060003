"""Models as files: weights and, beside them, a model card in JSON that holds their SHA-256. Nothing here needs PyTorch.

What can be told from the bytes alone is checked here: that the file is whole, unaltered and no program in disguise.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.domain import ModelIdentity
from shared.errors import InputError

SUFFIX = ".safetensors"
CARD_KEYS = ("name", "version", "architecture", "architecture_version", "sha256")
# First bytes of what torch.save and pickle write: a ZIP archive, or a pickle of protocol 2 and later.
PICKLE_STARTS = (b"PK\x03\x04", b"\x80")
READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Model:
    """A model that can be loaded.

    Attributes
    ----------
    identity : ModelIdentity
        Name, version and SHA-256 of the weights.
    card : dict
        All that is known about it: data, split, seed, command, figures, licence.
    path : Path or None
        The weights; None where the method has none.
    """

    identity: ModelIdentity
    card: dict[str, Any]
    path: Path | None


def read_model(path: Path) -> Model:
    """Return the model of a weights file with a card beside it; `check_weights` tells whether they belong together.

    Raises
    ------
    InputError
        ``model_missing``, ``model_is_pickle`` or ``model_card_invalid``.
    """
    if not path.is_file():
        raise InputError(f"{path.name}: there is no such weights file.", code="model_missing")
    # A pickle has no card as a rule, and that it is one is what matters.
    _refuse_pickle(path, path.name)
    return described_model(path, _read_card(card_path(path)))


def described_model(path: Path, card: dict[str, Any]) -> Model:
    """Return the model of a weights file and a card; raises InputError ``model_card_invalid`` where the card names none."""
    missing = [key for key in CARD_KEYS if not isinstance(card.get(key), str)]
    if missing:
        raise InputError(f"The card of {path.name} does not state {', '.join(missing)}.", code="model_card_invalid")
    return Model(ModelIdentity(card["name"], card["version"], card["sha256"]), card, path)


def check_weights(model: Model) -> Path:
    """Return the weights of a model once they are known to be those that its card describes.

    Raises
    ------
    InputError
        ``model_missing``, ``model_is_pickle`` or ``model_altered``.
    """
    called, path, wanted = model.identity.reference, model.path, model.identity.sha256 or ""
    if path is None or not path.is_file():
        raise InputError(f"The weights of {called} are not there.", code="model_missing")
    _refuse_pickle(path, called)
    found = file_sha256(path)
    if found != wanted:
        raise InputError(
            f"The weights of {called} are not those that its card describes: the file is cut or altered (SHA-256 "
            f"{found[:12]}…, expected {wanted[:12]}…). Copy it again.",
            code="model_altered",
        )
    return path


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


def _refuse_pickle(path: Path, called: str) -> None:
    """Raise InputError ``model_is_pickle`` for what torch.save or pickle wrote."""
    with path.open("rb") as file:
        start = file.read(9)
    # A safetensors file begins with the length of its header, little-endian: eight bytes of which the last are 0, and then "{".
    is_table = start[4:] == b"\0\0\0\0{"
    if not is_table and start.startswith(PICKLE_STARTS):
        raise InputError(
            f"{called} is a pickle (torch.save), which can run any program when it is opened; only safetensors are read.",
            code="model_is_pickle",
        )


def _read_card(path: Path) -> dict[str, Any]:
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
        # Cards go into databases and answers, which hold neither half a character nor a number that is none.
        json.dumps(card, ensure_ascii=False, allow_nan=False).encode()
    except FileNotFoundError as error:
        message = f"{path.with_suffix(SUFFIX).name} has no model card {path.name} beside it."
        raise InputError(message, code="model_card_invalid") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path.name} is not JSON: {error}.", code="model_card_invalid") from error
    if not isinstance(card, dict):
        raise InputError(f"{path.name} is no JSON object.", code="model_card_invalid")
    return card
