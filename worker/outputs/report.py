"""The report as PDF, its sections in the order in which readers of ISO 19749 and ISO 21363 expect them."""

import io
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from reportlab.lib.units import mm
from reportlab.lib.utils import TimeStamp
from reportlab.platypus import Flowable, Image, PageBreak

from worker.outputs.content import Content
from worker.outputs.drawing import charts
from worker.outputs.drawing.columns import DOUBLE_MM
from worker.outputs.formats import Progress
from worker.outputs.methods import methods
from worker.outputs.pooled import ImageSizes, read_sizes, select
from worker.outputs.reporting import closing, layout, origin, pictures, results
from worker.outputs.reporting.findings import Findings, find
from worker.outputs.reporting.layout import Heading, ReportDocument, text

SECTIONS: tuple[tuple[str, Callable[[Findings], list[Flowable]]], ...] = (
    ("Sample", origin.sample),
    ("Instrument and calibration", origin.instrument),
    ("Images", origin.images),
    ("Segmentation", origin.segmentation),
    ("Parameters", origin.parameters),
    ("Counting rule and number of particles", origin.counting),
    ("Size distributions", lambda found: [*results.distributions(found), *_charts(found)]),
    ("Fitted curves", results.fits),
    ("Shape descriptors", results.shapes),
    ("How many particles it takes", results.guidance),
    ("EU nanomaterial screening", results.screening),
    ("Arrangement", results.arrangement),
    ("Uncertainty", closing.uncertainty),
    ("Corrections and decisions by hand", closing.by_hand),
    ("Images left out", closing.left_out),
    ("Software and reproduction", closing.software),
)


def write(content: Content, target: Path, progress: Progress) -> None:
    """Write the report of a content.

    Parameters
    ----------
    content : Content
        What is reported. Where some images have a pixel size, the numbers are of these, and the others are listed as left out;
        where none has, the report is in px and says so in its head.
    target : Path
        A PDF file. Two reports of the same content differ by their date alone; ``SOURCE_DATE_EPOCH`` fixes that too.
    progress : callable
        Called with the number of images done so far.
    """
    selection = select(content)
    pooled = {id(image) for image in selection.content.images}
    n_columns = pictures.columns(len(selection.content.images))
    read: list[ImageSizes] = []
    drawn: list[pictures.Drawn] = []
    for done, image in enumerate(content.images, start=1):
        if id(image) in pooled:
            read.append(read_sizes(image, selection, content.choices))
            drawn.append(pictures.draw(image, read[-1], n_columns))
        progress(done)
    found = find(selection, read)
    document = ReportDocument(target, f"Size distribution: {content.title}", _head(found))
    document.write([*_opening(found), *_body(found), *_pictures(found, drawn, n_columns), *_methods(selection.content)])


def _opening(found: Findings) -> list[Flowable]:
    stamp = datetime.fromtimestamp(TimeStamp().t, UTC)
    blocks: list[Flowable] = [
        text(f"Size distribution: {found.content.title}", "title"),
        text(f"{found.described.name} by electron microscopy · {stamp.day} {stamp:%B %Y}", "caption"),
    ]
    if found.described.unit.startswith("px"):
        blocks.append(text("No image has a pixel size: all sizes are in pixels, not in nanometres."))
    return [*blocks, *results.headline(found)]


def _body(found: Findings) -> list[Flowable]:
    blocks: list[Flowable] = []
    for number, (title, section) in enumerate(SECTIONS, start=1):
        blocks += layout.section(Heading(number, title), section(found))
    return blocks


def _charts(found: Findings) -> list[Flowable]:
    if not found.n_counted:
        return []
    figure = charts.both(found.described)
    height_mm = charts.HEIGHT_MM
    words = (
        f"a: histogram by {found.content.choices.weighting} with the curves fitted to the number distribution. b: cumulative "
        "curves; points are D10, D50 and D90, bands their 95 % confidence intervals."
    )
    return [Image(io.BytesIO(charts.as_png(figure)), DOUBLE_MM * mm, height_mm * mm, hAlign="LEFT"), text(words, "caption")]


def _pictures(found: Findings, drawn: Sequence[pictures.Drawn], n_columns: int) -> list[Flowable]:
    named = zip(found.content.images, found.images, drawn, strict=True)
    captions = [
        f"{i}  {image.name} · {len(sizes.sizes.sample):,} of {sizes.n_particles:,} counted"
        + ("" if picture.has_micrograph else " · no micrograph, outlines alone")
        for i, (image, sizes, picture) in enumerate(named, start=1)
    ]
    words = "Vermilion: particles that count. Blue, broken: those that do not. The numbers are those of the list of images."
    return [
        PageBreak(),
        Heading(None, "Micrographs with outlines"),
        text(words, "caption"),
        *pictures.pages(drawn, captions, n_columns),
    ]


def _head(found: Findings) -> str:
    return found.content.title + ("  ·  sizes in pixels, no calibration" if found.described.unit.startswith("px") else "")


def _methods(content: Content) -> list[Flowable]:
    blocks: list[Flowable] = [PageBreak(), Heading(None, "Methods, as in all outputs")]
    for section in methods(content):
        rows = [(fact.name, fact.value) for fact in section.facts]
        blocks += layout.section(text(section.title, "part"), [layout.facts(rows)])
    return blocks
