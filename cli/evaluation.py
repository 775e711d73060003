"""`saemi evaluate`: how well a model segments labelled micrographs, and where it fails."""

from collections.abc import Sequence
from dataclasses import asdict
from math import isnan
from pathlib import Path
from typing import Any

import click

from cli.console import messages, print_json, print_table, progress_bar
from cli.images import scale_bar_option
from cli.model_choice import chosen_model, device_option, model_option, require_device
from shared.domain import ModelIdentity, Segmenter
from shared.errors import InputError, OperatorError
from shared.settings import Device, load_settings
from shared.tables import csv_lines
from worker.analysis.lettering import TextReader
from worker.files import encode_png
from worker.segmenters import create_segmenter
from worker.text_reader import RapidTextReader
from worker.training.evaluation import Worst, contact_sheets, read_names, score_record, select
from worker.training.evaluation import evaluate as evaluate_images
from worker.training.kinds import figures_by_kind, kinds
from worker.training.labelled import LabelledImage, check_labelled, find_labelled
from worker.training.scoring import Figure, ImageScore, summarise

COLUMNS = ("figure", "value", "ci95_low", "ci95_high", "n")


@click.command()
@click.option(
    "--data",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder with images and labels, or with a COCO file.",
)
@model_option
@device_option
@click.option(
    "--names", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="File with the names to use, one a line."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("saemi-evaluation"),
    show_default=True,
    help="Folder for the results.",
)
@click.option(
    "--worst", type=click.IntRange(0, 1200), default=24, show_default=True, help="How many of the worst images to draw."
)
@scale_bar_option
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def evaluate(
    *,
    data: Path,
    model: str,
    device: Device,
    names: Path | None,
    out: Path,
    worst: int,
    scale_bar: bool,
    as_json: bool,
) -> None:
    """Score a model on labelled micrographs: agreement with the labels, errors of count and size, recall by size.

    Figures are given for all images and for each kind of them (bright or dark, separate or touching, few or many particles).

    Writes scores.csv with a line for each image, and worst_01.png and so on with the worst images, true and predicted outlines.
    """
    segmenter = _segmenter(model, device)
    model = segmenter.identity.reference
    images = find_labelled(data)
    if names is not None:
        images = select(images, read_names(names))
    for warning in check_labelled(images):
        messages.print(f"Warning: {warning}")
    _make_folder(out)
    scores, by_kind, worst_images = _evaluate_all(images, segmenter, RapidTextReader() if scale_bar else None, worst)
    _write_scores(out / "scores.csv", [image.name for image in images], scores)
    for i, sheet in enumerate(contact_sheets(worst_images.images, model), start=1):
        (out / f"worst_{i:02}.png").write_bytes(encode_png(sheet))
    figures = (*summarise(scores), *by_kind)
    if as_json:
        print_json(_report(segmenter.identity, len(images), figures))
    else:
        print_table(
            COLUMNS, [[figure.name, *map(_shown, (figure.value, figure.low, figure.high)), figure.n] for figure in figures]
        )
    messages.print(f"{len(images)} images evaluated with {model}; scores and the worst images in {out}")


def _segmenter(model: str, device: Device) -> Segmenter:
    require_device(device)
    with chosen_model(model, load_settings()) as chosen:
        try:
            return create_segmenter(chosen, device)
        except InputError as error:
            raise click.BadParameter(error.message, param_hint="--model") from error


def _make_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OperatorError(f"The results cannot be written to {out}: {error.strerror}.", code="out_unwritable") from error
    # Sheets of an earlier run would pass for this one's.
    for path in out.glob("worst_*.png"):
        path.unlink()


def _evaluate_all(
    images: Sequence[LabelledImage], segmenter: Segmenter, text_reader: TextReader | None, n_worst: int
) -> tuple[list[ImageScore], tuple[Figure, ...], Worst]:
    """Scores of the images, figures by kind of image, and the worst images."""
    scores: list[ImageScore] = []
    kinds_of: list[tuple[str, ...]] = []
    worst = Worst(n_worst)
    with progress_bar() as bar:
        task = bar.add_task("Evaluating", total=len(images))
        for evaluated in evaluate_images(images, segmenter, text_reader):
            scores.append(evaluated.score)
            kinds_of.append(kinds(evaluated.pixels, evaluated.truth))
            worst.add(evaluated)
            bar.advance(task)
    return scores, figures_by_kind(scores, kinds_of), worst


def _write_scores(path: Path, names: Sequence[str], scores: Sequence[ImageScore]) -> None:
    records = [score_record(name, score) for name, score in zip(names, scores, strict=True)]
    path.write_text("".join(csv_lines(tuple(records[0]), records)), encoding="utf-8")


def _report(identity: ModelIdentity, n_images: int, figures: Sequence[Figure]) -> dict[str, Any]:
    values = {
        figure.name: {
            "value": _shown(figure.value),
            "ci95_low": _shown(figure.low),
            "ci95_high": _shown(figure.high),
            "n": figure.n,
        }
        for figure in figures
    }
    return {"model": asdict(identity), "n_images": n_images, "figures": values}


def _shown(value: float) -> float | None:
    """A figure taken over nothing is missing, not a number."""
    return None if isnan(value) else value
