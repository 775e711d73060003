"""What decides the course of a training, and the two courses that SAEMI proposes: from ImageNet, and from a trained model."""

from dataclasses import dataclass, replace
from typing import Any

# A short training, too, has so many points on its curve, and as many moments that it resumes from.
MIN_EPOCHS = 10
MAX_WARM_UP_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """Everything that decides the course of a training, besides the data and the first weights.

    Attributes
    ----------
    steps, steps_per_epoch, warm_up_steps : int
        Length of the training, distance of checkpoints and validations, and length of the rise to the full learning rate.
    batch, crop_px : int
        Crops of a step, and their side, px.
    learning_rate, encoder_share, weight_decay : float
        AdamW; the encoder, trained before, learns with a share of the rate.
    ema_decay : float
        Share of the averaged weights that a step keeps.
    frozen_stages : int
        So many first stages of the encoder, and the stem, keep their weights; 0 trains everything.
    synthetic_share, synthetic_scenes : float, int
        Share of the crops that show drawn particles with exact labels, and how many such scenes there are.
    seed : int
        The only source of chance.
    """

    steps: int = 3000
    steps_per_epoch: int = 50
    warm_up_steps: int = 50
    batch: int = 8
    crop_px: int = 256
    learning_rate: float = 2e-3
    encoder_share: float = 0.4
    weight_decay: float = 0.02
    ema_decay: float = 0.995
    frozen_stages: int = 0
    synthetic_share: float = 0.0
    synthetic_scenes: int = 300
    seed: int = 0


# On the validation split of EMPS, drawn particles beside the real ones lowered the loss by a twentieth; a difference in what
# is found was not resolved (docs/design.md).
FROM_IMAGENET = TrainingSettings(synthetic_share=0.2)
# A trained model knows particles already: large steps would make it forget what a small set does not show.
FINE_TUNING = TrainingSettings(steps=500, learning_rate=4e-4, ema_decay=0.99)


def chosen_settings(proposed: TrainingSettings, **chosen: Any) -> TrainingSettings:
    """Return the proposed course with what somebody chose otherwise.

    Parameters
    ----------
    proposed : TrainingSettings
        `FROM_IMAGENET` or `FINE_TUNING`.
    **chosen
        Settings by their names; None leaves the proposed one.

    Returns
    -------
    TrainingSettings
        With epochs and a warm-up that fit into the number of steps.
    """
    settings = replace(proposed, **{name: value for name, value in chosen.items() if value is not None})
    return replace(
        settings,
        steps_per_epoch=max(1, min(settings.steps_per_epoch, settings.steps // MIN_EPOCHS)),
        warm_up_steps=min(settings.warm_up_steps, int(settings.steps * MAX_WARM_UP_SHARE)),
    )
