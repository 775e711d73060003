"""Tables as text: particles of all images, a row for each image, and the methods, in one ZIP archive."""

from pathlib import Path

from pyarrow import csv

from shared.tables import csv_lines
from worker.outputs.archive import Archive
from worker.outputs.content import Content
from worker.outputs.formats import Progress
from worker.outputs.methods import as_text, methods
from worker.outputs.particle_rows import particle_batch, particle_schema, summary_columns, summary_row


def write(content: Content, target: Path, progress: Progress) -> None:
    """Write ``particles.csv``, ``summary.csv`` and ``methods.txt``; one image is in memory at a time."""
    schema = particle_schema()
    with Archive(target) as archive:
        with archive.member("particles", "csv") as file, csv.CSVWriter(file, schema) as writer:
            for n_done, image in enumerate(content.images, start=1):
                writer.write_batch(particle_batch(image, image.particles(), schema))
                progress(n_done)
        with archive.member("summary", "csv") as file:
            for line in csv_lines(summary_columns(content.images), map(summary_row, content.images)):
                file.write(line.encode())
        with archive.member("methods", "txt") as file:
            file.write(as_text(methods(content)).encode())
