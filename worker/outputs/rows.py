"""Particles and images as rows of tables: which columns, of which types, the same in every table format."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from shared.distributions.sample import CountingRule
from shared.distributions.size_statistics import size_statistics
from shared.quantities import PARTICLE_QUANTITIES, ParticleTable
from shared.tables import SUBMISSION_COLUMNS, metadata_column, particle_types
from worker.outputs.content import AnalysedImage

# What joins a particle to the row of its image, and to the files that are called after its stem.
KEY_FIELDS = (
    pa.field("file", pa.string(), metadata={"definition": "Name under which the image was handed in."}),
    pa.field("image", pa.int64(), metadata={"definition": "Which image of the file, from 1."}),
    pa.field("sample", pa.string(), metadata={"definition": "Sample, where one was stated."}),
    pa.field("stem", pa.string(), metadata={"definition": "What files of this image are called after; one for each image."}),
)
ARROW_TYPES = {int: pa.int64(), float: pa.float64(), bool: pa.bool_()}


def particle_schema() -> pa.Schema:
    """Return the columns of a table of particles, each with its unit and definition."""
    types = particle_types()
    return pa.schema(
        [
            *KEY_FIELDS,
            *(
                pa.field(one.name, ARROW_TYPES[types[one.name]], metadata={"unit": one.unit, "definition": one.definition})
                for one in PARTICLE_QUANTITIES
            ),
        ]
    )


def particle_batch(image: AnalysedImage, particles: ParticleTable, schema: pa.Schema) -> pa.RecordBatch:
    """Return the particles of one image; what is not known or not finite is null."""
    keys = image_keys(image)
    columns = [
        _repeated(keys[field.name], field.type, len(particles))
        if field.name in keys
        else _column(getattr(particles, field.name), field.type, len(particles))
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def summary_columns(images: Iterable[AnalysedImage]) -> tuple[str, ...]:
    """Name the columns of a table of images: those of every summary, and what the manifests say of any of them."""
    manifest = dict.fromkeys(name for image in images for name in image.record if name.startswith(metadata_column("")))
    return ("stem", *SUBMISSION_COLUMNS, *manifest)


def summary_row(image: AnalysedImage, particles: ParticleTable, rule: CountingRule) -> dict[str, Any]:
    """Return one image under the names of the columns, its statistics under the counting rule; what is not known is missing."""
    row = {"stem": image.stem} | dict(image.record)
    # Older releases had other statistics, and no number of those that count.
    if row["counting_rule"] == rule and row["n_counted"] is not None:
        return row
    field_px = (row["field_bottom"] - row["field_top"]) * (row["field_right"] - row["field_left"])
    statistics = asdict(size_statistics(particles, field_px, rule))
    # What covers the field is the same by every rule, and the record knows the annotations in it.
    return row | statistics | {"coverage": row["coverage"], "counting_rule": rule}


def image_keys(image: AnalysedImage) -> dict[str, Any]:
    """Return what joins rows to this image."""
    return {"stem": image.stem} | {field.name: image.record.get(field.name) for field in KEY_FIELDS if field.name != "stem"}


def _repeated(value: Any, of: pa.DataType, n: int) -> pa.Array:
    return pa.nulls(n, of) if value is None else pa.repeat(pa.scalar(value, of), n)


def _column(values: NDArray[Any] | None, of: pa.DataType, n: int) -> pa.Array:
    if values is None:
        return pa.nulls(n, of)
    return pa.array(values, of, mask=~np.isfinite(values))
