"""What commands leave behind: a folder with tables for each image and a summary, and the summary on the screen."""

from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

from cli.console import print_json, print_table
from cli.summary import write_summary
from shared.distributions.size_statistics import why_missing
from shared.errors import OperatorError
from shared.quantities import ParticleTable
from shared.tables import PARTICLE_COLUMNS, csv_lines

SHOWN = ("file", "n_particles", "ecd_mean_px", "ecd_mean_nm", "ecd_d50_px", "ecd_d50_nm", "fitness")


def make_folder(out: Path) -> None:
    """Make the folder of the results, or raise OperatorError ``out_unwritable``."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OperatorError(f"The results cannot be written to {out}: {error.strerror}.", code="out_unwritable") from error


def report(out: Path, records: list[dict[str, Any]], *, as_json: bool) -> None:
    """Write the summary and print it, for programs or for people."""
    public = write_summary(out, records)
    if as_json:
        print_json(public)
    else:
        print_table((*SHOWN, "remark"), [[*(record[name] for name in SHOWN), _remark(record)] for record in records])


def write_particles(path: Path, particles: ParticleTable) -> None:
    """Write the table of the particles of one image."""
    path.write_text("".join(csv_lines(PARTICLE_COLUMNS, _particle_records(particles))), encoding="utf-8")


def _remark(record: dict[str, Any]) -> str | None:
    """Say why an image has failed, or why statistics of it are missing."""
    if record["state"] == "failed":
        return str(record["error_message"])
    return why_missing(record["n_particles"], record["n_counted"])


def _particle_records(particles: ParticleTable) -> Iterator[dict[str, Any]]:
    """Yield one mapping of plain Python numbers for each particle, keys in the order of the columns."""
    names = [f.name for f in fields(particles)]
    columns = [getattr(particles, name) for name in names]
    lists = [[None] * len(particles) if column is None else column.tolist() for column in columns]
    for values in zip(*lists, strict=True):
        yield dict(zip(names, values, strict=True))
