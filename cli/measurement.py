"""`saemi measure`: the measurements of the analysis on label maps made elsewhere."""

from dataclasses import replace
from pathlib import Path

import click

from cli.console import EXIT_SOME_FAILED
from cli.findings import described_scale_bar, stated
from cli.images import ImageOfFile, distinct_stems, scale_bar_option
from cli.label_files import read_labels
from cli.outputs import Source, command_line, counting_rule_option, format_option, listed, write_outputs
from cli.ranges import NM_PER_PX
from cli.results import make_folder, report, write_particles
from cli.summary import analysed
from cli.summary import failed as failure
from shared.arrays import GreyImage, Labels
from shared.calibration import calibration
from shared.distributions.fitness import judge
from shared.distributions.sample import CountingRule
from shared.distributions.size_statistics import size_statistics, why_missing
from shared.domain import Micrograph
from shared.errors import InputError, SaemiError
from shared.geometry import specimen_area_px
from shared.results import describe_measurement
from shared.settings import load_settings
from worker.analysis.inscriptions import Inscriptions, calibrate, read_inscriptions
from worker.analysis.label_map import numbered_as_before
from worker.analysis.measurement.particles import measure as measure_labels
from worker.analysis.padding import analysed_field, cut_to_field
from worker.analysis.rendering import overlay, preview
from worker.files import encode_png
from worker.micrograph.limits import DecodeLimits
from worker.micrograph.sandbox import Decoder
from worker.text_reader import RapidTextReader


@click.command()
@click.argument("labels", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("saemi-results"), show_default=True, help="Folder for the results."
)
@click.option("--nm-per-px", type=NM_PER_PX, help="Pixel size, nm; without it what the micrograph states and shows.")
@click.option(
    "--image",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Micrograph of the one label map: its pixel size, its banner and burnt-in text, the overlay.",
)
@scale_bar_option
@counting_rule_option
@format_option
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@click.pass_context
def measure(
    context: click.Context,
    *,
    labels: tuple[Path, ...],
    out: Path,
    nm_per_px: float | None,
    image: Path | None,
    scale_bar: bool,
    rule: CountingRule,
    formats: tuple[str, ...],
    as_json: bool,
) -> None:
    """Measure label maps made elsewhere, by Cellpose, ImageJ, StarDist or others (PNG, TIFF or NPY; 0 is background).

    Writes STEM.particles.csv for each, and summary.csv and summary.json. With the micrograph given, its banner
    and burnt-in text are no specimen, as in `saemi analyze`, and STEM.overlay.png shows the outlines.
    With --format, results.* of all label maps besides.
    """
    if image is not None and len(labels) > 1:
        raise click.UsageError("--image belongs to one label map.")
    make_folder(out)
    stems = distinct_stems([ImageOfFile(path) for path in labels])
    limits = DecodeLimits.of(load_settings())
    sources = [
        _measure_one(path, out / stem, nm_per_px, image, limits, rule=rule, reads_scale_bar=scale_bar)
        for path, stem in zip(labels, stems, strict=True)
    ]
    report(out, [dict(source.row) for source in sources], as_json=as_json)
    all_made = write_outputs(out, sources, formats, title=listed(labels), rule=rule, command=command_line(context))
    context.exit(EXIT_SOME_FAILED if not all_made or any(source.row["state"] == "failed" for source in sources) else 0)


def _measure_one(
    path: Path,
    target: Path,
    nm_per_px: float | None,
    image: Path | None,
    limits: DecodeLimits,
    *,
    rule: CountingRule,
    reads_scale_bar: bool,
) -> Source:
    source = Source(ImageOfFile(path), target.name, {}, labels=lambda: read_labels(path), preview=_no_picture)
    try:
        labels = read_labels(path)
        micrograph = None if image is None else _micrograph_of(image, labels, limits)
        written = _inscriptions(micrograph, labels.shape, reads_scale_bar=reads_scale_bar)
        calibrated = calibration(nm_per_px, None, None)
        if micrograph is not None:
            calibrated = calibrate(micrograph, written.scale_bar, nm_per_px)
        labels = _specimen_of(labels, written)
        pixels = None if micrograph is None else micrograph.pixels
        particles = measure_labels(labels, written.field, calibrated.nm_per_px, written.annotations, pixels)
        write_particles(target.with_name(f"{target.name}.particles.csv"), particles)
        if micrograph is not None:
            shown = preview(micrograph.pixels)
            source = replace(source, labels=lambda: labels, preview=lambda: shown)
            target.with_name(f"{target.name}.overlay.png").write_bytes(encode_png(overlay(shown, labels)))
    except SaemiError as error:
        return replace(source, row=failure(source.image, error.code, error.message))
    except OSError as error:
        message = f"The results cannot be written: {error.strerror}."
        return replace(source, row=failure(source.image, "results_not_written", message))
    specimen_px = specimen_area_px(written.field, written.annotations)
    statistics = size_statistics(particles, specimen_px, rule)
    found = describe_measurement(
        labels.shape, calibrated, written.banner, written.field, statistics=statistics, fitness=judge(particles, specimen_px)
    ) | {"counting_rule": rule}
    missing = why_missing(len(particles), statistics.n_counted or 0)
    said = () if micrograph is None else (*micrograph.warnings, *written.warnings)
    read = {"warnings": [*said, *([missing] if missing else [])]}
    read |= stated(None if micrograph is None else micrograph.metadata)
    return replace(source, row=analysed(source.image, found | read, described_scale_bar(written.scale_bar)))


def _no_picture() -> GreyImage:
    raise InputError("A label map alone has no picture. Name its micrograph by --image.", code="no_micrograph")


def _inscriptions(micrograph: Micrograph | None, shape: tuple[int, int], *, reads_scale_bar: bool) -> Inscriptions:
    """Read what is written on a micrograph; a label map alone is all field."""
    if micrograph is None:
        return Inscriptions(None, analysed_field(shape, None))
    return read_inscriptions(micrograph, RapidTextReader() if reads_scale_bar else None)


def _specimen_of(labels: Labels, written: Inscriptions) -> Labels:
    """Remove what banner and annotations cover; what is left keeps its number, by which people know it."""
    cut = cut_to_field(labels, written.field, written.annotations)
    return labels if cut is labels else numbered_as_before(cut, labels)


def _micrograph_of(image: Path, labels: Labels, limits: DecodeLimits) -> Micrograph:
    """Read the micrograph of a label map; raises InputError ``size_mismatch`` when it is not its micrograph."""
    with Decoder(limits) as decoder:
        micrograph = decoder.decode(image)
    if micrograph.pixels.shape != labels.shape:
        (label_height, label_width), (height, width) = labels.shape, micrograph.pixels.shape
        message = f"The label map is {label_width} × {label_height} px, the image {width} × {height} px."
        raise InputError(message, code="size_mismatch")
    return micrograph
