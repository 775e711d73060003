"""The segmenters of this release by name."""

from pathlib import Path

import worker.models
from shared.domain import Segmenter
from shared.errors import InputError
from worker.analysis.classical import ClassicalSegmenter

WEIGHTS = {"particlenet": "particlenet-1.safetensors"}
MODEL_NAMES = ("classical", *WEIGHTS)


def create_segmenter(name: str) -> Segmenter:
    """Return the segmenter of that name; raises InputError ``unknown_model`` where there is none.

    A network computes on one thread of the CPU: images run side by side, one to a core.
    """
    if name == "classical":
        return ClassicalSegmenter()
    if name in WEIGHTS:
        return _load_network(Path(*worker.models.__path__) / WEIGHTS[name])
    raise InputError(f"There is no model {name!r}; this release has: {', '.join(MODEL_NAMES)}.", code="unknown_model")


def _load_network(path: Path) -> Segmenter:
    # PyTorch takes seconds to load, which only those who use a network should wait for.
    import torch  # noqa: PLC0415

    from worker.analysis.network_segmenter import network_segmenter  # noqa: PLC0415
    from worker.weights import load_weights  # noqa: PLC0415

    torch.set_num_threads(1)
    model = load_weights(path)
    return network_segmenter(model.net, model.identity, torch.device("cpu"))
