"""How well and how fast the instrument's banner is found: recall, false claims, time, and every miss by name.

Usage: ``python benchmarks/banner.py DATA``, where DATA holds ``banners/manifest.csv`` and ``emps/images``.
"""

import csv
import logging
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from shared.domain import Banner, Pixels
from worker.analysis.banner import find_banner

TOLERANCE_PX = 3
UNDECIDED = "none or partial"


@dataclass(frozen=True, slots=True)
class Finding:
    """Truth and answer for one image; ``true_top`` is None where there is no banner."""

    name: str
    shape: tuple[int, int]
    true_top: int | None
    found: Banner | None
    seconds: float

    @property
    def is_right(self) -> bool:
        """Whether the answer is the truth: no banner claimed, or its first row within the tolerance."""
        if self.true_top is None or self.found is None:
            return self.true_top is None and self.found is None
        return abs(self.found.top - self.true_top) <= TOLERANCE_PX


def findings(data: Path) -> Iterator[Finding]:
    """Run the search on every image of the manifest and on every EMPS image that it does not name."""
    for path, top in _truth(data):
        pixels = _read(path)
        start = time.perf_counter()
        found = find_banner(pixels)
        seconds = time.perf_counter() - start
        yield Finding(path.name, (pixels.shape[0], pixels.shape[1]), top, found, seconds)


def report(results: list[Finding]) -> str:
    """Write the figures as a table, the misses below it."""
    with_banner = [r for r in results if r.true_top is not None]
    without = [r for r in results if r.true_top is None]
    recalled, claimed = sum(r.is_right for r in with_banner), sum(not r.is_right for r in without)
    per_mpx = [r.seconds * 1e3 / (r.shape[0] * r.shape[1] / 1e6) for r in results]
    lines = [
        f"images with a banner     {len(with_banner)}",
        f"top row within {TOLERANCE_PX} px     {recalled} ({recalled / max(len(with_banner), 1):.1%})",
        f"images without           {len(without)}",
        f"banner claimed wrongly   {claimed} ({claimed / max(len(without), 1):.1%})",
        f"ms per image             median {np.median([r.seconds for r in results]) * 1e3:.1f}, "
        f"slowest {max(r.seconds for r in results) * 1e3:.1f}",
        f"ms per megapixel         median {np.median(per_mpx):.1f}",
    ]
    lines += [f"miss: {r.name} {r.shape} truth {r.true_top} found {r.found}" for r in results if not r.is_right]
    return "\n".join(lines)


def _truth(data: Path) -> Iterator[tuple[Path, int | None]]:
    named = set()
    with (data / "banners" / "manifest.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            path = data / row["file"]
            named.add(path.name)
            if row["banner_top_row"] != UNDECIDED:
                yield path, None if row["banner_top_row"] == "none" else int(row["banner_top_row"])
    for path in sorted((data / "emps" / "images").glob("*.png")):
        if path.name not in named:
            yield path, None


def _read(path: Path) -> Pixels:
    pixels = cv2.imread(str(path), cv2.IMREAD_ANYDEPTH | cv2.IMREAD_GRAYSCALE)
    if pixels is None:
        sys.exit(f"{path}: not readable")
    return pixels.astype(pixels.dtype if pixels.dtype in (np.uint8, np.uint16) else np.float32)


def main(arguments: list[str]) -> None:
    """Print the table for the folder named on the command line."""
    if len(arguments) != 1:
        sys.exit(__doc__)
    cv2.setNumThreads(1)
    logging.basicConfig(level=logging.ERROR)
    print(report(list(findings(Path(arguments[0])))))


if __name__ == "__main__":
    main(sys.argv[1:])
