"""The distributions of a pooled sample in all weightings, so that figures and report say the same and each is computed once."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.distributions.describe import Distribution, FittedCurve, Look, describe
from shared.distributions.fits import FAMILIES, Family
from shared.distributions.sample import Sample
from shared.distributions.summary import POWERS, Weighting
from worker.outputs.content import Choices
from worker.outputs.pooled import Selection, smallest_reliable
from worker.outputs.written import count

FAMILY_NAMES: dict[Family, str] = {"lognormal": "log-normal", "normal": "normal", "weibull": "Weibull"}
# What people call quantities whose names are no plain words.
NAMES = {
    "ecd": "equivalent circular diameter",
    "feret_max": "largest Feret diameter",
    "feret_min": "smallest Feret diameter",
    "feret_mean": "mean Feret diameter",
    "nnd": "distance to the nearest neighbour",
    "nn_gap": "gap to the nearest neighbour",
}


@dataclass(frozen=True, slots=True)
class Described:
    """A sample with its distributions.

    Attributes
    ----------
    sample : Sample
        Sizes in ``unit``.
    quantity, unit : str
        In words; the unit of a ratio is empty.
    choices : Choices
        How it is counted and shown.
    by : mapping of Weighting to Distribution
        Fitted curves in the chosen weighting only.
    """

    sample: Sample
    quantity: str
    unit: str
    choices: Choices
    by: Mapping[Weighting, Distribution]

    @property
    def chosen(self) -> Distribution:
        """The distribution in the chosen weighting."""
        return self.by[self.choices.weighting]

    @property
    def name(self) -> str:
        """The quantity as a title begins."""
        return self.quantity[:1].upper() + self.quantity[1:]

    @property
    def per_unit(self) -> str:
        """What follows the name of a size in a heading: `` / nm``; empty for a ratio."""
        return f" / {self.unit}" if self.unit else ""

    @property
    def counted_text(self) -> str:
        """What is counted: number of particles and images, and the rule."""
        n = f"n = {count(len(self.sample), 'particle')} of {count(self.sample.n_images, 'image')}"
        return f"{n}; counting rule: {self.choices.rule}"

    @property
    def best(self) -> FittedCurve | None:
        """The fit with the lowest AIC; None where there is none."""
        found = [one for one in self.chosen.fits if isinstance(one, FittedCurve)]
        return min(found, key=lambda one: one.fit.aic, default=None)


def describe_all(sample: Sample, selection: Selection, choices: Choices) -> Described:
    """Compute everything that figures and report say of a sample; its sizes are above 0."""
    looks = {
        weighting: Look(
            weighting=weighting,
            n_bins=choices.n_bins,
            is_log_axis=choices.is_log_axis,
            families=FAMILIES if weighting == choices.weighting else (),
            with_intervals=True,
            truncated_at=smallest_reliable(selection),
        )
        for weighting in POWERS
    }
    return Described(
        sample=sample,
        quantity=NAMES.get(choices.quantity, choices.quantity.replace("_", " ")),
        unit=selection.unit,
        choices=choices,
        by={weighting: describe(sample, look) for weighting, look in looks.items()},
    )
