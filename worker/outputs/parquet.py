"""Particles as one typed table in a Parquet file; units, definitions and methods stand in its metadata."""

import json
from pathlib import Path

import pyarrow as pa
from pyarrow.parquet import ParquetWriter

from worker.outputs.content import Content
from worker.outputs.formats import Progress
from worker.outputs.methods import as_json, methods
from worker.outputs.rows import particle_batch, particle_schema

# Row groups of a few hundred particles would be read slowly and pack badly. A row takes about 300 bytes.
ROWS_IN_MEMORY = 100_000


def write(content: Content, target: Path, progress: Progress) -> None:
    """Write the particles of all images; ``saemi.title`` and ``saemi.methods`` of the schema's metadata are text and JSON.

    100,000 rows, or one image if that has more, are in memory at a time.
    """
    schema = particle_schema()
    said = {"saemi.title": content.title, "saemi.methods": json.dumps(as_json(methods(content)), ensure_ascii=False)}
    waiting: list[pa.RecordBatch] = []
    with ParquetWriter(target, schema.with_metadata(said), compression="zstd") as writer:
        for n_done, image in enumerate(content.images, start=1):
            waiting.append(particle_batch(image, image.particles(), schema))
            if sum(len(batch) for batch in waiting) >= ROWS_IN_MEMORY:
                writer.write_table(pa.Table.from_batches(waiting, schema))
                waiting.clear()
            progress(n_done)
        if any(map(len, waiting)):
            writer.write_table(pa.Table.from_batches(waiting, schema))
