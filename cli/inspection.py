"""`saemi inspect`: what a file states of itself, its pixel size and its banner, without an analysis."""

from pathlib import Path
from typing import Any

import click

from cli.console import EXIT_SOME_FAILED, messages, print_json
from cli.inputs import find_micrographs, readable
from shared.calibration import calibration
from shared.domain import Banner, Calibration, Metadata, Micrograph
from shared.errors import SaemiError
from shared.settings import load_settings
from worker.analysis.banner import locate_banner
from worker.analysis.calibration import calibrate
from worker.micrograph.limits import DecodeLimits
from worker.micrograph.sandbox import Decoder
from worker.micrograph.side_cars import conclude_alone

STATED_COLUMNS = ("instrument", "metadata_nm_per_px")
KEYS = (
    "file", "width_px", "height_px", "bit_depth", "format", "instrument", "nm_per_px", "calibration_source",
    "calibration_status", "metadata_nm_per_px", "scale_bar", "banner", "warnings", "error_code", "error_message",
)  # fmt: skip


@click.command()
@click.argument("paths", metavar="FILE...", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON, one object for each file.")
@click.pass_context
def inspect(context: click.Context, *, paths: tuple[Path, ...], as_json: bool) -> None:
    """Show calibration and banner of micrographs. FILE may also be a folder, which is searched for images."""
    settings = load_settings()
    limits = DecodeLimits(max_pixels=settings.max_pixels, timeout_s=settings.decode_timeout_s)
    with Decoder(limits) as decoder:
        records = [_inspect_one(decoder, path) for path in find_micrographs(paths)]
    if as_json:
        print_json(records)
    else:
        for record in records:
            click.echo(_line(record))
    failed = sum(record["error_code"] is not None for record in records)
    if failed:
        messages.print(f"{failed} of {len(records)} files could not be read.")
    context.exit(EXIT_SOME_FAILED if failed else 0)


def stated(metadata: Metadata | None) -> dict[str, Any]:
    """Return what a file states of itself, under the names of `STATED_COLUMNS`."""
    if metadata is None:
        return dict.fromkeys(STATED_COLUMNS)
    return {"instrument": metadata.instrument, "metadata_nm_per_px": metadata.nm_per_px}


def _inspect_one(decoder: Decoder, path: Path) -> dict[str, Any]:
    empty = dict.fromkeys(KEYS) | {"file": readable(path), "warnings": []}
    try:
        micrograph = decoder.inspect(path)
    except SaemiError as error:
        alone = _found_alone(path)
        return empty | ({"error_code": error.code, "error_message": error.message} if alone is None else alone)
    return empty | _found(micrograph)


def _found(micrograph: Micrograph) -> dict[str, Any]:
    return {
        "width_px": micrograph.width_px,
        "height_px": micrograph.height_px,
        "bit_depth": micrograph.bit_depth,
        "format": micrograph.format,
        **stated(micrograph.metadata),
        **_described(calibrate(micrograph, None)),
        "banner": _rows(locate_banner(micrograph)),
        "warnings": list(micrograph.warnings),
    }


def _found_alone(path: Path) -> dict[str, Any] | None:
    """Return what a side-car without its image states; None where the file is no side-car."""
    conclusion = conclude_alone(path)
    if conclusion is None:
        return None
    warning = "This is the side-car of an image, not an image; hand in both together."
    return {
        **stated(conclusion.metadata),
        **_described(calibration(None, conclusion.metadata.nm_per_px, None)),
        "warnings": [warning, *conclusion.warnings],
    }


def _described(found: Calibration) -> dict[str, Any]:
    return {"nm_per_px": found.nm_per_px, "calibration_source": found.source, "calibration_status": found.status}


def _rows(banner: Banner | None) -> dict[str, int] | None:
    return None if banner is None else {"top": banner.top, "bottom": banner.bottom}


def _line(record: dict[str, Any]) -> str:
    """One line for people: file, size, pixel size and its source, instrument, banner, warnings."""
    if record["error_code"] is not None:
        return f"{record['file']}: {record['error_message']}"
    parts = [] if record["width_px"] is None else [f"{record['width_px']} × {record['height_px']} px, {record['format']}"]
    if record["nm_per_px"] is None:
        parts.append(f"pixel size {record['calibration_status']}")
    else:
        parts.append(f"{record['nm_per_px']:.6g} nm/px ({record['calibration_source']})")
    if record["instrument"]:
        parts.append(record["instrument"])
    if record["banner"]:
        parts.append(f"banner rows {record['banner']['top']} to {record['banner']['bottom'] - 1}")
    return f"{record['file']}: {'; '.join([*parts, *record['warnings']])}"
