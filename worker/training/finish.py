"""The end of a training: the model's figures by the pipeline that users run, its weights, and its card."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from importlib.metadata import version
from math import isnan
from typing import Any

from shared.domain import ModelIdentity
from worker.analysis.network import ParticleNet
from worker.analysis.network_segmenter import NetworkSegmenter, network_segmenter
from worker.training.calibration import calibrate
from worker.training.evaluation import Worst, evaluate, score_record
from worker.training.holdout import Holdout
from worker.training.kinds import figures_by_kind, kinds
from worker.training.labelled import LabelledImage
from worker.training.reading import DataSet, data_digest
from worker.training.reliability_diagram import reliability_svg
from worker.training.run import Run
from worker.training.run_folder import model_path
from worker.training.scoring import Figure, ImageScore, summarise
from worker.training.settings import TrainingSettings
from worker.weights import save_weights

# The card names so many of the images that the model does worst on.
WORST_SHOWN = 10


def finish(
    run: Run,
    net: ParticleNet,
    identity: ModelIdentity,
    facts: dict[str, Any],
    validation: Sequence[LabelledImage],
    *,
    groups: Mapping[str, str],
    on_image: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Measure a trained network on the validation images, and write its weights, card and reliability diagram.

    Parameters
    ----------
    run : Run
        Where the model is written, and the device.
    net : ParticleNet
        Trained.
    identity : ModelIdentity
        Name and version of the model.
    facts : dict
        What the card shall say besides the figures, as `training_facts` makes it.
    validation : sequence of LabelledImage
        Not trained on; may be empty.
    groups : mapping of str
        Group of each of them by its name.
    on_image : callable
        Called twice for each validation image, for a progress bar: the confidence is calibrated on them, then they are scored.

    Returns
    -------
    dict
        What the card says besides name, version and architecture.
    """
    shipped = as_shipped(net)
    plain = network_segmenter(shipped, identity, run.device)
    segmenter, confidence = with_confidence(plain, validation, groups, on_image)
    scores: list[ImageScore] = []
    kinds_of: list[tuple[str, ...]] = []
    worst = Worst(WORST_SHOWN)
    for evaluated in evaluate(validation, segmenter):
        scores.append(evaluated.score)
        kinds_of.append(kinds(evaluated.pixels, evaluated.truth))
        worst.add(evaluated)
        on_image()
    figures = {
        "figures": figure_records(summarise(scores)) if scores else {},
        "figures_by_kind": figure_records(figures_by_kind(scores, kinds_of)),
        "worst_images": [score_record(one.name, one.score) for one in worst.images],
    }
    content = {**facts, "device": run.device.type, **figures, **confidence}
    path = model_path(run.folder, identity)
    if "reliability" in confidence:
        path.with_suffix(".svg").write_text(reliability_svg(confidence["reliability"]), encoding="utf-8")
    # The model comes last: where it is, the training is finished.
    save_weights(path, shipped, identity, content)
    return content


def with_confidence(
    segmenter: NetworkSegmenter,
    validation: Sequence[LabelledImage],
    groups: Mapping[str, str],
    on_image: Callable[[], None],
) -> tuple[NetworkSegmenter, dict[str, Any]]:
    """Return the segmenter with its confidence calibrated on the validation images, and what the card says of it.

    Before the figures, because confidence decides between the views. With too few validation images there is none.
    """
    found = calibrate(validation, groups, segmenter, on_image)
    if found is None:
        return segmenter, {}
    card = {"confidence": found.confidence.as_card(), "reliability": found.reliability.as_card()}
    return replace(segmenter, confidence=found.confidence), card


def as_shipped(net: ParticleNet) -> ParticleNet:
    """Return a copy on the CPU with the weights as the file will hold them, half precision, so that the figures are theirs."""
    made = ParticleNet()
    state = net.state_dict()
    made.load_state_dict({key: value.half() if value.is_floating_point() else value for key, value in state.items()})
    return made.eval()


def training_facts(data: DataSet, holdout: Holdout, settings: TrainingSettings, start: dict[str, Any]) -> dict[str, Any]:
    """Return what a card says of how the model was made.

    Parameters
    ----------
    data : DataSet
        All images.
    holdout : Holdout
        The split.
    settings : TrainingSettings
        The course.
    start : dict
        Where the first weights come from.

    Returns
    -------
    dict
        JSON values.
    """
    return {
        "data": {
            "name": data.name,
            "n_images": len(data.images),
            "n_particles": data.n_particles,
            "sha256": data_digest(data.digests),
            "split": {"rule": holdout.rule, "validation": list(holdout.names)},
        },
        "from": start,
        "training": asdict(settings),
        "created": datetime.now(UTC).date().isoformat(),
        "software_version": version("saemi"),
    }


def figure_records(figures: Sequence[Figure]) -> dict[str, dict[str, float | int | None]]:
    """Return figures by name as a card holds them; None for what was taken over nothing."""
    return {
        figure.name: {
            "value": _number(figure.value),
            "ci95_low": _number(figure.low),
            "ci95_high": _number(figure.high),
            "n": figure.n,
        }
        for figure in figures
    }


def _number(value: float) -> float | None:
    return None if isnan(value) else value
