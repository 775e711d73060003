"""`saemi analyze`: the whole analysis in processes of this machine, no server."""

import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import CancelledError
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import click
import cv2
from pebble import ProcessExpired, ProcessPool

from cli.console import EXIT_SOME_FAILED, messages, progress_bar
from cli.findings import described_scale_bar
from cli.images import ImageOfFile, distinct_stems, images_option, left_out, scale_bar_option
from cli.inputs import find_micrographs
from cli.label_files import read_labels
from cli.model_choice import chosen_model, device_option, min_confidence_option, model_option, require_device
from cli.outputs import Source, command_line, counting_rule_option, described, format_option, write_outputs
from cli.ranges import NM_PER_PX
from cli.results import make_folder, report, write_particles
from cli.summary import analysed
from cli.summary import failed as failure
from shared.arrays import GreyImage
from shared.distributions.sample import CountingRule
from shared.distributions.size_statistics import size_statistics
from shared.domain import Analysis, Parameters, Segmenter
from shared.errors import SaemiError
from shared.geometry import specimen_area_px
from shared.image_names import WhichImages
from shared.results import describe
from shared.settings import Device, Settings, load_settings
from worker.analysis.lettering import TextReader
from worker.analysis.rendering import overlay, preview
from worker.files import encode_labels, encode_png, low_confidence_labels
from worker.micrograph.limits import DecodeLimits
from worker.micrograph.sandbox import Decoder
from worker.model_files import Model
from worker.pipeline import analyse
from worker.segmenters import create_segmenter
from worker.text_reader import RapidTextReader


@dataclass(frozen=True, slots=True)
class _Process:
    """What one process of the pool holds for all its images."""

    decoder: Decoder
    segmenter: Segmenter
    reader: TextReader | None
    parameters: Parameters
    out: Path
    which: WhichImages
    rule: CountingRule


@dataclass(frozen=True, slots=True)
class _Start:
    """What a process of the pool is started with."""

    settings: Settings
    model: Model
    device: Device
    parameters: Parameters
    out: Path
    which: WhichImages
    rule: CountingRule
    reads_scale_bars: bool

    @property
    def limits(self) -> DecodeLimits:
        """Ceilings for each image."""
        return DecodeLimits.of(self.settings)


_process: list[_Process | SaemiError] = []


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("saemi-results"), show_default=True, help="Folder for the results."
)
@click.option("--nm-per-px", type=NM_PER_PX, help="Pixel size, nm; without it what the file states and shows.")
@images_option
@scale_bar_option
@model_option
@min_confidence_option
@counting_rule_option
@format_option
@device_option
@click.option("--processes", type=click.IntRange(1, 256), help="Images at the same time; default: one per core.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@click.pass_context
def analyze(
    context: click.Context,
    *,
    paths: tuple[Path, ...],
    out: Path,
    nm_per_px: float | None,
    which: WhichImages,
    scale_bar: bool,
    model: str,
    min_confidence: float,
    rule: CountingRule,
    formats: tuple[str, ...],
    device: Device,
    processes: int | None,
    as_json: bool,
) -> None:
    """Analyse micrographs: banner, particles, sizes. PATHS are files, or folders that are searched for images.

    Writes STEM.particles.csv, STEM.labels.tif and STEM.overlay.png for each image, and summary.csv and summary.json. With
    --images all, the images of a file that holds several are STEM_1, STEM_2 and so on. With --format, results.* of all images
    besides.
    """
    settings = load_settings()
    require_device(device)
    with chosen_model(model, settings) as chosen:
        files = find_micrographs(paths, out)
        make_folder(out)
        reference = chosen.identity.reference
        parameters = Parameters(model=reference, nm_per_px=nm_per_px, min_confidence=min_confidence)
        start = _Start(settings, chosen, device, parameters, out, which, rule, scale_bar)
        images = _images(files, start)
        records = _analyse_all(images, start, processes or len(os.sched_getaffinity(0)))
    report(out, records, as_json=as_json)
    # A name alone means another model one day; a file means what it is.
    named = command_line(context, **({} if Path(model).exists() else {"model": reference}))
    all_made = _write_outputs(images, records, formats, start, title=described(paths), command=named)
    failed = sum(record["state"] == "failed" for record in records)
    messages.print(f"{len(records) - failed} of {len(records)} images analysed with {reference}; results in {out}")
    context.exit(EXIT_SOME_FAILED if failed or not all_made else 0)


def _write_outputs(
    images: Sequence[ImageOfFile],
    records: Sequence[dict[str, Any]],
    formats: Sequence[str],
    start: _Start,
    *,
    title: str,
    command: str,
) -> bool:
    """Write the formats that were asked for from what lies in the folder; tell whether each could be made."""
    with Decoder(start.limits) as decoder:
        sources = [
            Source(
                image,
                stem,
                record,
                labels=partial(read_labels, start.out / f"{stem}.labels.tif"),
                preview=partial(_preview_of, decoder, image),
                parameters=asdict(start.parameters),
            )
            for image, stem, record in zip(images, distinct_stems(images), records, strict=True)
        ]
        return write_outputs(start.out, sources, formats, title=title, rule=start.rule, command=command)


def _preview_of(decoder: Decoder, image: ImageOfFile) -> GreyImage:
    return preview(decoder.decode(image.path, index=image.index).pixels)


def _images(files: Sequence[Path], start: _Start) -> list[ImageOfFile]:
    """The images the command is about; of a file that cannot be read, the first, whose analysis then says why."""
    if start.which == "first":
        return [ImageOfFile(path) for path in files]
    with Decoder(start.limits) as decoder:
        return [image for path in files for image in _images_of(path, decoder)]


def _images_of(path: Path, decoder: Decoder) -> list[ImageOfFile]:
    try:
        n_images = decoder.count_images(path)
    except SaemiError:
        return [ImageOfFile(path)]
    return [ImageOfFile(path, index, n_images) for index in range(n_images)]


def _analyse_all(images: Sequence[ImageOfFile], start: _Start, processes: int) -> list[dict[str, Any]]:
    """Analyse images side by side; a process that dies fails its image alone, a model that is refused ends the command."""
    records = []
    with (
        progress_bar() as bar,
        ProcessPool(
            min(processes, len(images)),
            context=multiprocessing.get_context("spawn"),
            initializer=_start_process,
            initargs=(start,),
        ) as pool,
    ):
        task = bar.add_task("Analysing", total=len(images))
        named = zip(images, distinct_stems(images), strict=True)
        futures = [pool.schedule(_analyse_one, (image, stem)) for image, stem in named]
        try:
            for image, future in zip(images, futures, strict=True):
                try:
                    records.append(future.result())
                except (ProcessExpired, CancelledError) as error:
                    records.append(failure(image, "process_died", f"The process that analysed the image ended: {error}"))
                bar.advance(task)
        except BaseException:
            pool.stop()  # type: ignore[no-untyped-call]
            raise
    return records


def _start_process(start: _Start) -> None:
    cv2.setNumThreads(1)  # the images run side by side, one core each
    try:
        segmenter = create_segmenter(start.model, start.device)
    except SaemiError as error:
        # A process that does not start is started again and again; an image that asks for it gets the reason.
        _process.append(error)
        return
    reader = RapidTextReader() if start.reads_scale_bars else None
    _process.append(_Process(Decoder(start.limits), segmenter, reader, start.parameters, start.out, start.which, start.rule))


def _analyse_one(image: ImageOfFile, stem: str) -> dict[str, Any]:
    process = _process[0]
    if isinstance(process, SaemiError):
        raise process
    try:
        micrograph = process.decoder.decode(image.path, index=image.index)
        if process.which == "first":
            micrograph = replace(micrograph, warnings=(*micrograph.warnings, *left_out(micrograph.n_images)))
        image = replace(image, n_images=micrograph.n_images)
        analysis = _counted(analyse(micrograph, process.parameters, process.segmenter, process.reader), process.rule)
        write_particles(process.out / f"{stem}.particles.csv", analysis.particles)
        (process.out / f"{stem}.labels.tif").write_bytes(encode_labels(analysis.labels))
        picture = overlay(preview(micrograph.pixels), analysis.labels, low_confidence_labels(analysis.particles))
        (process.out / f"{stem}.overlay.png").write_bytes(encode_png(picture))
    except SaemiError as error:
        return failure(image, error.code, error.message)
    except OSError as error:
        return failure(image, "results_not_written", f"The results cannot be written: {error.strerror}.")
    return analysed(image, describe(micrograph, analysis), described_scale_bar(analysis.scale_bar))


def _counted(analysis: Analysis, rule: CountingRule) -> Analysis:
    """Return an analysis with its statistics under a counting rule."""
    specimen_px = specimen_area_px(analysis.field, analysis.annotations)
    return replace(analysis, statistics=size_statistics(analysis.particles, specimen_px, rule), counting_rule=rule)
