"""From a model to a segmenter that runs: on its device, loaded once, and for a worker by the reference that a job names."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared import registry
from shared.database import Database
from shared.domain import ModelIdentity, Segmenter
from shared.errors import InputError, NotFoundError, OperatorError
from shared.settings import Device
from shared.storage import BlobStore
from worker.analysis.classical import ClassicalSegmenter
from worker.model_files import Model

if TYPE_CHECKING:
    import torch

# Networks that a process keeps in memory; jobs of more models than these side by side load them in turns.
MODELS_IN_MEMORY = 4
# The driver makes it, in containers as well.
NVIDIA_DRIVER = Path("/dev/nvidiactl")


def create_segmenter(model: Model, device: Device) -> Segmenter:
    """Return a model as a segmenter.

    A network computes on one thread of the CPU: images run side by side, one to a core.

    Raises
    ------
    InputError
        As `worker.weights.load_weights` says; ``model_foreign`` also for a method of another release.
    OperatorError
        ``no_cuda``.
    """
    if model.path is not None:
        return _network(model.path, model.card, device)
    if model.identity == ClassicalSegmenter().identity:
        return ClassicalSegmenter()
    message = f"{model.identity.reference} is a method of another release of SAEMI; this one does not have it."
    raise InputError(message, code="model_foreign")


def compute_device(device: Device) -> "torch.device":
    """Return where networks run; ``auto`` is a GPU where PyTorch sees one. Raises OperatorError ``no_cuda``."""
    # PyTorch takes seconds to load, which only those who use a network should wait for.
    import torch  # noqa: PLC0415

    if device == "cpu":
        return torch.device("cpu")
    if torch.cuda.is_available():
        return torch.device("cuda")
    if device == "auto":
        return torch.device("cpu")
    message = "PyTorch sees no CUDA device on this machine: choose cpu, or auto for whatever there is (--device, SAEMI_DEVICE)."
    raise OperatorError(message, code="no_cuda")


def has_gpu(device: Device) -> bool:
    """Tell whether networks run on a GPU; where there is none, without the seconds that it takes to load PyTorch."""
    return device != "cpu" and NVIDIA_DRIVER.exists() and compute_device(device).type == "cuda"


class RegisteredSegmenters:
    """Segmenters of registered models by reference, their weights from the store.

    A model is loaded once and kept. One that is refused is looked at again with the next job that names it, so that mending it
    needs no restart.
    """

    def __init__(self, database: Database, store: BlobStore, device: Device) -> None:
        self._database = database
        self._store = store
        self._device = device
        self._loaded: dict[ModelIdentity, Segmenter] = {}

    def __call__(self, reference: str) -> Segmenter:
        """Return the segmenter of a reference; raises InputError ``unknown_model`` and as `create_segmenter` does."""
        with self._database.reading() as session:
            row = registry.resolve(session, reference)
            identity, card = registry.identity(row), row.card
        if identity not in self._loaded:
            segmenter = self._load(identity, card)
            if len(self._loaded) >= MODELS_IN_MEMORY:
                del self._loaded[next(iter(self._loaded))]
            self._loaded[identity] = segmenter
        return self._loaded[identity]

    def _load(self, identity: ModelIdentity, card: dict[str, Any]) -> Segmenter:
        if identity.sha256 is None:
            return create_segmenter(Model(identity, card, None), self._device)
        try:
            with self._store.local_path(identity.sha256) as path:
                return create_segmenter(Model(identity, card, path), self._device)
        except NotFoundError as error:
            message = (
                f"The weights of {identity.reference} are not in the file store: `saemi admin db upgrade` brings those of this "
                "release back, `saemi models add FILE` those of your own."
            )
            raise InputError(message, code="model_missing") from error


def _network(path: Path, card: dict[str, Any], device: Device) -> Segmenter:
    import torch  # noqa: PLC0415

    from worker.analysis.confidence import ConfidenceModel  # noqa: PLC0415
    from worker.analysis.network_segmenter import network_segmenter  # noqa: PLC0415
    from worker.weights import load_weights  # noqa: PLC0415

    place = compute_device(device)
    if place.type == "cpu":
        torch.set_num_threads(1)
    loaded = load_weights(path, card)
    try:
        confidence = ConfidenceModel.from_card(card["confidence"]) if card.get("confidence") else None
    except (KeyError, TypeError, ValueError) as error:
        message = f"The card of {loaded.identity.reference} has a confidence that this release cannot use: {error}."
        raise InputError(message, code="model_card_invalid") from error
    return network_segmenter(loaded.net, loaded.identity, place, confidence)
