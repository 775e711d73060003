"""What a wrong map costs: cross-entropy and Dice for the foreground, smooth L1 for the distance, cross-entropy for contacts."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from worker.analysis.network import Maps

DISTANCE_WEIGHT = 3.0
CONTACT_WEIGHT = 0.5
# Contacts fill about a hundredth of a picture.
CONTACT_POSITIVE_WEIGHT = 4.0
DISTANCE_BETA = 0.1


@dataclass(frozen=True, slots=True)
class Batch:
    """Pictures and targets, each of shape (batch, rows, columns), the image (batch, 1, rows, columns); all float32."""

    image: Tensor
    foreground: Tensor
    distance: Tensor
    contact: Tensor
    valid: Tensor


@dataclass(frozen=True, slots=True)
class Losses:
    """The parts of the loss, scalars."""

    foreground: Tensor
    distance: Tensor
    contact: Tensor

    @property
    def total(self) -> Tensor:
        """The weighted sum that is made small."""
        return self.foreground + DISTANCE_WEIGHT * self.distance + CONTACT_WEIGHT * self.contact


def losses(maps: Maps, batch: Batch) -> Losses:
    """Compare maps with targets where the labels are valid.

    Parameters
    ----------
    maps : Maps
        Of the network, each of shape (batch, rows, columns).
    batch : Batch
        The targets.

    Returns
    -------
    Losses
    """
    n_valid = batch.valid.sum().clamp(min=1)
    crossed = functional.binary_cross_entropy_with_logits(maps.foreground, batch.foreground, reduction="none")
    probability = torch.sigmoid(maps.foreground) * batch.valid
    wanted = batch.foreground * batch.valid
    # Dice per picture; the 1 keeps a picture without particles from dividing by zero.
    both, either = (probability * wanted).sum(dim=(1, 2)), (probability + wanted).sum(dim=(1, 2))
    dice = (1 - (2 * both + 1) / (either + 1)).mean()
    apart = functional.smooth_l1_loss(maps.distance, batch.distance, reduction="none", beta=DISTANCE_BETA)
    # Outside, a tenth suffices: the foreground decides there, but a distance near 0 keeps outlines crisp.
    inside = batch.valid * (0.1 + 0.9 * batch.foreground)
    positive = 1 + (CONTACT_POSITIVE_WEIGHT - 1) * batch.contact
    touching = functional.binary_cross_entropy_with_logits(maps.contact, batch.contact, weight=positive, reduction="none")
    return Losses(
        foreground=(crossed * batch.valid).sum() / n_valid + dice,
        distance=(apart * inside).sum() / inside.sum().clamp(min=1),
        contact=(touching * batch.valid).sum() / n_valid,
    )
