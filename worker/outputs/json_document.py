"""Images, particles and methods as one JSON document."""

import json
from pathlib import Path
from typing import Any

from shared.quantities import PARTICLE_QUANTITIES, STATISTIC_QUANTITIES
from worker.outputs.content import Content
from worker.outputs.formats import Progress
from worker.outputs.methods import as_json, methods
from worker.outputs.rows import particle_batch, particle_schema, summary_columns, summary_row


def write(content: Content, target: Path, progress: Progress) -> None:
    """Write ``title``, ``methods``, ``quantities``, ``left_out`` and ``images``; one image is in memory at a time.

    Each image has the columns of the summary, and under ``particles`` one list for each quantity, all of the same length;
    what is not known is null.
    """
    schema, columns = particle_schema(), summary_columns(content.images)
    head = {
        "title": content.title,
        "methods": as_json(methods(content)),
        "quantities": {
            one.name: {"unit": one.unit, "definition": one.definition} for one in (*PARTICLE_QUANTITIES, *STATISTIC_QUANTITIES)
        },
        "left_out": [{"name": one.name, "reason": one.reason} for one in content.left_out],
    }
    with target.open("w", encoding="utf-8", newline="\n") as file:
        file.write(_dumped(head).removesuffix("}") + ',"images":[')
        for n_done, image in enumerate(content.images, start=1):
            particles = image.particles()
            row = summary_row(image, particles, content.choices.rule)
            batch = particle_batch(image, particles, schema)
            lists = {one.name: batch.column(one.name).to_pylist() for one in PARTICLE_QUANTITIES}
            file.write("\n" if n_done == 1 else ",\n")
            file.write(_dumped({column: row.get(column) for column in columns} | {"particles": lists}))
            progress(n_done)
        file.write("\n]}\n")


def _dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
