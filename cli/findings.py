"""What `saemi inspect` finds: a record for each image, under the names of its contract."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from cli.images import ImageOfFile, left_out
from cli.inputs import readable
from shared.calibration import calibration
from shared.domain import Calibration, Metadata, Micrograph, ScaleBar
from shared.errors import SaemiError
from shared.geometry import Banner
from shared.image_names import IMAGE_COLUMNS, WhichImages
from worker.analysis.inscriptions import calibrate, read_inscriptions
from worker.analysis.lettering import TextReader
from worker.micrograph.decoding_child import DecodingChild
from worker.micrograph.limits import DecodeLimits
from worker.micrograph.sandbox import Decoder
from worker.micrograph.side_cars import conclude_alone

STATED_COLUMNS = ("instrument", "metadata_nm_per_px")
KEYS = (
    "file", "width_px", "height_px", "bit_depth", "format", "instrument", "nm_per_px", "calibration_source",
    "calibration_status", "metadata_nm_per_px", "scale_bar", "banner", "warnings", "error_code", "error_message",
    *IMAGE_COLUMNS,
)  # fmt: skip
SCALE_BAR_KEYS = ("text", "value_nm", "length_px", "nm_per_px", "x0", "x1", "y", "confidence")
# A decoding process takes as long to start as so many files take to read.
FILES_PER_PROCESS = 30


def inspect_files(
    files: Sequence[Path], which: WhichImages, limits: DecodeLimits, child: DecodingChild, reader: TextReader | None
) -> list[dict[str, Any]]:
    """Inspect files, side by side where there are many.

    Parameters
    ----------
    files
        The files, in the order of the records.
    which
        Of several images in a file, the first or all.
    limits
        Ceilings for each image.
    child
        A decoding process that has been started already.
    reader
        Reads the scale bars; without one they are not read.

    Returns
    -------
    list of dict
        A record for each image, its keys those of `KEYS`.
    """
    n_processes = max(1, min(len(os.sched_getaffinity(0)), len(files) // FILES_PER_PROCESS))
    decoders = [Decoder(limits, child), *(Decoder(limits) for _ in range(n_processes - 1))]
    idle: SimpleQueue[Decoder] = SimpleQueue()
    for decoder in decoders:
        idle.put(decoder)

    def found_in(path: Path) -> list[dict[str, Any]]:
        decoder = idle.get()
        try:
            return list(_records(decoder, path, which, reader))
        finally:
            idle.put(decoder)

    pool = ThreadPoolExecutor(n_processes)
    try:
        return [record for records in pool.map(found_in, files) for record in records]
    finally:
        # Ctrl-C waits for the images in hand only.
        pool.shutdown(cancel_futures=True)
        for decoder in decoders:
            decoder.close()


def stated(metadata: Metadata | None) -> dict[str, Any]:
    """Return what a file states of itself, under the names of `STATED_COLUMNS`."""
    if metadata is None:
        return dict.fromkeys(STATED_COLUMNS)
    return {"instrument": metadata.instrument, "metadata_nm_per_px": metadata.nm_per_px}


def _records(decoder: Decoder, path: Path, which: WhichImages, reader: TextReader | None) -> Iterator[dict[str, Any]]:
    """A record for each image of a file; one where the file cannot be read."""
    try:
        if which == "all":
            n_images = decoder.count_images(path)
            yield from (_record(decoder, ImageOfFile(path, index, n_images), reader) for index in range(n_images))
        else:
            micrograph = decoder.inspect(path)
            micrograph = replace(micrograph, warnings=(*micrograph.warnings, *left_out(micrograph.n_images)))
            yield _empty(ImageOfFile(path, 0, micrograph.n_images)) | _found(micrograph, reader)
    except SaemiError as error:
        alone, image = _found_alone(path), ImageOfFile(path)
        yield _failed(image, error) if alone is None else _empty(image) | alone


def _record(decoder: Decoder, image: ImageOfFile, reader: TextReader | None) -> dict[str, Any]:
    try:
        return _empty(image) | _found(decoder.inspect(image.path, index=image.index), reader)
    except SaemiError as error:
        return _failed(image, error)


def _empty(image: ImageOfFile) -> dict[str, Any]:
    return dict.fromkeys(KEYS) | {"file": readable(image.path), "warnings": []} | image.place


def _failed(image: ImageOfFile, error: SaemiError) -> dict[str, Any]:
    return _empty(image) | {"error_code": error.code, "error_message": error.message}


def described_scale_bar(bar: ScaleBar | None) -> dict[str, Any] | None:
    """Return what was read of a scale bar, under the names of the contract."""
    if bar is None:
        return None
    return {name: getattr(bar, name) for name in SCALE_BAR_KEYS}


def _found(micrograph: Micrograph, reader: TextReader | None) -> dict[str, Any]:
    written = read_inscriptions(micrograph, reader)
    return {
        "width_px": micrograph.width_px,
        "height_px": micrograph.height_px,
        "bit_depth": micrograph.bit_depth,
        "format": micrograph.format,
        **stated(micrograph.metadata),
        **_described(calibrate(micrograph, written.scale_bar, None)),
        "scale_bar": described_scale_bar(written.scale_bar),
        "banner": _rows(written.banner),
        "warnings": [*micrograph.warnings, *written.warnings],
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


def one_line(record: dict[str, Any]) -> str:
    """One line for people: file, size, pixel size and its source, instrument, banner, warnings."""
    if record["error_code"] is not None:
        return f"{record['file']}: {record['error_message']}"
    parts = [] if record["width_px"] is None else [f"{record['width_px']} × {record['height_px']} px, {record['format']}"]
    if record["nm_per_px"] is None:
        parts.append(f"pixel size {record['calibration_status']}")
    else:
        parts.append(f"{record['nm_per_px']:.6g} nm/px ({record['calibration_source']})")
    if record["scale_bar"]:
        bar = record["scale_bar"]
        parts.append(f"scale bar {bar['text']} over {bar['length_px']:.1f} px")
    if record["instrument"]:
        parts.append(record["instrument"])
    if record["banner"]:
        parts.append(f"banner rows {record['banner']['top']} to {record['banner']['bottom'] - 1}")
    return f"{record['file']}: {'; '.join([*parts, *record['warnings']])}"
