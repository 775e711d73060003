"""The models of this release, and how they and a lab's own come into the registry."""

from collections.abc import Iterator
from pathlib import Path

import worker.models
from shared import registry
from shared.database import Database
from shared.domain import DEFAULT_MODEL, ModelIdentity
from shared.errors import InputError
from shared.storage import BlobStore
from worker.model_files import READ_BYTES, SUFFIX, Model, check_weights, file_sha256, read_model

# A method without weights; `worker.analysis.classical` is what it is, and a test compares the two.
CLASSICAL = Model(
    ModelIdentity("classical", "1"),
    {
        "name": "classical",
        "version": "1",
        "architecture": "threshold and watershed",
        "architecture_version": "1",
        "description": "A threshold and a watershed: nothing is trained, and it has no weights. For particles that stand out "
        "from the background, and as the baseline to compare with. It gives no confidence.",
        "licence": "Apache-2.0",
    },
    None,
)


def shipped_references() -> list[str]:
    """Return the references of the models of this release."""
    return [CLASSICAL.identity.reference, *(path.stem for path in weights_files())]


def shipped_model(reference: str) -> Model | None:
    """Return a model of this release by reference, or by name in its newest version, or None; its weights are unchecked.

    Raises
    ------
    InputError
        As `worker.model_files.read_model` does. A file that cannot be read is in nobody's way who wants another model.
    """
    if reference in (CLASSICAL.identity.name, CLASSICAL.identity.reference):
        return CLASSICAL
    exact = [path for path in weights_files() if path.stem == reference]
    named = [path for path in weights_files() if path.stem.rpartition("-")[0] == reference]
    path = next(reversed(exact or named), None)
    return None if path is None else read_model(path)


def require_shipped(reference: str) -> Model:
    """Return a model of this release as `shipped_model` does; raises InputError ``unknown_model`` where there is none."""
    model = shipped_model(reference)
    if model is None:
        raise registry.unknown_model(reference, shipped_references())
    return model


def weights_files() -> list[Path]:
    """Return the weights files of this release, which are called by their references, the newest version of a name last."""
    return sorted(Path(*worker.models.__path__).glob(f"*{SUFFIX}"), key=_name_and_version)


def register_shipped(database: Database, store: BlobStore) -> list[InputError]:
    """Bring the models of this release into the registry, their weights into the store, and let the default follow.

    It may run any number of times and in several processes at once. A model that is cut, altered or in conflict with another
    of the same name and version is left out; the errors say why.
    """
    refused = []
    with database.writing() as session:
        registry.register(session, CLASSICAL.identity, CLASSICAL.card)
    for path in weights_files():
        try:
            add_model(database, store, path)
        except InputError as error:
            refused.append(error)
    with database.writing() as session:
        registry.follow_default(session, DEFAULT_MODEL)
    return refused


def add_model(database: Database, store: BlobStore, path: Path) -> ModelIdentity:
    """Register the model of a weights file with its card beside it, and keep its weights in the store for ever.

    Raises
    ------
    InputError
        As `worker.model_files` and `shared.registry.register` say.
    """
    model = read_model(path)
    check_weights(model)
    sha256 = model.identity.sha256 or ""
    # The weights come first: a model that can be named can be used.
    if not store.exists(sha256):
        store.put(_chunks(path))
    with store.local_path(sha256) as stored:
        if file_sha256(stored) != sha256:
            message = f"The stored weights of {model.identity.reference} are altered: delete {stored} and try again."
            raise InputError(message, code="model_altered")
    with database.writing() as session:
        registry.register(session, model.identity, model.card)
    return model.identity


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(READ_BYTES):
            yield chunk


def _name_and_version(path: Path) -> tuple[str, tuple[int, int, str]]:
    name, _, version = path.stem.rpartition("-")
    return name, registry.version_order(version)
