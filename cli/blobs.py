"""`saemi admin blobs`: blob store and database compared, and what no row names removed."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime

import click

from cli.console import EXIT_SOME_FAILED, print_json, print_table
from cli.preparation import required_database
from shared.housekeeping import BlobSurvey, clean_blobs, survey_blobs
from shared.settings import load_settings
from shared.storage import StoredBlob
from shared.stores import blob_store

MISSING_SHOWN = 20


@click.command()
@click.option("--check", is_flag=True, help="Say what is wrong and change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON, every missing file named.")
@click.pass_context
def blobs(context: click.Context, *, check: bool, as_json: bool) -> None:
    """Remove files that belong to nothing, and name those that are missing.

    A file that belongs to nothing for a day is set aside, and removed a day later. Exit code 1 where files are missing.
    """
    settings = load_settings()
    database, store, now = required_database(settings), blob_store(settings), datetime.now(UTC)
    with database.reading() as session:
        survey = survey_blobs(session, store, now)
    if not check:
        clean_blobs(store, survey, now)
    _print(survey, as_json=as_json)
    context.exit(EXIT_SOME_FAILED if survey.missing else 0)


def _print(survey: BlobSurvey, *, as_json: bool) -> None:
    groups = {
        "orphans": ("belong to nothing: set aside", survey.orphans),
        "to_bring_back": ("set aside, belong to something after all: brought back", survey.to_bring_back),
        "to_discard": ("set aside for a day: removed", survey.to_discard),
    }
    if as_json:
        counts = {name: _count(found) for name, (_, found) in groups.items()}
        missing = [asdict(blob) for blob in survey.missing]
        print_json({"n_blobs": survey.n_blobs, "n_bytes": survey.n_bytes, **counts, "missing": missing})
        return
    wrong = [(says, *_count(found).values()) for says, found in groups.values()]
    rows = [("stored", survey.n_blobs, survey.n_bytes), *wrong, ("missing", len(survey.missing), None)]
    print_table(("files", "number", "bytes"), rows)
    for blob in survey.missing[:MISSING_SHOWN]:
        click.echo(f"missing: {blob.sha256}, named by {blob.named_by}")
    if len(survey.missing) > MISSING_SHOWN:
        click.echo(f"and {len(survey.missing) - MISSING_SHOWN:,} more (--json names all)")


def _count(found: Sequence[StoredBlob]) -> dict[str, int]:
    return {"n_blobs": len(found), "n_bytes": sum(blob.n_bytes for blob in found)}
