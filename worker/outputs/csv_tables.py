"""Tables as text: particles of all images, a row for each image, and the methods, in one ZIP archive."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from pyarrow import csv

from shared.tables import csv_lines
from worker.outputs.archive import Archive
from worker.outputs.content import Content
from worker.outputs.formats import Progress
from worker.outputs.methods import as_text, methods
from worker.outputs.rows import particle_batch, particle_schema, summary_columns, summary_row


def write(content: Content, target: Path, progress: Progress) -> None:
    """Write ``particles.csv``, ``summary.csv`` and ``methods.txt``; one image is in memory at a time."""
    # The two tables grow side by side, and an archive takes one member after the other.
    with Archive(target) as archive, TemporaryFile() as summary:
        with archive.member("particles", "csv") as file, csv.CSVWriter(file, particle_schema()) as particles:
            rows = _add_particles(content, particles, progress)
            summary.writelines(line.encode() for line in csv_lines(summary_columns(content.images), rows))
        summary.seek(0)
        with archive.member("summary", "csv") as file:
            shutil.copyfileobj(summary, file)
        with archive.member("methods", "txt") as file:
            file.write(as_text(methods(content)).encode())


def _add_particles(content: Content, table: csv.CSVWriter, progress: Progress) -> Iterator[dict[str, Any]]:
    """Write the particles of each image, and yield the image's own row."""
    schema = particle_schema()
    for n_done, image in enumerate(content.images, start=1):
        particles = image.particles()
        table.write_batch(particle_batch(image, particles, schema))
        yield summary_row(image, particles, content.choices.rule)
        progress(n_done)
