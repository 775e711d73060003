"""A segmenter on a labelled set: scores of each image by the pipeline that users run, and the worst images as pictures."""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from shared.arrays import GreyImage, Labels, Pixels
from shared.domain import Parameters, Segmenter
from shared.errors import InputError
from worker.analysis.lettering import TextReader
from worker.analysis.rendering import ColourImage, outlines, preview
from worker.pipeline import analyse
from worker.training.labelled import LabelledImage, read_labelled
from worker.training.scoring import SIZE_CLASSES, ImageScore, score_image

TILES_PER_ROW, ROWS_PER_SHEET = 4, 3
TILES_PER_SHEET = TILES_PER_ROW * ROWS_PER_SHEET
TILE_WIDTH_PX, PICTURE_HEIGHT_PX, CAPTION_HEIGHT_PX = 480, 400, 40
HEADING_HEIGHT_PX = 28
TEXT_PX = 15
# Sky blue and orange of M. Okabe and K. Ito (see rendering), the pair that stands out from grey for every colour vision.
TRUE_RGB, PREDICTED_RGB, TEXT_RGB = (86, 180, 233), (230, 159, 0), (255, 255, 255)
# The true outline is the wider one: where both agree it shows on either side of the predicted one.
TRUE_LINE_PX, PREDICTED_LINE_PX = 2, 1
# OpenCV draws polygons at sixteenths of a pixel.
SUBPIXEL_BITS = 4


@dataclass(frozen=True, slots=True)
class Evaluated:
    """One image with its true and its predicted labels, int32, all of shape (rows, columns), and the score."""

    name: str
    pixels: Pixels
    truth: Labels
    prediction: Labels
    score: ImageScore


def read_names(path: Path) -> list[str]:
    """Read names, one a line, empty lines skipped; raises InputError ``names_unreadable`` for a file that is no text."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"{path.name} is no list of names: it is not UTF-8 text.", code="names_unreadable") from error
    return [line.strip() for line in lines if line.strip()]


def select(images: Sequence[LabelledImage], names: Iterable[str]) -> list[LabelledImage]:
    """Return the images of these names; raises InputError ``unknown_names`` that lists all names without an image."""
    by_name = {image.name: image for image in images}
    wanted = list(dict.fromkeys(names))
    unknown = [name for name in wanted if name not in by_name]
    if unknown or not wanted:
        reason = f"{len(unknown)} names have no image: {', '.join(unknown)}." if unknown else "No names are given."
        raise InputError(reason, code="unknown_names", names=unknown)
    return [by_name[name] for name in wanted]


def evaluate(
    images: Iterable[LabelledImage], segmenter: Segmenter, text_reader: TextReader | None = None
) -> Iterator[Evaluated]:
    """Yield each image as the pipeline analyses it: banner and, with a reader of text, annotations cut; then scored."""
    parameters = Parameters(model=segmenter.identity.name)
    for image in images:
        micrograph, truth = read_labelled(image)
        prediction = analyse(micrograph, parameters, segmenter, text_reader).labels
        yield Evaluated(image.name, micrograph.pixels, truth, prediction, score_image(truth, prediction))


class Worst:
    """The images with the lowest mAP so far, the worst first; all others are let go, so that any set fits into memory."""

    def __init__(self, n: int) -> None:
        self._n = n
        self._kept: list[Evaluated] = []

    def add(self, evaluated: Evaluated) -> None:
        """Take an image into account."""
        self._kept = heapq.nsmallest(self._n, [*self._kept, evaluated], key=lambda one: (one.score.map, one.name))

    @property
    def images(self) -> tuple[Evaluated, ...]:
        """The worst images, the worst first."""
        return tuple(self._kept)


def score_record(name: str, score: ImageScore) -> dict[str, Any]:
    """Return a row of ``scores.csv``: the figures under their names, the size classes one by one."""
    record = asdict(score)
    n_by_size, found_by_size = record.pop("n_by_size"), record.pop("found_by_size")
    counts = {f"n_{key}": n for key, n in zip(SIZE_CLASSES, n_by_size, strict=True)}
    found = {f"found_{key}": n for key, n in zip(SIZE_CLASSES, found_by_size, strict=True)}
    return {"name": name, **record, **counts, **found}


def contact_sheets(images: Sequence[Evaluated], model: str) -> Iterator[ColourImage]:
    """Draw twelve images on each sheet: the micrograph, true outlines blue, predicted ones orange, name and figures below.

    Parameters
    ----------
    images : sequence of Evaluated
        In the order to show them.
    model : str
        Named in the heading.

    Yields
    ------
    ndarray of uint8, shape (rows, columns, 3)
        RGB.
    """
    n_sheets = -(-len(images) // TILES_PER_SHEET)
    for sheet in range(n_sheets):
        shown = images[sheet * TILES_PER_SHEET : (sheet + 1) * TILES_PER_SHEET]
        yield _sheet(shown, f"{model}: sheet {sheet + 1} of {n_sheets}, worst mAP first; ")


def _sheet(images: Sequence[Evaluated], heading: str) -> ColourImage:
    tile_height = PICTURE_HEIGHT_PX + CAPTION_HEIGHT_PX
    n_rows = -(-len(images) // TILES_PER_ROW)
    page = Image.new("RGB", (TILES_PER_ROW * TILE_WIDTH_PX, HEADING_HEIGHT_PX + n_rows * tile_height))
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(TEXT_PX)
    x = 8.0
    for text, colour in ((heading, TEXT_RGB), ("true outlines", TRUE_RGB), ("  predicted outlines", PREDICTED_RGB)):
        draw.text((x, 4), text, fill=colour, font=font)
        x += draw.textlength(text, font=font)
    for i, image in enumerate(images):
        row, column = divmod(i, TILES_PER_ROW)
        left, top = column * TILE_WIDTH_PX, HEADING_HEIGHT_PX + row * tile_height
        picture = _picture(image)
        page.paste(Image.fromarray(picture), (left + (TILE_WIDTH_PX - picture.shape[1]) // 2, top))
        draw.multiline_text((left + 8, top + PICTURE_HEIGHT_PX + 1), _caption(image), fill=TEXT_RGB, font=font, spacing=2)
    return np.asarray(page, dtype=np.uint8)


def _caption(image: Evaluated) -> str:
    score = image.score
    return (
        f"{image.name}\nmAP {score.map:.2f}  AP50 {score.ap50:.2f}  Dice {score.dice:.2f}  "
        f"particles {score.n_true} true, {score.n_predicted} predicted"
    )


def _picture(image: Evaluated) -> ColourImage:
    """Micrograph scaled into its tile with both sets of outlines, drawn after scaling so that they stay one line wide."""
    rows, columns = image.truth.shape
    # Two pixels stay free on every side, so that neighbours on the sheet do not touch.
    scale = min((TILE_WIDTH_PX - 4) / columns, (PICTURE_HEIGHT_PX - 4) / rows)
    size = max(1, round(columns * scale)), max(1, round(rows * scale))
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    grey: GreyImage = np.asarray(cv2.resize(preview(image.pixels), size, interpolation=interpolation), dtype=np.uint8)
    picture = np.repeat(grey[:, :, None], 3, axis=2)
    _draw_outlines(picture, image.truth, scale, TRUE_RGB, TRUE_LINE_PX)
    _draw_outlines(picture, image.prediction, scale, PREDICTED_RGB, PREDICTED_LINE_PX)
    return picture


def _draw_outlines(picture: ColourImage, labels: Labels, scale: float, colour: tuple[int, int, int], width: int) -> None:
    """Draw into a fresh picture of this module; whole numbers of both coordinate systems are pixel centres."""
    polygons = [
        np.round(((outline.polygon + 0.5) * scale - 0.5) * 2**SUBPIXEL_BITS).astype(np.int32) for outline in outlines(labels)
    ]
    cv2.polylines(picture, polygons, isClosed=True, color=colour, thickness=width, lineType=cv2.LINE_AA, shift=SUBPIXEL_BITS)
