"""`saemi analyze` and `saemi measure`: the whole analysis in processes of this machine, no server."""

import json
import math
import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import cv2
from pebble import ProcessExpired, ProcessPool

from cli.console import EXIT_SOME_FAILED, messages, print_json, print_table, progress_bar
from cli.inputs import distinct_stems, find_micrographs, readable
from cli.label_files import read_labels
from shared.domain import AnalysedField, Labels, Parameters, ParticleTable, Segmenter
from shared.errors import InputError, OperatorError, SaemiError
from shared.results import describe, particle_records
from shared.settings import Settings, load_settings
from shared.tables import PARTICLE_COLUMNS, SUMMARY_COLUMNS, csv_lines
from worker.analysis.distribution import size_statistics
from worker.analysis.measurement import measure as measure_labels
from worker.analysis.rendering import overlay, preview
from worker.files import encode_labels, encode_png
from worker.micrograph.limits import DecodeLimits
from worker.micrograph.sandbox import Decoder
from worker.pipeline import analyse
from worker.segmenters import create_segmenter

SHOWN = ("file", "n_particles", "ecd_mean_px", "ecd_mean_nm", "ecd_d50_px", "ecd_d50_nm", "error_message")


class PixelSize(click.FloatRange):
    """A pixel size, nm. Click's own range lets NaN through, which is smaller and larger than nothing."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read a number and refuse NaN."""
        number: float = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail("nan is no pixel size.", param, ctx)
        return number


NM_PER_PX = PixelSize(min=1e-4, max=1e6)


@dataclass(frozen=True, slots=True)
class _Process:
    """What one process of the pool holds for all its images."""

    decoder: Decoder
    segmenter: Segmenter
    parameters: Parameters
    out: Path


_process: list[_Process] = []


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("saemi-results"), show_default=True, help="Folder for the results."
)
@click.option("--nm-per-px", type=NM_PER_PX, help="Pixel size, nm; without it the results are in pixels.")
@click.option("--model", default="classical", show_default=True, help="Segmenter to use.")
@click.option(
    "--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True, help="Where to compute."
)
@click.option("--processes", type=click.IntRange(1, 256), help="Images at the same time; default: one per core.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@click.pass_context
def analyze(
    context: click.Context,
    *,
    paths: tuple[Path, ...],
    out: Path,
    nm_per_px: float | None,
    model: str,
    device: str,
    processes: int | None,
    as_json: bool,
) -> None:
    """Analyse micrographs: banner, particles, sizes. PATHS are files, or folders that are searched for images.

    Writes STEM.particles.csv, STEM.labels.tif and STEM.overlay.png for each image, and summary.csv and summary.json.
    """
    _check_device(model, device)
    files = find_micrographs(paths, out)
    _make_folder(out)
    parameters = Parameters(model=model, nm_per_px=nm_per_px)
    records = _analyse_all(files, parameters, out, processes or len(os.sched_getaffinity(0)))
    (out / "summary.csv").write_text("".join(csv_lines(SUMMARY_COLUMNS, records)), encoding="utf-8")
    public = [_nested_banner(record) for record in records]
    (out / "summary.json").write_text(json.dumps(public, ensure_ascii=False, indent=2), encoding="utf-8")
    if as_json:
        print_json(public)
    else:
        print_table(SHOWN, [[record.get(name) for name in SHOWN] for record in records])
    failed = sum(record["state"] == "failed" for record in records)
    messages.print(f"{len(records) - failed} of {len(records)} images analysed with {model}; results in {out}")
    context.exit(EXIT_SOME_FAILED if failed else 0)


@click.command()
@click.argument("labels", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("saemi-results"), show_default=True, help="Folder for the results."
)
@click.option("--nm-per-px", type=NM_PER_PX, help="Pixel size, nm; without it the results are in pixels.")
@click.option(
    "--image",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Micrograph of the one label map; draws the overlay.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
@click.pass_context
def measure(
    context: click.Context,
    *,
    labels: tuple[Path, ...],
    out: Path,
    nm_per_px: float | None,
    image: Path | None,
    as_json: bool,
) -> None:
    """Measure label maps made elsewhere (PNG, TIFF or NPY; 0 is background). Writes STEM.particles.csv for each."""
    if image is not None and len(labels) > 1:
        raise click.UsageError("--image belongs to one label map.")
    _make_folder(out)
    records = [
        _measure_one(path, out / stem, nm_per_px, image) for path, stem in zip(labels, distinct_stems(labels), strict=True)
    ]
    if as_json:
        print_json(records)
    else:
        print_table(SHOWN, [[record.get(name) for name in SHOWN] for record in records])
    context.exit(EXIT_SOME_FAILED if any(record["state"] == "failed" for record in records) else 0)


def _check_device(model: str, device: str) -> None:
    try:
        create_segmenter(model)
    except InputError as error:
        raise click.BadParameter(error.message, param_hint="--model") from error
    if device == "cuda" and model == "classical":
        raise click.BadParameter("the model classical runs on the CPU only.", param_hint="--device")


def _make_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OperatorError(f"The results cannot be written to {out}: {error.strerror}.", code="out_unwritable") from error


def _analyse_all(files: Sequence[Path], parameters: Parameters, out: Path, processes: int) -> list[dict[str, Any]]:
    """Analyse files side by side; a process that dies fails its image alone."""
    records = []
    with (
        progress_bar() as bar,
        ProcessPool(
            min(processes, len(files)),
            context=multiprocessing.get_context("spawn"),
            initializer=_start_process,
            initargs=(load_settings(), parameters, out),
        ) as pool,
    ):
        task = bar.add_task("Analysing", total=len(files))
        futures = [pool.schedule(_analyse_one, (path, stem)) for path, stem in zip(files, distinct_stems(files), strict=True)]
        try:
            for path, future in zip(files, futures, strict=True):
                try:
                    records.append(future.result())
                except (ProcessExpired, CancelledError) as error:
                    records.append(_failure(path, "process_died", f"The process that analysed the image ended: {error}"))
                bar.advance(task)
        except BaseException:
            pool.stop()  # type: ignore[no-untyped-call]
            raise
    return records


def _start_process(settings: Settings, parameters: Parameters, out: Path) -> None:
    cv2.setNumThreads(1)  # the images run side by side, one core each
    limits = DecodeLimits(max_pixels=settings.max_pixels, timeout_s=settings.decode_timeout_s)
    _process.append(_Process(Decoder(limits), create_segmenter(parameters.model), parameters, out))


def _analyse_one(path: Path, stem: str) -> dict[str, Any]:
    process = _process[0]
    try:
        micrograph = process.decoder.decode(path)
        analysis = analyse(micrograph, process.parameters, process.segmenter)
        _write_particles(process.out / f"{stem}.particles.csv", analysis.particles)
        (process.out / f"{stem}.labels.tif").write_bytes(encode_labels(analysis.labels))
        (process.out / f"{stem}.overlay.png").write_bytes(encode_png(overlay(preview(micrograph.pixels), analysis.labels)))
    except SaemiError as error:
        return _failure(path, error.code, error.message)
    except OSError as error:
        return _failure(path, "results_not_written", f"The results cannot be written: {error.strerror}.")
    return {"file": readable(path), "state": "done", **describe(micrograph, analysis)}


def _measure_one(path: Path, target: Path, nm_per_px: float | None, image: Path | None) -> dict[str, Any]:
    try:
        labels = read_labels(path)
        height, width = labels.shape
        if image is not None:
            target.with_name(f"{target.name}.overlay.png").write_bytes(_overlay_of(image, labels))
        particles = measure_labels(labels, AnalysedField(0, height, 0, width), nm_per_px)
        _write_particles(target.with_name(f"{target.name}.particles.csv"), particles)
    except SaemiError as error:
        return _failure(path, error.code, error.message)
    except OSError as error:
        return _failure(path, "results_not_written", f"The results cannot be written: {error.strerror}.")
    statistics = size_statistics(particles)
    values = {name: getattr(statistics, name) for name in SUMMARY_COLUMNS if hasattr(statistics, name)}
    return {"file": readable(path), "state": "done", "width_px": width, "height_px": height, "nm_per_px": nm_per_px, **values}


def _overlay_of(image: Path, labels: Labels) -> bytes:
    """Draw the outlines of a label map on its micrograph; raises InputError ``size_mismatch`` when it is not its micrograph."""
    with Decoder(DecodeLimits()) as decoder:
        pixels = decoder.decode(image).pixels
    if pixels.shape != labels.shape:
        sizes = (
            f"The label map is {labels.shape[1]} × {labels.shape[0]} px, the image {pixels.shape[1]} × {pixels.shape[0]} px."
        )
        raise InputError(sizes, code="size_mismatch")
    return encode_png(overlay(preview(pixels), labels))


def _write_particles(path: Path, particles: ParticleTable) -> None:
    path.write_text("".join(csv_lines(PARTICLE_COLUMNS, particle_records(particles))), encoding="utf-8")


def _failure(path: Path, code: str, message: str) -> dict[str, Any]:
    return {"file": readable(path), "state": "failed", "error_code": code, "error_message": message}


def _nested_banner(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record as `saemi inspect` prints it: the banner as one object or null."""
    if record["state"] == "failed":
        return record
    top, bottom = record["banner_top"], record["banner_bottom"]
    rest = {name: value for name, value in record.items() if name not in ("banner_top", "banner_bottom")}
    return rest | {"banner": None if top is None else {"top": top, "bottom": bottom}}
