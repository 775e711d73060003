"""The methods block: what a reader must know to judge and repeat the numbers of an output.

The sections come in the order in which readers of ISO 19749 and ISO 21363 expect them: sample, instrument, calibration,
segmentation, counting, statistics, corrections, software. All of it follows from the records; no particle is read.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from shared.distributions.sample import COUNTING_RULES
from shared.quantities import PARTICLE_QUANTITIES, SMALLEST_RELIABLE_PX, STATISTIC_QUANTITIES, Quantity
from shared.results import SOFTWARE_VERSION
from worker.outputs.content import AnalysedImage, Content

# Values that are listed one by one; a folder of a thousand samples would fill pages.
MAX_LISTED = 20
NOT_STATED = "not stated"
# Where pixel sizes come from, by `calibration_source`, or by `calibration_status` where there is none.
CALIBRATIONS = {
    "metadata": "Pixel size stated by the file",
    "scale_bar": "Pixel size read from the scale bar",
    "manual": "Pixel size stated by a person",
    "instrument_default": "Pixel size decided by a person for the instrument",
    "missing": "No pixel size, sizes in px only",
    "conflict": "File and scale bar contradict each other, sizes in px only",
}
PERCENTILES = (
    "The cumulative curve goes in straight lines through the points (d_i, (W_i − w_i/2)/W), W_i the sum of the weights up to "
    "and including particle i; for equal weights type 5 (Hazen) of Hyndman and Fan, Am. Stat. 50 (1996) 361."
)
STANDARD_DEVIATION = "Of the sample, with n − 1."


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of the methods block."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Section:
    """Facts under one heading."""

    title: str
    facts: tuple[Fact, ...]


def methods(content: Content) -> tuple[Section, ...]:
    """Return the methods block of an output, without sections that would be empty."""
    sections = (
        _sample(content),
        _instrument(content.images),
        _calibration(content.images),
        _segmentation(content.images),
        _counting(content),
        _statistics(content),
        _corrections(content.images),
        Section("Images left out", tuple(Fact(one.name, one.reason) for one in content.left_out)),
        _software(content),
        definitions(),
    )
    return tuple(section for section in sections if section.facts)


def definitions() -> Section:
    """Return unit and formula of every column of the tables."""
    quantities = {quantity.name: quantity for quantity in (*PARTICLE_QUANTITIES, *STATISTIC_QUANTITIES)}
    return Section("Definitions", tuple(Fact(name, _defined(quantity)) for name, quantity in quantities.items()))


def as_text(sections: Iterable[Section]) -> str:
    """Write a methods block as plain text."""
    return "\n".join(
        "\n".join([section.title.upper(), *(f"{fact.name}: {fact.value}" for fact in section.facts), ""])
        for section in sections
    )


def as_json(sections: Iterable[Section]) -> list[dict[str, Any]]:
    """Return a methods block as lists and objects: ``title`` and ``facts`` of ``name`` and ``value``."""
    return [{"title": section.title, "facts": [asdict(fact) for fact in section.facts]} for section in sections]


def _sample(content: Content) -> Section:
    return Section(
        "Sample",
        (
            Fact("Selection", content.title),
            Fact("Samples", _tally(image.record.get("sample") for image in content.images)),
            Fact("Images", f"{len(content.images):,}"),
            Fact("Images left out", f"{len(content.left_out):,}"),
        ),
    )


def _instrument(images: Sequence[AnalysedImage]) -> Section:
    records = [image.record for image in images]
    return Section(
        "Instrument",
        (
            Fact("Instrument", _tally(record.get("instrument") for record in records)),
            Fact("Accelerating voltage", _tally(_measured(record, "voltage_kv", " kV") for record in records)),
            Fact("Magnification", _tally(_measured(record, "magnification", "×") for record in records)),
            Fact("Recorded", _period(record.get("acquired_at") for record in records)),
        ),
    )


def _calibration(images: Sequence[AnalysedImage]) -> Section:
    counts = _calibration_counts(images)
    sizes = [image.record["nm_per_px"] for image in images if image.record["nm_per_px"] is not None]
    found = "none" if not sizes else f"{min(sizes):.6g} nm"
    if sizes and min(sizes) != max(sizes):
        found += f" to {max(sizes):.6g} nm"
    return Section(
        "Calibration",
        (Fact("Pixel sizes", found), *(Fact(name, _images(counts[source])) for source, name in CALIBRATIONS.items())),
    )


def _segmentation(images: Sequence[AnalysedImage]) -> Section:
    chosen = [image.parameters for image in images if image.parameters is not None]
    names = dict.fromkeys(name for parameters in chosen for name in parameters)
    return Section(
        "Segmentation",
        (
            Fact("Model", _tally((_model(image.record) for image in images), "label maps made elsewhere")),
            *(Fact(f"Parameter {name}", _tally(_text(parameters.get(name)) for parameters in chosen)) for name in names),
            Fact("SHA-256 of the parameters", _tally((image.record.get("parameters_sha256") for image in images), "none")),
        ),
    )


def _counting(content: Content) -> Section:
    records = [image.record for image in content.images]
    found, at_border = (sum(record[name] for record in records) for name in ("n_particles", "n_touching_border"))
    left_out = 0 if content.choices.rule == "all" else at_border
    return Section(
        "Counting",
        (
            Fact("Counting rule", content.choices.rule),
            Fact("Meaning", COUNTING_RULES[content.choices.rule]),
            Fact("Particles found", f"{found:,}"),
            Fact("Particles that touch the border", f"{at_border:,}"),
            Fact("Particles left out at the border", f"{left_out:,}"),
            Fact("Particles counted", f"{found - left_out:,}"),
            Fact(f"Particles smaller than {SMALLEST_RELIABLE_PX:g} px across, the smallest reliable", _sum(records, "n_small")),
            Fact("Particles of low confidence, counted all the same", _sum(records, "n_low_confidence")),
            Fact("Images fit for sizing", _tally((record.get("fitness") for record in records), "not judged")),
        ),
    )


def _statistics(content: Content) -> Section:
    choices = content.choices
    named = [one for one in PARTICLE_QUANTITIES if one.name in {choices.quantity, *_in_units(choices.quantity)}]
    return Section(
        "Statistics",
        (
            Fact("Quantity", f"{choices.quantity}: {named[0].definition}" if named else choices.quantity),
            Fact("Weighting", choices.weighting),
            Fact("Percentiles", PERCENTILES),
            Fact("Standard deviation", STANDARD_DEVIATION),
        ),
    )


def _corrections(images: Sequence[AnalysedImage]) -> Section:
    counts = _calibration_counts(images)
    return Section(
        "Corrections by hand",
        (
            Fact("Outlines", "None: this release has no way to correct them."),
            Fact(
                "Pixel sizes",
                f"{_images(counts['manual'] + counts['instrument_default'])} by a person’s statement or decision.",
            ),
        ),
    )


def _software(content: Content) -> Section:
    return Section(
        "Software",
        (
            Fact("Analysed with SAEMI", _tally(image.record.get("software_version") for image in content.images)),
            Fact("Written with SAEMI", SOFTWARE_VERSION),
            Fact("Command that makes this again", content.command),
        ),
    )


def _calibration_counts(images: Sequence[AnalysedImage]) -> Counter[str]:
    return Counter(image.record["calibration_source"] or image.record["calibration_status"] for image in images)


def _in_units(quantity: str) -> tuple[str, ...]:
    return tuple(f"{quantity}_{unit}" for unit in ("nm", "nm2", "px"))


def _model(record: Mapping[str, Any]) -> str | None:
    if record.get("model_name") is None:
        return None
    reference = f"{record['model_name']}-{record['model_version']}"
    return reference if record["model_sha256"] is None else f"{reference}, SHA-256 of its weights {record['model_sha256']}"


def _measured(record: Mapping[str, Any], name: str, unit: str) -> str | None:
    value = record.get(name)
    return None if value is None else f"{value:,.6g}{unit}"


def _period(times: Iterable[Any]) -> str:
    """From the first to the last day; a time that is no ISO 8601 tells nothing about order."""
    days = sorted({day for day in (_day(time) for time in times) if day is not None})
    if not days:
        return NOT_STATED
    return days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"


def _day(time: Any) -> str | None:
    try:
        return datetime.fromisoformat(str(time)).date().isoformat()
    except ValueError:
        return None


def _sum(records: Iterable[Mapping[str, Any]], name: str) -> str:
    """Sum of a number over the images that have it, and of how many it is not known."""
    values = [record.get(name) for record in records]
    known = [value for value in values if value is not None]
    unknown = len(values) - len(known)
    if values and not known:
        return "not known"
    return f"{sum(known):,}" + (f"; not known of {_images(unknown)}" if unknown else "")


def _tally(values: Iterable[Any], missing: str = NOT_STATED) -> str:
    """Each value with the number of images that have it, the most frequent first; one of all images stands alone."""
    counts = Counter(missing if value is None else str(value) for value in values)
    if len(counts) <= 1:
        return next(iter(counts), missing)
    listed = [f"{value} ({_images(n)})" for value, n in counts.most_common(MAX_LISTED)]
    further = len(counts) - len(listed)
    return "; ".join([*listed, *([f"{further:,} more"] if further else [])])


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _images(n: int) -> str:
    return "1 image" if n == 1 else f"{n:,} images"


def _defined(quantity: Quantity) -> str:
    return f"{quantity.definition} Unit: {quantity.unit}." if quantity.unit else quantity.definition
