"""`saemi inspect`: what a file states of itself, its pixel size and its banner, without an analysis.

The decoding process is started before anything else: it loads its libraries while this process loads its own.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.console import EXIT_SOME_FAILED, messages, print_json
from cli.images import images_option, scale_bar_option
from cli.inputs import find_micrographs
from shared.image_names import WhichImages
from worker.micrograph.decoding_child import DecodingChild

if TYPE_CHECKING:
    from worker.analysis.lettering import TextReader


def _reader() -> "TextReader":
    from worker.text_reader import RapidTextReader

    return RapidTextReader(threads=len(os.sched_getaffinity(0)))


@click.command()
@click.argument("paths", metavar="FILE...", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@images_option
@scale_bar_option
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON, one object for each image.")
@click.pass_context
def inspect(context: click.Context, *, paths: tuple[Path, ...], which: WhichImages, scale_bar: bool, as_json: bool) -> None:
    """Show pixel size, scale bar and banner of micrographs. FILE may also be a folder, which is searched for images."""
    files = find_micrographs(paths)
    child = DecodingChild()
    try:
        from cli.findings import inspect_files, one_line
        from shared.settings import load_settings
        from worker.micrograph.limits import DecodeLimits

        limits = DecodeLimits.of(load_settings())
        records = inspect_files(files, which, limits, child, _reader() if scale_bar else None)
    finally:
        child.end()
    if as_json:
        print_json(records)
    else:
        for record in records:
            click.echo(one_line(record))
    failed = sum(record["error_code"] is not None for record in records)
    if failed:
        messages.print(f"{failed} of {len(records)} images could not be read.")
    context.exit(EXIT_SOME_FAILED if failed else 0)
