"""Label maps as TIFF, in one ZIP archive."""

from pathlib import Path

from worker.files import encode_labels
from worker.outputs.archive import Archive
from worker.outputs.content import Content
from worker.outputs.formats import Progress
from worker.outputs.methods import as_text, methods


def write(content: Content, target: Path, progress: Progress) -> None:
    """Write ``STEM.labels.tif`` of each image, 16 bit where its numbers allow it, else 32 bit, and ``methods.txt``."""
    with Archive(target) as archive:
        for n_done, image in enumerate(content.images, start=1):
            with archive.member(image.stem, "labels.tif", is_compressed=True) as file:
                file.write(encode_labels(image.labels()))
            progress(n_done)
        with archive.member("methods", "txt") as file:
            file.write(as_text(methods(content)).encode())
