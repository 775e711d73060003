"""Whether every instrument's file is read, and its own statement of the pixel size: truth against finding, file by file.

Usage: ``python benchmarks/calibration.py DATA``, where DATA holds ``vendor/manifest.csv``. A file is right where its pixel
size lies within 0.1 % of the truth, or is reported missing where there is none; the exit code is 1 where one is wrong. Below
the list stands a table in Markdown with a row for each kind.
"""

import csv
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from shared.errors import SaemiError
from worker.micrograph.sandbox import Decoder
from worker.micrograph.side_cars import conclude_alone

TOLERANCE = 1e-3
VERDICTS = ("right", "missing", "wrong")


@dataclass(frozen=True, slots=True)
class Reading:
    """Truth and finding for one file, nm; None where there is no pixel size."""

    name: str
    kind: str
    truth: float | None
    found: float | None
    tag: str
    seconds: float

    @property
    def verdict(self) -> str:
        """``right``, ``missing`` (there is one, and it was not used) or ``wrong``."""
        if self.truth is None or self.found is None:
            return "right" if self.truth is self.found else ("missing" if self.found is None else "wrong")
        return "right" if abs(self.found / self.truth - 1) <= TOLERANCE else "wrong"


def readings(data: Path) -> list[Reading]:
    """Read every file of the manifest."""
    with (data / "vendor" / "manifest.csv").open(encoding="utf-8") as stream, Decoder() as decoder:
        rows = list(csv.DictReader(stream))
        return [_reading(decoder, data / row["file"], row["format"], row["pixel_size_nm"]) for row in rows]


def report(results: list[Reading]) -> str:
    """Write the table and the sums below it."""
    width = max(len(result.name) for result in results)
    lines = [f"{'file':<{width}}  {'truth (nm)':>12}  {'found (nm)':>12}  {'verdict':<7}  {'s':>5}  read from"]
    for result in results:
        figures = f"{_figure(result.truth):>12}  {_figure(result.found):>12}"
        lines.append(f"{result.name:<{width}}  {figures}  {result.verdict:<7}  {result.seconds:5.2f}  {result.tag}")
    counts = ", ".join(f"{count} {verdict}" for verdict, count in zip(VERDICTS, _counts(results), strict=True))
    return "\n".join([*lines, f"{len(results)} files: {counts}"])


def table(results: list[Reading]) -> str:
    """Write the figures of each kind of file as a table in Markdown, the kinds in the order of the manifest."""
    lines = [f"| format | files | {' | '.join(VERDICTS)} |", "|---|---:|---:|---:|---:|"]
    kinds = {kind: [result for result in results if result.kind == kind] for kind in dict.fromkeys(r.kind for r in results)}
    for kind, files in {**kinds, "all": results}.items():
        lines.append(f"| {kind} | {len(files)} | {' | '.join(map(str, _counts(files)))} |")
    return "\n".join(lines)


def main() -> int:
    """Print the report; 1 where a pixel size is wrong."""
    results = readings(Path(sys.argv[1]))
    print(report(results))
    print(f"\n{table(results)}")
    return int(any(result.verdict == "wrong" for result in results))


def _counts(results: list[Reading]) -> list[int]:
    """How many files are right, missing and wrong."""
    return [sum(result.verdict == verdict for result in results) for verdict in VERDICTS]


def _reading(decoder: Decoder, path: Path, kind: str, truth: str) -> Reading:
    start = time.perf_counter()
    try:
        metadata = decoder.inspect(path).metadata
        found, tag = (None, "") if metadata is None else (metadata.nm_per_px, metadata.nm_per_px_tag or "")
    except SaemiError as error:
        alone = conclude_alone(path)
        found = None if alone is None else alone.metadata.nm_per_px
        tag = f"not read: {error.code}" if alone is None else f"{alone.metadata.nm_per_px_tag} (side-car alone)"
    return Reading(path.name, kind, float(truth) if truth else None, found, tag, time.perf_counter() - start)


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.7g}"


if __name__ == "__main__":
    sys.exit(main())
