"""Figures for papers: histogram and cumulative curves of all images, the micrograph of each, as SVG and PNG in one ZIP."""

from pathlib import Path

from worker.outputs.archive import Archive
from worker.outputs.content import Content
from worker.outputs.described import describe_all
from worker.outputs.drawing import charts
from worker.outputs.drawing.columns import PNG_DPI, SINGLE_MM
from worker.outputs.drawing.micrographs import as_picture, as_svg, encode_for_print, field_picture
from worker.outputs.formats import Progress
from worker.outputs.methods import as_text, methods
from worker.outputs.pooled import ImageSizes, pool, read_sizes, select


def write(content: Content, target: Path, progress: Progress) -> None:
    """Write the figures of a content.

    Parameters
    ----------
    content : Content
        What is shown. Where some images have a pixel size, the distribution is of these; the micrographs are of all.
    target : Path
        A ZIP file: ``STEM.micrograph.svg`` and ``.png`` for each image, ``histogram``, ``cumulative`` (one column wide) and
        ``distribution`` (both, two columns wide) as ``.svg`` and ``.png``, and ``methods.txt``.
    progress : callable
        Called with the number of images done so far.
    """
    selection = select(content)
    pooled = {id(image) for image in selection.content.images}
    read: list[ImageSizes] = []
    with Archive(target) as archive:
        for n_done, image in enumerate(content.images, start=1):
            sizes = read_sizes(image, selection, content.choices)
            if id(image) in pooled:
                read.append(sizes)
            field = field_picture(image, sizes.counted_labels)
            _add(archive, image.stem, "micrograph.svg", as_svg(field, SINGLE_MM))
            _add(archive, image.stem, "micrograph.png", encode_for_print(as_picture(field, SINGLE_MM, PNG_DPI)))
            progress(n_done)
        shown = describe_all(pool(read), selection, content.choices)
        for name, figure in (
            ("histogram", charts.histogram(shown)),
            ("cumulative", charts.cumulative(shown)),
            ("distribution", charts.both(shown)),
        ):
            _add(archive, name, "svg", charts.as_svg(figure))
            _add(archive, name, "png", charts.as_png(figure))
        _add(archive, "methods", "txt", as_text(methods(selection.content)).encode())


def _add(archive: Archive, stem: str, ending: str, content: bytes) -> None:
    with archive.member(stem, ending, is_stored=ending.endswith("png")) as file:
        file.write(content)
