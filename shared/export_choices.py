"""How an export counts and shows sizes, and the command that makes the same one again."""

import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any
from urllib.parse import parse_qsl

from shared.distributions.sample import DEFAULT_COUNTING_RULE, CountingRule
from shared.distributions.summary import Weighting
from shared.errors import InputError
from shared.quantities import PARTICLE_QUANTITIES

# Numbers and places, yes and no, how sure the model was: their distribution says nothing of the particles.
NOT_PLOTTED = frozenset(
    {"label", "centroid_y_px", "centroid_x_px", "touches_border", "edge_weight", "confidence", "low_confidence"}
)
UNITS = ("_nm2", "_nm", "_px")
MOST_BINS = 500


def without_unit(name: str) -> str:
    """Return the name of a particle quantity without its unit.

    >>> without_unit("area_nm2"), without_unit("ecd_px"), without_unit("circularity")
    ('area', 'ecd', 'circularity')
    """
    return next((name.removesuffix(unit) for unit in UNITS if name.endswith(unit)), name)


# Particle quantities of which a distribution is shown, without their units.
SHOWN_QUANTITIES = tuple(dict.fromkeys(without_unit(q.name) for q in PARTICLE_QUANTITIES if q.name not in NOT_PLOTTED))


@dataclass(frozen=True, slots=True)
class ExportChoices:
    """How sizes are counted and shown.

    Attributes
    ----------
    quantity : str
        One of `SHOWN_QUANTITIES`; lengths and areas in nm where an image is calibrated.
    weighting, counting_rule
        Of percentiles and curves; which particles count.
    bins : int or None
        Bins of histograms; None takes as many as suit the data.
    log_axis : bool
        Whether the axis of sizes is logarithmic.
    """

    quantity: str = "ecd"
    weighting: Weighting = "number"
    counting_rule: CountingRule = DEFAULT_COUNTING_RULE
    bins: int | None = None
    log_axis: bool = False

    @classmethod
    def stored(cls, values: dict[str, Any]) -> "ExportChoices":
        """Read what a row has, to show it; what another release knew beside is left out: see `require_known`."""
        return cls(**{one.name: values[one.name] for one in fields(cls) if one.name in values})


def require_known(values: dict[str, Any]) -> None:
    """Raise InputError ``unknown_choice`` where a row has choices of another release: the file would differ."""
    unknown = values.keys() - {one.name for one in fields(ExportChoices)}
    if unknown:
        message = f"Another release of SAEMI was asked for {', '.join(sorted(unknown))}. Ask for the file again."
        raise InputError(message, code="unknown_choice")


def command(format_name: str, selection: str, analysis_ids: Sequence[int] | None, choices: ExportChoices) -> str:
    """Write the `saemi` command that makes an export again.

    >>> command("pdf", "submission_id=12", None, ExportChoices(weighting="volume"))
    'saemi export --format pdf --submission 12 --weighting volume'
    """
    words = ["saemi", "export", "--format", format_name, *_selecting(selection)]
    for number in analysis_ids or ():
        words += ["--analysis", str(number)]
    standard = asdict(ExportChoices())
    for name, value in asdict(choices).items():
        if value != standard[name]:
            option = f"--{name.replace('_', '-')}"
            words += [option] if value is True else [option, str(value)]
    return shlex.join(words)


def _selecting(selection: str) -> list[str]:
    short = {"submission_id": "--submission", "sample": "--sample"}
    match parse_qsl(selection):
        case []:
            return []
        case [(name, value)] if name in short:
            return [short[name], value]
        case _:
            return ["--search", selection]
