"""All statistics of a pooled sample at once, so that figures and report say the same and each is computed once."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.distributions.bootstrap import Intervals, intervals
from shared.distributions.fits import FAMILIES, Family, Fit, NoFit, fit
from shared.distributions.sample import Sample
from shared.distributions.summary import POWERS, Moments, Summary, Weighting, moments, summarise
from worker.outputs.content import Choices
from worker.outputs.pooled import Selection, smallest_reliable
from worker.outputs.written import count

FAMILY_NAMES: dict[Family, str] = {"lognormal": "log-normal", "normal": "normal", "weibull": "Weibull"}
# What people call a quantity that has no name in plain words.
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
    """A sample with its statistics.

    Attributes
    ----------
    sample : Sample
        Sizes in ``unit``.
    quantity, unit : str
        In words, and empty for a ratio.
    choices : Choices
        How it is counted and shown.
    summaries, intervals
        By weighting; no interval with fewer than two particles.
    moments : Moments
        Of the number distribution.
    fits : tuple of Fit or NoFit
        Of the number distribution, one for each family.
    """

    sample: Sample
    quantity: str
    unit: str
    choices: Choices
    summaries: Mapping[Weighting, Summary]
    intervals: Mapping[Weighting, Intervals | None]
    moments: Moments
    fits: tuple[Fit | NoFit, ...]

    @property
    def axis_label(self) -> str:
        """Quantity and unit as they stand at an axis."""
        name = self.quantity[:1].upper() + self.quantity[1:]
        return f"{name} / {self.unit}" if self.unit else name

    @property
    def counted_text(self) -> str:
        """What is counted: number of particles and images, and the rule."""
        n = f"n = {count(len(self.sample), 'particle')} of {count(self.sample.n_images, 'image')}"
        return f"{n}; counting rule: {self.choices.rule}"

    @property
    def best(self) -> Fit | None:
        """The fit with the lowest AIC; None where there is none."""
        found = [one for one in self.fits if isinstance(one, Fit)]
        return min(found, key=lambda one: one.aic, default=None)


def describe(sample: Sample, selection: Selection, choices: Choices) -> Described:
    """Compute everything that figures and report say of a sample."""
    cut = smallest_reliable(selection)
    return Described(
        sample=sample,
        quantity=NAMES.get(choices.quantity, choices.quantity.replace("_", " ")),
        unit=selection.unit,
        choices=choices,
        summaries={weighting: summarise(sample, weighting) for weighting in POWERS},
        intervals={weighting: intervals(sample, weighting) for weighting in POWERS},
        moments=moments(sample),
        fits=tuple(fit(sample, family, cut) for family in FAMILIES),
    )
