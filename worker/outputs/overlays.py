"""Micrographs with the outlines drawn in, in one ZIP archive."""

from pathlib import Path

from worker.analysis.rendering import overlay
from worker.files import encode_png, low_confidence_labels
from worker.outputs.archive import Archive
from worker.outputs.content import Content
from worker.outputs.formats import Progress
from worker.outputs.methods import as_text, methods


def write(content: Content, target: Path, progress: Progress) -> None:
    """Write ``STEM.overlay.png`` of each image, outlines of low confidence dotted, and ``methods.txt``."""
    with Archive(target) as archive:
        for n_done, image in enumerate(content.images, start=1):
            picture = overlay(image.preview(), image.labels(), low_confidence_labels(image.particles()))
            with archive.member(image.stem, "overlay.png", is_compressed=True) as file:
                file.write(encode_png(picture))
            progress(n_done)
        with archive.member("methods", "txt") as file:
            file.write(as_text(methods(content)).encode())
