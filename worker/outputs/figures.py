"""Figures for papers: histogram and cumulative curves of all images, the micrograph of each, as SVG and PNG in one ZIP."""

import zipfile
from collections.abc import Callable
from pathlib import Path

from worker.files import encode_png
from worker.outputs.content import AnalysedImage, Content
from worker.outputs.described import describe_all
from worker.outputs.drawing import charts
from worker.outputs.drawing.columns import PNG_DPI, SINGLE_MM
from worker.outputs.drawing.micrographs import as_picture, as_svg, field_picture
from worker.outputs.pooled import ImageSizes, pool, read_sizes, select

# The same bytes whenever it is written.
ZIP_DATE = (1980, 1, 1, 0, 0, 0)


def write(content: Content, target: Path, progress: Callable[[int], None]) -> None:
    """Write the figures of a content.

    Parameters
    ----------
    content : Content
        What is shown. Where some images have a pixel size, the distribution is of these; the micrographs are of all.
    target : Path
        A ZIP file: ``micrographs/STEM.svg`` and ``.png`` for each image, ``histogram``, ``cumulative`` (one column wide) and
        ``distribution`` (both, two columns wide) as ``.svg`` and ``.png``, and ``methods.txt``.
    progress : callable
        Called with the number of images done so far.
    """
    selection = select(content)
    pooled = {id(image) for image in selection.images}
    read: list[ImageSizes] = []
    with zipfile.ZipFile(target, "w") as archive:
        for done, image in enumerate(content.images, start=1):
            sizes = read_sizes(image, selection, content.choices)
            if id(image) in pooled:
                read.append(sizes)
            _write_micrograph(archive, image, sizes)
            progress(done)
        shown = describe_all(pool(read), selection, content.choices)
        for name, figure in (
            ("histogram", charts.histogram(shown)),
            ("cumulative", charts.cumulative(shown)),
            ("distribution", charts.both(shown)),
        ):
            _add(archive, f"{name}.svg", charts.as_svg(figure))
            _add(archive, f"{name}.png", charts.as_png(figure))


def _write_micrograph(archive: zipfile.ZipFile, image: AnalysedImage, sizes: ImageSizes) -> None:
    field = field_picture(image, sizes.counted_labels)
    _add(archive, f"micrographs/{image.stem}.svg", as_svg(field, SINGLE_MM))
    _add(archive, f"micrographs/{image.stem}.png", encode_png(as_picture(field, SINGLE_MM, PNG_DPI)))


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    # PNG is packed already.
    method = zipfile.ZIP_STORED if name.endswith(".png") else zipfile.ZIP_DEFLATED
    archive.writestr(zipfile.ZipInfo(name, ZIP_DATE), content, compress_type=method)
