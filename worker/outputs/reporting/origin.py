"""The sections of a report that say where its numbers come from: sample, instrument, calibration, images, model, counting."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from reportlab.platypus import Flowable

from shared.distributions.bootstrap import LEVEL, REPEATS, SEED
from shared.distributions.sample import COUNTING_RULES
from shared.distributions.summary import percentiles
from shared.quantities import MAX_EDGE_WEIGHT, SMALLEST_RELIABLE_PX
from shared.tables import metadata_column
from worker.outputs.methods import CALIBRATIONS
from worker.outputs.pooled import QUANTITIES, ImageSizes, smallest_reliable
from worker.outputs.reporting.findings import Findings
from worker.outputs.reporting.layout import WIDTH_MM, facts, table, text
from worker.outputs.written import NONE, count, number, percent

METADATA_PREFIX = metadata_column("")
# Different values that are named one by one.
MOST_NAMED = 12


def sample(found: Findings) -> list[Flowable]:
    """Say what the sample is, as far as it was told."""
    records = [image.record for image in found.content.images]
    samples = Counter(record.get("sample") for record in records)
    rows = [("Selection", found.content.title), ("Sample", counted_values(samples))]
    keys = dict.fromkeys(key for record in records for key in record if key.startswith(METADATA_PREFIX))
    rows += [
        (key.removeprefix(METADATA_PREFIX), counted_values(Counter(record.get(key) for record in records))) for key in keys
    ]
    blocks: list[Flowable] = [facts(rows)]
    if not keys:
        blocks.append(text("How the sample was prepared is not recorded: no manifest came with the images."))
    return blocks


def instrument(found: Findings) -> list[Flowable]:
    """Say with what the images were taken, and where their pixel sizes come from."""
    records = [image.record for image in found.content.images]
    if not records:
        return [text("There is no image.")]
    named = Counter(record.get("instrument") for record in records)
    rows = [
        ("Instrument", counted_values(named)),
        ("Accelerating voltage", counted_values(Counter(_with_unit(record.get("voltage_kv"), "kV") for record in records))),
        ("Magnification", _range([record.get("magnification") for record in records], "×")),
        ("Recorded", _period([record.get("acquired_at") for record in records])),
    ]
    return [facts(rows), *_calibrations(records)]


def images(found: Findings) -> list[Flowable]:
    """List the pooled images with what each brings, and why some are doubtful."""
    if not found.images:
        return [text("There is no image.")]
    header = ["No.", "Image", "Pixels", "nm per px", "Found", "Counted", f"D50{found.described.per_unit}", "Fit for sizing"]
    rows = [
        _image_row(i, name.name, image)
        for i, (name, image) in enumerate(zip(found.content.images, found.images, strict=True), 1)
    ]
    widths = (9, WIDTH_MM - 9 - 20 - 20 - 14 - 16 - 20 - 22, 20, 20, 14, 16, 20, 22)
    blocks: list[Flowable] = [table(header, rows, widths, n_text_columns=2)]
    return [*blocks, *_fitness(found)]


def segmentation(found: Findings) -> list[Flowable]:
    """Name the models that outlined the particles."""
    by_model = Counter(
        (record.get("model_name"), record.get("model_version"), record.get("model_sha256"))
        for record in (image.record for image in found.images)
    )
    if not by_model:
        return [text("There is no image.")]
    rows = [
        [f"{name} {version}", sha256 or "no weights: a fixed method", f"{n:,}"]
        if name
        else ["Label maps made elsewhere", NONE, f"{n:,}"]
        for (name, version, sha256), n in by_model.items()
    ]
    return [
        table(["Model and version", "SHA-256 of the weights", "Images"], rows, (45, WIDTH_MM - 45 - 18, 18), n_text_columns=2)
    ]


def parameters(found: Findings) -> list[Flowable]:
    """List what was chosen."""
    choices, shown = found.content.choices, found.described
    quantity = QUANTITIES[found.selection.column]
    hashes = Counter(image.record.get("parameters_sha256") for image in found.images)
    unit_of_draw = "images, and particles within them" if len(found.images) > 1 else "particles of the one image"
    rows = [
        ("Quantity", f"{shown.quantity} ({quantity.name}): {quantity.definition}"),
        ("Weighting that stands first", choices.weighting),
        (
            "Histogram",
            f"{'logarithmic' if choices.is_log_axis else 'linear'} axis, {count(len(shown.chosen.bins.shares), 'bin')}"
            + (" (as many as suit the data)" if choices.n_bins is None else ""),
        ),
        ("Intervals", f"{100 * LEVEL:g} % by bootstrap, {REPEATS:,} samples of {unit_of_draw}, seed {SEED}"),
        ("Fits", _fit_range(found)),
        *((f"Parameter {name}", counted_values(values)) for name, values in _chosen(found).items()),
        ("SHA-256 of the parameters", counted_values(hashes)),
    ]
    return [facts(rows)]


def counting(found: Findings) -> list[Flowable]:
    """State the counting rule and the number of particles."""
    rule = found.content.choices.rule
    n_border = sum(image.n_touching_border for image in found.images)
    n_small = sum(image.n_small for image in found.images)
    low = [image.n_low_confidence for image in found.images if image.n_low_confidence is not None]
    rows = [
        ("Counting rule", f"{rule}: {COUNTING_RULES[rule]}"),
        ("Particles found", f"{found.n_found:,} in {count(len(found.images), 'image')}"),
        ("At the border of the field", f"{n_border:,} ({_share(n_border, found.n_found)})"),
        ("Particles counted", f"{found.n_counted:,}" + ("" if found.n_counted else ": there is no distribution")),
        (
            "Smallest reliable diameter",
            f"{SMALLEST_RELIABLE_PX:g} px; {n_small:,} particles ({_share(n_small, found.n_found)}) are smaller",
        ),
        (
            "Low confidence",
            f"{sum(low):,} particles below the threshold, counted all the same" if low else "The model gives no confidence.",
        ),
    ]
    n_without = sum(image.n_without_size for image in found.images)
    if n_without:
        rows.append(("Without a size", f"{n_without:,} particles have no {found.described.quantity} above 0 and do not count"))
    if rule == "exclude-border-weighted":
        capped = sum(image.sizes.capped_share * len(image.sizes.sample) for image in found.images)
        rows.append(
            (f"Weights cut to {MAX_EDGE_WEIGHT:g}", f"{_share(round(capped), found.n_counted)} of the counted particles")
        )
    return [facts(rows)]


def _chosen(found: Findings) -> dict[str, Counter[Any]]:
    """What was chosen for the analyses: by the name of each parameter, its values with their numbers of images."""
    chosen = [image.parameters for image in found.content.images if image.parameters is not None]
    names = dict.fromkeys(name for parameters in chosen for name in parameters)
    values = {name: [parameters.get(name) for parameters in chosen] for name in names}
    return {name: Counter("not chosen" if value is None else value for value in of) for name, of in values.items()}


def _calibrations(records: Sequence[Any]) -> list[Flowable]:
    groups = Counter(
        (record.get("nm_per_px"), record.get("calibration_source"), record.get("calibration_status")) for record in records
    )
    ordered = sorted(groups.items(), key=lambda item: (-item[1], item[0][0] or 0.0))
    rows = [
        [CALIBRATIONS[source or status], NONE if size is None else f"{size:.6g}", f"{n:,}"]
        for (size, source, status), n in ordered
    ]
    if len(rows) > MOST_NAMED:
        by_source: dict[str, list[Any]] = {}
        for (size, source, status), n in ordered:
            by_source.setdefault(CALIBRATIONS[source or status], []).extend([size] * n)
        rows = [[name, _range(sizes, ""), f"{len(sizes):,}"] for name, sizes in by_source.items()]
    return [table(["Source of the pixel size", "nm per px", "Images"], rows, (WIDTH_MM - 80, 60, 20)), text(_compared(records))]


def _compared(records: Sequence[Any]) -> str:
    differences = calibration_differences(records)
    if not differences:
        return "Of no image both the file and the scale bar gave a pixel size, so that none was checked by a second reading."
    return (
        f"Of {count(len(differences), 'image')} both the file and the scale bar gave a pixel size; the two differ by "
        f"{percent(differences[len(differences) // 2])} in the middle and by {percent(differences[-1])} at most."
    )


def calibration_differences(records: Iterable[Any]) -> list[float]:
    """Return by how much the two readings of the pixel size differ, relatively, ascending; of images that have both."""
    pairs = [(record.get("metadata_nm_per_px"), record.get("scale_bar_nm_per_px")) for record in records]
    return sorted(abs(stated - bar) / stated for stated, bar in pairs if stated and bar)


def counted_values(values: Counter[Any]) -> str:
    """Name the values with their numbers of images, the most frequent first."""
    if not values or set(values) == {None}:
        return "not recorded"
    if len(values) == 1:
        return str(next(iter(values)))
    named = [
        f"{'not recorded' if value is None else value} ({count(n, 'image')})" for value, n in values.most_common(MOST_NAMED)
    ]
    more = len(values) - MOST_NAMED
    return "; ".join(named) + (f"; and {more:,} more" if more > 0 else "")


def _image_row(position: int, name: str, image: ImageSizes) -> list[str]:
    sizes = image.sizes.sample
    d50 = number(float(percentiles(sizes.sizes, sizes.weights, (50.0,))[0])) if len(sizes) else NONE
    nm_per_px = image.record.get("nm_per_px")
    return [
        str(position),
        name,
        f"{image.record.get('width_px')} × {image.record.get('height_px')}",
        NONE if nm_per_px is None else f"{nm_per_px:.5g}",
        f"{image.n_particles:,}",
        f"{len(sizes):,}",
        d50,
        image.record.get("fitness") or "not judged",
    ]


def _fitness(found: Findings) -> list[Flowable]:
    verdicts = Counter(image.record.get("fitness") or "not judged" for image in found.images)
    said = ", ".join(f"{verdict}: {count(n, 'image')}" for verdict, n in verdicts.items())
    blocks: list[Flowable] = [text(f"Fit for sizing – {said}.")]
    doubtful = [
        [
            str(i),
            name.name,
            f"{image.record['fitness']}: {' '.join(image.record.get('fitness_reasons') or ['no reason is stored.'])}",
        ]
        for i, (name, image) in enumerate(zip(found.content.images, found.images, strict=True), 1)
        if image.record.get("fitness") not in (None, "fit")
    ]
    if doubtful:
        blocks.append(table(["No.", "Image", "Verdict and reasons"], doubtful, (9, 60, WIDTH_MM - 69), n_text_columns=3))
    return blocks


def _fit_range(found: Findings) -> str:
    cut = smallest_reliable(found.selection)
    if not cut:
        return "maximum likelihood over all sizes"
    smallest = f"{number(cut)} {found.described.unit}"
    return f"maximum likelihood over sizes from {smallest} on, the smallest reliable one of the coarsest image"


def _share(n: int, total: int) -> str:
    return percent(n / total) if total else NONE


def _with_unit(value: Any, unit: str) -> str | None:
    return None if value is None else f"{value:g} {unit}"


def _range(values: Sequence[Any], unit: str) -> str:
    known = [float(value) for value in values if value is not None]
    if not known:
        return "not recorded"
    low, high = (f"{value:,.6g}{unit}" for value in (min(known), max(known)))
    missing = len(values) - len(known)
    return (low if low == high else f"{low} to {high}") + (f"; not recorded of {count(missing, 'image')}" if missing else "")


def _period(values: Sequence[Any]) -> str:
    known = sorted(str(value)[:10] for value in values if value)
    if not known:
        return "not recorded"
    return known[0] if known[0] == known[-1] else f"{known[0]} to {known[-1]}"
